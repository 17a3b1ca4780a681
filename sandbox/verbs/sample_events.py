"""The events about the rest of the catalogue: which sample item each comes from, and which subscription reports it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.graph.catalogue import CATALOGUE
from sandbox.graph.matching import keys_of, reports
from sandbox.graph.paths import bind, fill
from sandbox.graph.resource_type import ResourceType
from sandbox.graph.subscription import Subscription
from sandbox.teams import Change
from sandbox.teams.sample_items import SAMPLE_ITEMS
from sandbox.teams.values import ChangeType

_ENTITIES = {row.entity.casefold(): row.entity for row in CATALOGUE}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvent:
    """A row of ``SAMPLE_ITEMS``, and a change to its item."""

    name: str
    change_type: ChangeType


def _sample_events() -> Iterator[tuple[str, SampleEvent]]:
    for name, item in SAMPLE_ITEMS.items():
        entity = _ENTITIES[item.odata_type.rpartition(".")[2].casefold()]
        for change_type in item.change_types:
            yield (
                f"{entity[0].upper()}{entity[1:]}{change_type.title()}",
                SampleEvent(name=name, change_type=change_type),
            )


# Of several items of one type, the first.
SAMPLE_EVENTS: Mapping[str, SampleEvent] = dict(reversed(list(_sample_events())))


def permissions() -> tuple[str, ...]:
    """Return the permissions with which an app may subscribe to every sample item, the least for each."""
    entities = {_ENTITIES[item.odata_type.rpartition(".")[2].casefold()] for item in SAMPLE_ITEMS.values()}
    return tuple(sorted({row.permissions[0] for row in CATALOGUE if row.entity in entities and row.permissions}))


def is_covered(change: Change, subscriptions: tuple[Subscription, ...]) -> bool:
    """Return whether one of the subscriptions reports a change."""
    keys = set(keys_of(change))
    return any(each.key in keys and reports(each, change) for each in subscriptions)


def entry_for(change: Change) -> Mapping[str, Any] | None:
    """Return an entry of ``subscriptions.json`` that reports a change; None if an app may not ask for it itself."""
    for row in CATALOGUE:
        resource = _resource(row, change)
        if row.permissions and change.change_type in row.change_types and resource is not None:
            return {
                "resource": f"/{resource}",
                "changeType": ",".join(sorted(row.change_types)),
                "includeResourceData": row.rich,
            }
    return None


def _resource(row: ResourceType, change: Change) -> str | None:
    """Return the path of a row for the item of a change; None if it does not cover that item, or chooses among many."""
    bounds = (bind(cover, change.path) for cover in row.covers)
    bound = next((each for each in bounds if each is not None), None)
    names = {part[1:-1] for part in row.template.split("/") if part.startswith("{")}
    if bound is None or not names <= bound.keys():
        return None
    # An address or a name in a path is put in quotes, as the notifications have it.
    return change.resource if names & {"joinWebUrl", "policy"} else fill(row.template, bound)
