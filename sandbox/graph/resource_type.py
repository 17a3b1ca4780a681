"""What does a row of the catalogue say of a path? Who may subscribe to it, how, and to which changes of what."""

from dataclasses import dataclass
from datetime import timedelta

_THREE_DAYS = timedelta(minutes=4320)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One row: a path that can be subscribed to, and what its subscriptions report."""

    template: str
    """The path, ``chats/{chat}/messages``."""
    entity: str
    """The type of the items, as Graph's schema names it."""
    change_types: frozenset[str]
    permissions: tuple[str, ...] = ()
    """Of an app for itself, of which one is needed; empty where the path is for users only."""
    delegated: tuple[str, ...] = ()
    """Of an app for a signed-in user, of which one is needed; empty where the path is for applications only."""
    covers: tuple[str, ...] = ()
    """Templates of the items whose changes it reports; what the path's own names stand for must agree."""
    rich: bool = True
    rich_only: bool = False
    """Whether there are no notifications of it without the resource."""
    beta_only: bool = False
    max_lifetime: timedelta = _THREE_DAYS
    options: frozenset[str] = frozenset()
    """Query options that the path takes."""
    filter_required: bool = False
    """Whether the path names no item, and the filter does."""
    per_app: int | None = None
    """Subscriptions an app may have on one path; None where only the tenant's pool counts."""
    per_path: int | None = None
    """Subscriptions that all apps together may have on one path."""
    per_user: int | None = None
    """Subscriptions that one app may have for one user to items of this type, whatever their paths."""
