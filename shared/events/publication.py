"""Records of published events, and the choice of events that are still to be published.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.events.cloud_events import CloudEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationRecord:
    """The ids of the events published under one ``dedup_key``, and the latest time; ``etag`` is None for a new row."""

    key: str
    entries: tuple[str, ...]
    published_at: datetime
    etag: str | None = None

    def with_entries(self, entries: Iterable[str], at: datetime) -> "PublicationRecord":
        """Return the record with ``entries`` added. Entries are never removed, so two records can be merged."""
        return replace(
            self, entries=tuple(dict.fromkeys((*self.entries, *entries))), published_at=max(self.published_at, at)
        )

    def repeats(self, event: CloudEvent) -> bool:
        """Return whether ``event`` was published before.

        A GET never gives the same bytes as a notification, so what is read from Graph repeats anything of its version,
        and the reverse. So does an event without content.
        """
        if not event.provenance.is_delivered:
            return bool(self.entries)
        return event.id in self.entries or self.key in self.entries

    def as_first_published(self, event: CloudEvent) -> CloudEvent:
        """Return the event; a repeated one has the time of its first publication."""
        return replace(event, time=min(event.time, self.published_at)) if self.repeats(event) else event


def unpublished(events: Iterable[CloudEvent], records: Mapping[str, PublicationRecord]) -> Sequence[CloudEvent]:
    """Return the events that repeat neither their record (``records`` is by key) nor an earlier one of ``events``."""
    seen, new = dict(records), list[CloudEvent]()
    for event in events:
        record = seen[event.provenance.dedup_key]
        if not record.repeats(event):
            new.append(event)
            seen[record.key] = record.with_entries([event.id], record.published_at)
    return new
