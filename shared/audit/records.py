"""Since when there are records of what was published: without them, an audit would find everything missing.

The table of each day has a marker, written the day before. A table that was lost, or made again by the next record, has
none.

Source: https://learn.microsoft.com/rest/api/storageservices/delete-table
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from shared.events.publication import KEPT_LONGER, days_between
from shared.subscriptions.deployment_status import Records

# Of the rows of records, in ``shared.events.publication_table``: with another one, older rows are not found.
LAYOUT = 1
# Instances with former settings live on for minutes, and write no records, or others.
_KNOWN_AFTER = timedelta(minutes=15)


class RecordMarkers(Protocol):
    """The tables of records; both methods raise Unavailable or Misconfigured."""

    def has_marker(self, day: date) -> bool:
        """Return whether the table of a day has its marker."""
        ...

    def write_marker(self, day: date) -> None:
        """Write the marker of a day, and with it the table; one that exists stays."""
        ...


def checked_records(
    known: Records | None, markers: RecordMarkers, *, deduplicate_for: timedelta, now: datetime
) -> Records | None:
    """Return since when there are records, and write the markers of today and tomorrow; None: nothing is recorded."""
    if not deduplicate_for:
        return None
    records = known if known is not None and _are_whole(known, markers, deduplicate_for, now) else None
    for day in _today_and_tomorrow(now):
        markers.write_marker(day)
    return records or Records(since=now + _KNOWN_AFTER, layout=LAYOUT)


def _are_whole(known: Records, markers: RecordMarkers, deduplicate_for: timedelta, now: datetime) -> bool:
    if known.layout != LAYOUT:
        return False
    # From the beginning of a day on, the tables before it may be dropped.
    since = max(known.since, now - deduplicate_for - KEPT_LONGER)
    return all(markers.has_marker(day) for day in days_between(since, now))


def _today_and_tomorrow(now: datetime) -> Sequence[date]:
    today = now.astimezone(UTC).date()
    return (today, today + timedelta(days=1))


def readable_since(records: Records, *, deduplicate_for: timedelta, until: datetime) -> datetime:
    """Return since when what was published has a record that a look-up finds at any time before ``until``."""
    return max(records.since, until - deduplicate_for - KEPT_LONGER)
