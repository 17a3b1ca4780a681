"""The values of the simulated Teams: who there is, and what has changed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

type Entity = dict[str, Any]
"""A resource as Graph's JSON has it."""
type Path = tuple[str, ...]
"""Collections and ids in turn: ``("teams", id, "channels", id)``."""
type ChangeType = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person of one tenant."""

    id: str
    tenant_id: str
    display_name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that was created, updated or deleted, with what it looked like right then."""

    tenant_id: str
    change_type: ChangeType
    path: Path
    odata_type: str
    entity: Entity = field(repr=False)
    when: datetime
