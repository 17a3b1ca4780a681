"""What a row of the catalogue says about a path that can be subscribed to."""

from dataclasses import dataclass
from datetime import timedelta

CREATED_UPDATED = frozenset({"created", "updated"})
CREATED_DELETED = frozenset({"created", "deleted"})
ALL = frozenset({"created", "updated", "deleted"})

_THREE_DAYS = timedelta(minutes=4320)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One row: a path that can be subscribed to, and what its subscriptions get to hear."""

    template: str
    """The path, ``chats/{chat}/messages``."""
    entity: str
    """The kind of thing, as Graph's schema names it."""
    change_types: frozenset[str]
    permissions: tuple[str, ...]
    """One of these is needed."""
    covers: tuple[str, ...] = ()
    """Templates of the things whose changes it reports; what the path's own names stand for must agree."""
    rich: bool = True
    rich_only: bool = False
    """Whether there are no notifications of it without the resource."""
    beta_only: bool = False
    max_lifetime: timedelta = _THREE_DAYS
    options: frozenset[str] = frozenset()
    """Query options that the path takes."""
    per_app: int | None = None
    """Subscriptions an app may have on one path; None where only the tenant's pool counts."""
    per_path: int | None = None
    """Subscriptions that all apps together may have on one path."""
