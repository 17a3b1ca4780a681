"""What has been published lately, so that a change which Graph tells twice is published once.

Markers are written after the event stands in the sink. A table that is down never stops an event: one too many is a
nuisance, one too few is a loss. What this process has published itself it remembers for a while without the table.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Condition, Lock
from typing import Protocol

from shared.deadline import Deadline
from shared.errors import Conflict, Unavailable
from shared.events import CloudEvent
from shared.marker import PERHAPS_OTHERS, Judged, Marker, as_told, judged, key_of

_LOG = logging.getLogger(__name__)

# Of the time that is left, for all look-ups together: half a second for a POST, more for a run of the timer.
_LOOK_UP_SHARE = 0.25
_PARALLEL_CALLS = 16
# A table that does not answer is left alone for so long: each POST would wait for it.
_SECONDS_ALONE = 5.0
# Markers that wait to be written; more of them, while the table is slow, would take the memory of the process.
_MAX_WAITING = 20_000
# What is remembered: the changes of some minutes, about 10 MB.
_MAX_REMEMBERED = 20_000

type Publish = Callable[[Sequence[CloudEvent], Deadline, Callable[[CloudEvent], None]], None]
"""A sink that returns once every event is kept, and tells of each as soon as it is; raises Unavailable."""


class MarkerTable(Protocol):
    """Where markers stand; both raise Unavailable, ``write`` also Conflict for one that was written since."""

    def read(self, key: str) -> Marker | None:
        """Return the marker under ``key``, however old; None where there is none."""
        ...

    def write(self, marker: Marker) -> None:
        """Return once the marker is kept."""
        ...


class Published:
    """Publishes what has not been published within ``window``."""

    def __init__(
        self, markers: MarkerTable, publish: Publish, *, window: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._markers = markers
        self._publish = publish
        self._window = window
        self._now = now
        self._reads = ThreadPoolExecutor(max_workers=_PARALLEL_CALLS, thread_name_prefix="published")
        self._writes = ThreadPoolExecutor(max_workers=_PARALLEL_CALLS, thread_name_prefix="publishing")
        self._held = _Held()
        self._memory = _Memory()
        self._marks: set[Future[None]] = set()
        self._unwritten: deque[str] = deque(maxlen=_MAX_WAITING)
        self._alone_until = float("-inf")

    def publish(self, events: Sequence[CloudEvent], deadline: Deadline, *, sure: bool = False) -> Sequence[CloudEvent]:
        """Return the events once each stands in the sink, be it from before: then with the time of then.

        ``sure``: rather not at all than perhaps twice, where nobody waits.

        Raises:
            Unavailable: as the sink's; or another POST has been at one of the changes for too long.
        """
        keys = frozenset(map(key_of, events))
        with self._held.held(keys, deadline):
            budget = timedelta(seconds=deadline.seconds_left() * _LOOK_UP_SHARE)
            known, notes = self._known(keys, deadline.within(budget), sure=sure)
            found = judged(events, notes)
            fresh = {each.event.id: (each, each.event) for each in found if each.event is not None}

            def sent(event: CloudEvent) -> None:
                # Should the POST not be finished in time, this much of it is not sent again.
                self._note(fresh[event.id][0], known)

            if fresh:
                self._publish([event for _, event in fresh.values()], deadline, sent)
            for each in found:
                # What another notification told may be in this very POST: not before that stands in the sink.
                if each.event is None:
                    self._note(each, known)
            return [as_told(event, known[key_of(event)]) for event in events]

    def is_at_rest(self) -> bool:
        """Return whether every marker is written, or given up."""
        return not self._marks

    def _known(
        self, keys: Iterable[str], in_time: Deadline, *, sure: bool
    ) -> tuple[Mapping[str, Marker], Mapping[str, tuple[str, ...]]]:
        """Return the marker under each key, and the notes in it, beside those that nobody could read in time."""
        remembered = {key: self._recent(self._memory.get(key), key) for key in keys}
        # That a change is published, nobody can take back; of what may recur, others may know more.
        asked = [key for key in keys if key not in remembered[key].notes]
        rows = self._rows(asked, in_time)
        if sure and len(rows) < len(asked):
            raise Unavailable("nobody can look up what has been published")
        known = dict(remembered)
        for key, row in rows.items():
            marker = self._recent(row, key).with_notes(remembered[key].notes, remembered[key].at)
            known[key] = self._memory.add(marker) if marker.notes else marker
        unread = {key: (PERHAPS_OTHERS, *known[key].notes) for key in known.keys() - rows.keys()}
        return known, {key: marker.notes for key, marker in known.items()} | unread

    def _recent(self, marker: Marker | None, key: str) -> Marker:
        """Return ``marker`` as long as it counts, else an empty one in its place."""
        oldest = self._now() - self._window
        if marker is None:
            return Marker(key=key, notes=(), at=oldest)
        return marker if marker.at >= oldest else replace(marker, notes=(), at=oldest)

    def _rows(self, keys: Iterable[str], in_time: Deadline) -> Mapping[str, Marker | None]:
        """Return the rows that can be read in time."""
        if time.monotonic() < self._alone_until:
            return {}
        reads = {key: self._reads.submit(self._read, key) for key in keys}
        rows: dict[str, Marker | None] = {}
        problem = None
        for key, read in reads.items():
            try:
                rows[key] = in_time.wait(read)
            except Unavailable as exc:
                problem = exc
        if problem is not None:
            _LOG.warning("%d events may be published twice: %s", len(reads) - len(rows), problem)
        return rows

    def _read(self, key: str) -> Marker | None:
        try:
            return self._markers.read(key)
        except Unavailable:
            self._alone_until = time.monotonic() + _SECONDS_ALONE
            raise

    def _note(self, each: Judged, known: Mapping[str, Marker]) -> None:
        """Remember what has been published, and have it written down."""
        self._mark_soon(self._memory.add(known[each.key].with_notes([each.note], self._now())))

    def _mark_soon(self, marker: Marker) -> None:
        if len(self._marks) < _MAX_WAITING:
            mark = self._writes.submit(self._mark, marker)
            self._marks.add(mark)
            mark.add_done_callback(self._marks.discard)

    def _mark(self, marker: Marker) -> None:
        try:
            self._write(marker)
        except (Unavailable, Conflict) as problem:
            _LOG.info("an event may be published twice until its marker is kept: %s", problem)
            self._unwritten.append(marker.key)
            return
        with suppress(IndexError):
            # The table answers: it takes one after the other of what it has not taken before.
            if (unwritten := self._memory.get(self._unwritten.popleft())) is not None:
                self._mark_soon(unwritten)

    def _write(self, marker: Marker) -> None:
        try:
            self._markers.write(marker)
        except Conflict:
            there = self._markers.read(marker.key)
            both = replace(marker, etag=None) if there is None else there.with_notes(marker.notes, marker.at)
            if there is None or both.notes != there.notes:
                self._markers.write(both)


class _Memory:
    """The markers of what this process has published last, as far as it knows them."""

    def __init__(self) -> None:
        self._markers: OrderedDict[str, Marker] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> Marker | None:
        return self._markers.get(key)

    def add(self, marker: Marker) -> Marker:
        """Return ``marker`` with what is remembered under its key, and remember all of it."""
        with self._lock:
            there = self._markers.pop(marker.key, None)
            added = marker.with_notes(there.notes, there.at) if there else marker
            self._markers[marker.key] = added
            if len(self._markers) > _MAX_REMEMBERED:
                self._markers.popitem(last=False)
            return added


class _Held:
    """The keys that POSTs have in hand: another one about the same changes waits until they are done with."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._changed = Condition()

    @contextmanager
    def held(self, keys: frozenset[str], in_time: Deadline) -> Iterator[None]:
        """Have ``keys`` in hand, once nobody else has one of them.

        Raises:
            Unavailable: somebody else has, for too long.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._keys.isdisjoint(keys), timeout=in_time.seconds_left()):
                raise Unavailable("another POST is at the same change")
            self._keys |= keys
        try:
            yield
        finally:
            with self._changed:
                self._keys -= keys
                self._changed.notify_all()
