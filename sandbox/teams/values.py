"""Which values does the simulated Teams have? Who is there, and what has changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

type Entity = dict[str, Any]
"""A resource as Graph's JSON has it."""
type Path = tuple[str, ...]
"""Collections and ids in turn: ``("teams", id, "channels", id)``."""
type ChangeType = Literal["created", "updated", "deleted"]
type Context = Mapping[str, tuple[str, ...]]
"""What is around a thing and not in its path: ``user`` and ``app`` have the ids of those in its conversation, others
(``organizer``, ``scope``, ``membershipType``, ``reason``) are what a subscription's options choose by."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


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
    context: Context = _NOTHING
    resource: str | None = None
    """As notifications spell the path, where that is not ``chats('id')/messages('id')``."""
    odata_id: str | None = None
    """``@odata.id`` where it differs from the resource."""
    resource_id: str | None = None
    """``resourceData.id`` where it is not the last of the path."""
    extras: Mapping[str, str] = _NOTHING
    """What notifications of it say beside the usual, such as ``organizationId``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One thing as it is at this moment; the entity is the simulation's own, to be read and not to be changed."""

    path: Path
    entity: Entity = field(repr=False)
    version: int
    """Grows with everything that happens, so that of two things the one that changed later has the larger one."""
