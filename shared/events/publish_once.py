"""Each change published once, although Graph may send its notification twice.

A record is written after the event is in the sink. A table that does not answer never stops an event: one too many is a
nuisance, one too few is a loss. Until then this process recognises what it has published itself.

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

from shared.errors import Conflict, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.events.publication import PublicationRecord, unpublished
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# Of the time that is left, for all look-ups together: half a second for a POST, more for a run of the timer.
_LOOK_UP_SHARE = 0.25
_PARALLEL_CALLS = 16
# How long a table that does not answer is left alone: each POST would wait for it.
_CIRCUIT_OPEN_SECONDS = 5.0
# Records that wait to be written; more of them, while the table is slow, would fill the memory of the process.
_MAX_WAITING = 20_000
# The changes of some minutes, about 10 MB.
_MAX_CACHED = 20_000

type Publish = Callable[[Sequence[CloudEvent], Deadline, Callable[[CloudEvent], None]], None]
"""A sink that returns once it has every event, and calls back for each as soon as it has it; raises Unavailable."""


class PublicationRecords(Protocol):
    """Where records are stored; both raise Unavailable, ``write`` also Conflict if the row has changed since."""

    def read(self, key: str) -> PublicationRecord | None:
        """Return the record under ``key``, however old; None if there is none."""
        ...

    def write(self, record: PublicationRecord) -> None:
        """Return once the record is stored."""
        ...


class PublishOnce:
    """Publishes what has not been published within ``window``."""

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
        """Return the events once each is in the sink; a repetition has the time of its first publication.

        ``require_lookup``: rather publish nothing than something twice, for callers who can wait.

        Raises:
            Unavailable: as the sink's; or another POST has worked on one of the changes for too long.
        """
        with self._in_flight.hold(frozenset(event.provenance.dedup_key for event in events), deadline):
            budget = timedelta(seconds=deadline.seconds_left() * _LOOK_UP_SHARE)
            records = self._records(events, deadline.within(budget), require_lookup=require_lookup)

            def on_sent(event: CloudEvent) -> None:
                # Recorded one by one: if the POST is not finished in time, what was sent of it is not sent again.
                record = records[event.provenance.dedup_key].with_entries([event.id], self._now())
                self._write_soon(self._cache.add(record))

            if new_events := unpublished(events, records):
                self._publish(new_events, deadline, on_sent)
            return [records[event.provenance.dedup_key].as_first_published(event) for event in events]

    def is_idle(self) -> bool:
        """Return whether every record is written, or given up."""
        return not self._waiting

    def _records(
        self, events: Iterable[CloudEvent], deadline: Deadline, *, require_lookup: bool
    ) -> Mapping[str, PublicationRecord]:
        """Return the record of each event by its key: what this process knows, and what the table answers in time."""
        records, missing = dict[str, PublicationRecord](), set[str]()
        for event in events:
            key = event.provenance.dedup_key
            records[key] = self._recent(self._cache.get(key), key)
            if not records[key].repeats(event):
                missing.add(key)
        rows = self._rows(missing, deadline)
        if require_lookup and len(rows) < len(missing):
            raise Unavailable("the table of published events does not answer: nothing is published without it")
        for key, row in rows.items():
            record = self._recent(row, key).with_entries(records[key].entries, records[key].published_at)
            records[key] = self._cache.add(record) if record.entries else record
        return records

    def _recent(self, record: PublicationRecord | None, key: str) -> PublicationRecord:
        """Return ``record`` if it is within the window, else an empty one in its place."""
        oldest = self._now() - self._window
        if record is None:
            return PublicationRecord(key=key, entries=(), published_at=oldest)
        return record if record.published_at >= oldest else replace(record, entries=(), published_at=oldest)

    def _rows(self, keys: Iterable[str], deadline: Deadline) -> Mapping[str, PublicationRecord | None]:
        """Return the rows that can be read in time."""
        if time.monotonic() < self._circuit_open_until:
            return {}
        reads = {key: self._reads.submit(self._read, key) for key in keys}
        rows: dict[str, PublicationRecord | None] = {}
        problem = None
        for key, read in reads.items():
            try:
                rows[key] = deadline.result_of(read)
            except Unavailable as exc:
                problem = exc
        if problem is not None:
            _LOG.warning("%d events may be published twice: %s", len(reads) - len(rows), problem)
        return rows

    def _read(self, key: str) -> PublicationRecord | None:
        try:
            return self._table.read(key)
        except Unavailable:
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
        except (Unavailable, Conflict) as problem:
            _LOG.info("an event may be published twice, as its record was not written: %s", problem)

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
    """The records of what this process has published last, as far as it knows them."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, PublicationRecord] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> PublicationRecord | None:
        return self._records.get(key)

    def add(self, record: PublicationRecord) -> PublicationRecord:
        """Return ``record`` joined with the one that is cached under its key, and cache the result."""
        with self._lock:
            current = self._records.pop(record.key, None)
            joined = record.with_entries(current.entries, current.published_at) if current else record
            self._records[record.key] = joined
            if len(self._records) > _MAX_CACHED:
                self._records.popitem(last=False)
            return joined


class _InFlight:
    """The keys that POSTs are working on: another POST about the same changes waits until they are done."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._changed = Condition()

    @contextmanager
    def hold(self, keys: frozenset[str], deadline: Deadline) -> Iterator[None]:
        """Hold ``keys`` as soon as no other POST holds one of them.

        Raises:
            Unavailable: another one does, for too long.
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
