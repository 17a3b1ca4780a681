"""What has been published under one key, and which of some events that leaves to be published.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.events.cloud_events import CloudEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationRecord:
    """The ids of the events published under one ``dedup_key``, and when the last was; ``etag`` is None in a new row."""

    key: str
    entries: tuple[str, ...]
    published_at: datetime
    etag: str | None = None

    def with_entries(self, entries: Iterable[str], at: datetime) -> "PublicationRecord":
        """Return the record with ``entries`` added. Entries are only ever added, so two writers can be joined."""
        return replace(
            self, entries=tuple(dict.fromkeys((*self.entries, *entries))), published_at=max(self.published_at, at)
        )

    def repeats(self, event: CloudEvent) -> bool:
        """Return whether ``event`` was published before: with its content, or in any form if it has none."""
        return event.id in self.entries or (bool(self.entries) and not event.has_content)

    def as_first_published(self, event: CloudEvent) -> CloudEvent:
        """Return the event, a repetition with the time of its first publication."""
        return replace(event, time=min(event.time, self.published_at)) if self.repeats(event) else event


def unpublished(events: Iterable[CloudEvent], records: Mapping[str, PublicationRecord]) -> Sequence[CloudEvent]:
    """Return the events that repeat neither what ``records``, by key, contain nor one another."""
    seen, new = dict(records), list[CloudEvent]()
    for event in events:
        record = seen[event.provenance.dedup_key]
        if not record.repeats(event):
            new.append(event)
            seen[record.key] = record.with_entries([event.id], record.published_at)
    return new
