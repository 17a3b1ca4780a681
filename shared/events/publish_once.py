"""Publishing each change once, although Graph may send its notification twice.

A record is written soon after the event is in the sink. If the table does not answer, events are published all the
same, because a duplicate is better than a loss; this process still recognises the events that it has published itself.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Protocol

from shared.errors import Misconfigured, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.events.in_flight import InFlight
from shared.events.publication import (
    KEPT_LONGER,
    IsEnough,
    PublicationRecord,
    PublicationRow,
    days_between,
    unpublished,
)
from shared.events.publication_writer import PublicationWriter
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# The share of the remaining time that all look-ups may take: half a second of a POST's, more of a timer run's.
_LOOK_UP_SHARE = 0.25
_PARALLEL_READS = 16
# How long a table that does not answer is not read, so that not every POST waits for it.
_CIRCUIT_OPEN_SECONDS = 5.0
# An instance's clock may be as wrong as this.
_CLOCKS_DIFFER = timedelta(hours=1)
# The changes of a few minutes, about 10 MB.
_MAX_CACHED = 20_000

type Publish = Callable[[Sequence[CloudEvent], Deadline, Callable[[CloudEvent], None]], None]
"""Sends events to the sink, calls back after each one, and returns after the last one; raises Unavailable."""


class PublicationRecords(Protocol):
    """The store of records: a table a day. Both methods raise Unavailable or Misconfigured, ``write`` also Conflict."""

    def read(
        self, key: str, days: Sequence[date], *, since: datetime, is_enough: IsEnough, deadline: Deadline
    ) -> PublicationRecord | None:
        """Return what was written of ``key`` in ``days`` since then, or None; not all of it if less is enough."""
        ...

    def write(self, rows: Sequence[PublicationRow], day: date) -> int | None:
        """Write the rows of one partition, or none: return the position of a first row that exists."""
        ...


class PublishOnce:
    """Publishes events that were not published within ``window``, as far as ``records`` and this process remember."""

    def __init__(
        self, records: PublicationRecords, publish: Publish, *, window: timedelta, now: Callable[[], datetime]
    ) -> None:
        self.writer = PublicationWriter(records.write, now=now)
        self._table = records
        self._publish = publish
        self._window = window
        self._now = now
        self._reads = ThreadPoolExecutor(max_workers=_PARALLEL_READS, thread_name_prefix="publication-reads")
        self._in_flight = InFlight()
        self._cache = _LocalCache()
        self._circuit_open_until = float("-inf")

    def publish(
        self,
        events: Sequence[CloudEvent],
        deadline: Deadline,
        *,
        require_lookup: bool = False,
        is_live: bool = True,
    ) -> Sequence[CloudEvent]:
        """Publish the new ones of ``events`` and return all; a repeated one has the time of its first publication.

        ``require_lookup``: publish nothing if the table does not answer. For callers that can wait. What is not live
        (redriven, or recovered) may repeat anything of the days that are kept.

        Raises:
            Unavailable: from the sink; or another POST has worked on one of the changes for too long.
        """
        _, records = self._publish_new(events, deadline, require_lookup=require_lookup, is_live=is_live)
        return [records[event.provenance.dedup_key].as_first_published(event) for event in events]

    def publish_missing(self, events: Sequence[CloudEvent], deadline: Deadline) -> Sequence[CloudEvent]:
        """Publish what no record of the days that are kept has, and return it; raises as ``publish`` does."""
        return self._publish_new(events, deadline, require_lookup=True, is_live=False)[0]

    def _publish_new(
        self, events: Sequence[CloudEvent], deadline: Deadline, *, require_lookup: bool, is_live: bool
    ) -> tuple[Sequence[CloudEvent], Mapping[str, PublicationRecord]]:
        with self._in_flight.hold(frozenset(event.provenance.dedup_key for event in events), deadline):
            budget = timedelta(seconds=deadline.seconds_left() * _LOOK_UP_SHARE)
            lookup = _Lookup(now=self._now(), window=self._window, is_live=is_live, deadline=deadline.within(budget))
            records = self._records(events, lookup, require_lookup=require_lookup)

            def on_sent(event: CloudEvent) -> None:
                # Record each event at once: if the POST runs out of time, its sent events are not sent again.
                key = event.provenance.dedup_key
                self._cache.add(records[key].with_entries([event.id], self._now()))
                self.writer.add(key, event.id)

            if new_events := unpublished(events, records):
                self._publish(new_events, deadline, on_sent)
            return new_events, records

    def is_idle(self) -> bool:
        """Return whether no record is waiting to be written."""
        return self.writer.is_idle()

    def _records(
        self, events: Iterable[CloudEvent], lookup: "_Lookup", *, require_lookup: bool
    ) -> Mapping[str, PublicationRecord]:
        """Return the record of each event by key: from this process, else from the table if it answers in time."""
        records, missing = dict[str, PublicationRecord](), dict[str, list[CloudEvent]]()
        for event in events:
            key = event.provenance.dedup_key
            records[key] = lookup.recent(self._cache.get(key), event)
            if not records[key].repeats(event) and lookup.may_find(event):
                missing.setdefault(key, []).append(event)
        rows = self._rows(missing, lookup)
        if require_lookup and len(rows) < len(missing):
            raise Unavailable("the table published does not answer: nothing is published without it")
        for key, row in rows.items():
            if row is not None:
                records[key] = self._cache.add(row.with_entries(records[key].entries, records[key].published_at))
        return records

    def _rows(
        self, missing: Mapping[str, Sequence[CloudEvent]], lookup: "_Lookup"
    ) -> Mapping[str, PublicationRecord | None]:
        """Return the rows that could be read in time."""
        if time.monotonic() < self._circuit_open_until:
            return {}
        reads: list[tuple[str, Callable[[], PublicationRecord | None]]]
        if len(missing) == 1:
            # The call ends by its deadline: another thread would cost more than it saves.
            reads = [(key, partial(self._read, key, events, lookup)) for key, events in missing.items()]
        else:
            running = [(key, self._reads.submit(self._read, key, events, lookup)) for key, events in missing.items()]
            reads = [(key, partial(lookup.deadline.result_of, future)) for key, future in running]
        rows: dict[str, PublicationRecord | None] = {}
        problem = None
        for key, read in reads:
            try:
                rows[key] = read()
            except (Unavailable, Misconfigured) as exc:
                problem = exc
        if problem is not None:
            _LOG.warning("%d events may be published twice: %s", len(reads) - len(rows), problem)
        return rows

    def _read(self, key: str, events: Sequence[CloudEvent], lookup: "_Lookup") -> PublicationRecord | None:
        def is_enough(record: PublicationRecord) -> bool:
            return all(record.repeats(event) for event in events)

        since = min(map(lookup.since, events))
        days = days_between(since, lookup.now)
        try:
            return self._table.read(key, days, since=since, is_enough=is_enough, deadline=lookup.deadline)
        except (Unavailable, Misconfigured):
            self._circuit_open_until = time.monotonic() + _CIRCUIT_OPEN_SECONDS
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lookup:
    """What the events of one call may repeat."""

    now: datetime
    window: timedelta
    is_live: bool
    deadline: Deadline

    def since(self, event: CloudEvent) -> datetime:
        """Return since when a record of ``event`` counts; of a redriven one, since Graph may have begun to send it.

        Most of what is parked waits for minutes: it is not sought in the tables of three days.
        """
        if self.is_live:
            return self.now - self.window
        kept = self.now - self.window - KEPT_LONGER
        if event.recovered or event.provenance.change_type is None:
            return kept
        return max(kept, event.time - self.window - _CLOCKS_DIFFER)

    def may_find(self, event: CloudEvent) -> bool:
        """Return whether a record of ``event`` is possible."""
        return not (self.is_live and event.provenance.only_redriven)

    def recent(self, record: PublicationRecord | None, event: CloudEvent) -> PublicationRecord:
        """Return ``record`` if it counts for ``event``, else an empty record."""
        since = self.since(event)
        if record is None:
            return PublicationRecord(key=event.provenance.dedup_key, entries=(), published_at=since)
        return record if record.published_at >= since else replace(record, entries=(), published_at=since)


class _LocalCache:
    """The records of the events that this process published last."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, PublicationRecord] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> PublicationRecord | None:
        return self._records.get(key)

    def add(self, record: PublicationRecord) -> PublicationRecord:
        """Merge ``record`` into the cached one with its key, and return the result."""
        with self._lock:
            current = self._records.pop(record.key, None)
            joined = record.with_entries(current.entries, current.published_at) if current else record
            self._records[record.key] = joined
            if len(self._records) > _MAX_CACHED:
                self._records.popitem(last=False)
            return joined
