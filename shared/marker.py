"""What has been published under one key, and which of some events that leaves to be published.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.events import CloudEvent, recurrence_id, resource_id

# Versions of one resource that are told from each other; more of them within hours are hardly a person's doing.
MAX_IDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Ids that were published under ``key``, the latest last, and when that was; ``etag`` is None in a new row."""

    key: str
    ids: tuple[str, ...]
    at: datetime
    etag: str | None = None

    @property
    def is_of_one_change(self) -> bool:
        """Whether its id can mean one change only."""
        return set(self.ids) <= {self.key, _bare(self.key)}


def judged(
    events: Iterable[CloudEvent], known: Mapping[str, tuple[str, ...]]
) -> tuple[Mapping[str, tuple[str, ...]], Sequence[CloudEvent]]:
    """Return the ids to be marked, by key, and the events that are to be published."""
    ids: dict[str, tuple[str, ...]] = {}
    fresh = []
    for event in events:
        key = key_of(event)
        before = ids.get(key) or known.get(key, ())
        if before and before[-1] in _enough_for(event):
            continue
        ids[key] = (*before, event.id if event.has_content else _bare(event.id))[-MAX_IDS:]
        # The resource has been like this before, and another way since; or it was told without its content.
        is_told = event.id in before or _bare(event.id) in before
        fresh.append(replace(event, id=recurrence_id(event)) if is_told else event)
    return ids, fresh


def _enough_for(event: CloudEvent) -> frozenset[str]:
    """Return what makes an event a repetition: one without content never stands in the way of one with content."""
    return frozenset({event.id} if event.has_content else {event.id, _bare(event.id)})


def _bare(event_id: str) -> str:
    """Return how a marker notes an event that was published without content."""
    return f"~{event_id}"


def key_of(event: CloudEvent) -> str:
    """Return where the event's marker stands: with those of its resource, if the same id may mean a later change."""
    return resource_id(event) if event.may_recur else event.id
