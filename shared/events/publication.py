"""Records of published events, and the choice of events that are still to be published.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from shared.events.cloud_events import CloudEvent, bare_id

# How much longer than they count for live events records are kept: backfills look into all days.
KEPT_LONGER = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationRecord:
    """The ids of the events published under one ``dedup_key``, and the latest time."""

    key: str
    entries: tuple[str, ...]
    published_at: datetime

    def with_entries(self, entries: Iterable[str], at: datetime) -> "PublicationRecord":
        """Return the record with ``entries`` added. Entries are never removed, so two records can be merged."""
        return replace(
            self, entries=tuple(dict.fromkeys((*self.entries, *entries))), published_at=max(self.published_at, at)
        )

    def repeats(self, event: CloudEvent) -> bool:
        """Return whether ``event`` was published before.

        A GET never gives the same bytes as a notification, so what is read from Graph repeats any content of its
        version, and the reverse. What owes nobody the content repeats anything.
        """
        if event.provenance.is_delivered:
            return event.id in self.entries or self.key in self.entries
        if event.provenance.owes_content:
            return any(entry != bare_id(self.key) for entry in self.entries)
        return bool(self.entries)

    def as_first_published(self, event: CloudEvent) -> CloudEvent:
        """Return the event; a repeated one has the time of its first publication."""
        return replace(event, time=min(event.time, self.published_at)) if self.repeats(event) else event


type IsEnough = Callable[[PublicationRecord], bool]
"""Says whether a record, as far as it has been read, decides what is to be decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationRow:
    """What is stored of one published event, ``entry``: ``is_first`` of its key, or beside the row of another one."""

    key: str
    entry: str
    is_first: bool

    @property
    def name(self) -> str:
        """The row's key in the table. All rows of one key lie between the key and what follows a hyphen."""
        return self.key if self.is_first else f"{self.key}-{self.entry}"


def unpublished(events: Iterable[CloudEvent], records: Mapping[str, PublicationRecord]) -> Sequence[CloudEvent]:
    """Return the events that repeat neither their record (``records`` is by key) nor an earlier one of ``events``."""
    seen, new = dict(records), list[CloudEvent]()
    for event in events:
        record = seen[event.provenance.dedup_key]
        if not record.repeats(event):
            new.append(event)
            seen[record.key] = record.with_entries([event.id], record.published_at)
    return new


def days_between(since: datetime, now: datetime) -> Sequence[date]:
    """Return the days in UTC from ``now`` back to ``since``."""
    last, first = now.astimezone(UTC).date(), since.astimezone(UTC).date()
    return [last - timedelta(days=number) for number in range((last - first).days + 1)]
