"""Publishing each change once, although Graph may send its notification twice.

A record is written after the event is in the sink. If the table does not answer, events are published all the same,
because a duplicate is better than a loss; this process still recognises the events that it has published itself.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Condition, Lock
from typing import Protocol

from shared.errors import Conflict, Misconfigured, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.events.publication import PublicationRecord, unpublished
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# The share of the remaining time that all look-ups may take: half a second of a POST's, more of a timer run's.
_LOOK_UP_SHARE = 0.25
_PARALLEL_CALLS = 16
# How long a table that does not answer is not read, so that not every POST waits for it.
_CIRCUIT_OPEN_SECONDS = 5.0
# Limit of records waiting to be written: a slow table must not fill the memory of the process.
_MAX_WAITING = 20_000
# The changes of a few minutes, about 10 MB.
_MAX_CACHED = 20_000

type Publish = Callable[[Sequence[CloudEvent], Deadline, Callable[[CloudEvent], None]], None]
"""Sends events to the sink, calls back after each one, and returns after the last one; raises Unavailable."""


class PublicationRecords(Protocol):
    """The store of records. Both methods raise Unavailable, ``write`` also Conflict if the row has changed since."""

    def read(self, key: str) -> PublicationRecord | None:
        """Return the record of ``key``, however old, or None."""
        ...

    def write(self, record: PublicationRecord) -> None:
        """Store the record."""
        ...


class PublishOnce:
    """Publishes events that were not published within ``window``."""

    def __init__(
        self, records: PublicationRecords, publish: Publish, *, window: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._table = records
        self._publish = publish
        self._window = window
        self._now = now
        self._reads = ThreadPoolExecutor(max_workers=_PARALLEL_CALLS, thread_name_prefix="publication-reads")
        self._writes = ThreadPoolExecutor(max_workers=_PARALLEL_CALLS, thread_name_prefix="publication-writes")
        self._in_flight = _InFlight()
        self._cache = _LocalCache()
        self._waiting: set[Future[None]] = set()
        self._circuit_open_until = float("-inf")

    def publish(
        self, events: Sequence[CloudEvent], deadline: Deadline, *, require_lookup: bool = False
    ) -> Sequence[CloudEvent]:
        """Publish the new ones of ``events`` and return all; a repeated one has the time of its first publication.

        ``require_lookup``: publish nothing if the table does not answer. For callers that can wait.

        Raises:
            Unavailable: from the sink; or another POST has worked on one of the changes for too long.
        """
        with self._in_flight.hold(frozenset(event.provenance.dedup_key for event in events), deadline):
            budget = timedelta(seconds=deadline.seconds_left() * _LOOK_UP_SHARE)
            records = self._records(events, deadline.within(budget), require_lookup=require_lookup)

            def on_sent(event: CloudEvent) -> None:
                # Record each event at once: if the POST runs out of time, its sent events are not sent again.
                record = records[event.provenance.dedup_key].with_entries([event.id], self._now())
                self._write_soon(self._cache.add(record))

            if new_events := unpublished(events, records):
                self._publish(new_events, deadline, on_sent)
            return [records[event.provenance.dedup_key].as_first_published(event) for event in events]

    def is_idle(self) -> bool:
        """Return whether no record is waiting to be written."""
        return not self._waiting

    def _records(
        self, events: Iterable[CloudEvent], deadline: Deadline, *, require_lookup: bool
    ) -> Mapping[str, PublicationRecord]:
        """Return the record of each event by key: from this process, else from the table if it answers in time."""
        records, missing = dict[str, PublicationRecord](), set[str]()
        for event in events:
            key = event.provenance.dedup_key
            records[key] = self._recent(self._cache.get(key), key)
            if not records[key].repeats(event):
                missing.add(key)
        rows = self._rows(missing, deadline)
        if require_lookup and len(rows) < len(missing):
            raise Unavailable("the table published does not answer: nothing is published without it")
        for key, row in rows.items():
            record = self._recent(row, key).with_entries(records[key].entries, records[key].published_at)
            records[key] = self._cache.add(record) if record.entries else record
        return records

    def _recent(self, record: PublicationRecord | None, key: str) -> PublicationRecord:
        """Return ``record`` if it is within the window, else an empty record."""
        oldest = self._now() - self._window
        if record is None:
            return PublicationRecord(key=key, entries=(), published_at=oldest)
        return record if record.published_at >= oldest else replace(record, entries=(), published_at=oldest)

    def _rows(self, keys: Iterable[str], deadline: Deadline) -> Mapping[str, PublicationRecord | None]:
        """Return the rows that could be read in time."""
        if time.monotonic() < self._circuit_open_until:
            return {}
        reads = {key: self._reads.submit(self._read, key) for key in keys}
        rows: dict[str, PublicationRecord | None] = {}
        problem = None
        for key, read in reads.items():
            try:
                rows[key] = deadline.result_of(read)
            except (Unavailable, Misconfigured) as exc:
                problem = exc
        if problem is not None:
            _LOG.warning("%d events may be published twice: %s", len(reads) - len(rows), problem)
        return rows

    def _read(self, key: str) -> PublicationRecord | None:
        try:
            return self._table.read(key)
        except (Unavailable, Misconfigured):
            self._circuit_open_until = time.monotonic() + _CIRCUIT_OPEN_SECONDS
            raise

    def _write_soon(self, record: PublicationRecord) -> None:
        if len(self._waiting) < _MAX_WAITING:
            write = self._writes.submit(self._try_to_write, record)
            self._waiting.add(write)
            write.add_done_callback(self._waiting.discard)

    def _try_to_write(self, record: PublicationRecord) -> None:
        try:
            self._write(record)
        except (Unavailable, Misconfigured, Conflict) as problem:
            _LOG.info("an event may be published twice, its record was not written: %s", problem)

    def _write(self, record: PublicationRecord) -> None:
        try:
            self._table.write(record)
        except Conflict:
            current = self._table.read(record.key)
            joined = (
                replace(record, etag=None)
                if current is None
                else current.with_entries(record.entries, record.published_at)
            )
            if current is None or joined.entries != current.entries:
                self._table.write(joined)


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


class _InFlight:
    """The keys that POSTs are working on. Another POST with one of these keys waits."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._changed = Condition()

    @contextmanager
    def hold(self, keys: frozenset[str], deadline: Deadline) -> Iterator[None]:
        """Wait until no other POST holds one of ``keys``, then hold them.

        Raises:
            Unavailable: another POST held one until the deadline.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._keys.isdisjoint(keys), timeout=deadline.seconds_left()):
                raise Unavailable("another POST is publishing the same change")
            self._keys |= keys
        try:
            yield
        finally:
            with self._changed:
                self._keys -= keys
                self._changed.notify_all()
