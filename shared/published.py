"""What has been published lately, so that a change which Graph tells twice is published once.

Markers are written after the event stands in the sink. A table that is down never stops an event: one too many is a
nuisance, one too few is a loss.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Condition
from typing import Protocol

from shared.deadline import Deadline
from shared.errors import Conflict, Unavailable
from shared.events import CloudEvent
from shared.marker import MAX_IDS, Marker, judged, key_of

_LOG = logging.getLogger(__name__)

# For all look-ups of a POST together, and for another POST about the same change to be done.
_BUDGET = timedelta(milliseconds=500)
_PARALLEL_CALLS = 16
# A table that does not answer is left alone for so long: each POST would wait for it.
_SECONDS_ALONE = 5.0
# Markers that wait to be written; more of them, while the table is slow, would take the memory of the process.
_MAX_WAITING = 20_000
# For so long the last state of a resource is taken for what another subscription, or Graph once more, may tell. Later
# it is told because it has come back, while the state in between waits, parked.
_TOLD_AGAIN_WITHIN = timedelta(minutes=1)
# Stands after the last id where another one may have been published since.
_PERHAPS_ANOTHER = ""

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
        self._unsure: set[str] = set()
        self._alone_until = float("-inf")

    def publish(self, events: Sequence[CloudEvent], deadline: Deadline) -> None:
        """Return once every event stands in the sink, be it from before.

        Raises:
            Unavailable: as the sink's.
        """
        held = self._held.take(frozenset(map(key_of, events)), deadline.within(_BUDGET))
        markers: Mapping[str, Marker] = {}
        marked: set[str] = set()

        def mark(marker: Marker) -> None:
            marked.add(marker.key)
            self._mark_soon(marker, held)

        try:
            markers = self._published(events, deadline, mark)
        finally:
            # What is to be marked stays in hand until it is.
            self._held.release(held - markers.keys() - marked)
        for marker in markers.values():
            self._mark_soon(marker, held)

    def is_at_rest(self) -> bool:
        """Return whether every marker is written, or given up."""
        return self._held.count() == 0

    def _published(
        self, events: Sequence[CloudEvent], deadline: Deadline, mark: Callable[[Marker], None]
    ) -> Mapping[str, Marker]:
        """Return the markers of what had not been published, once it is, but for those that ``mark`` was told of."""
        known = self._known(dict.fromkeys(map(key_of, events)), deadline.within(_BUDGET))
        now = self._now()
        recent = {key: self._recent(key, marker, now) for key, marker in known.items()}
        ids, fresh = judged(events, recent)
        etags = {key: marker.etag for key, marker in known.items() if marker is not None}
        markers = {key: Marker(key=key, ids=each, at=now, etag=etags.get(key)) for key, each in ids.items()}

        def sent(event: CloudEvent) -> None:
            # Should the POST not be finished in time, this much of it is not sent again.
            if event.id in markers and len(markers[event.id].ids) == 1:
                mark(markers.pop(event.id))

        if fresh:
            self._publish(fresh, deadline, sent)
        return markers

    def _mark_soon(self, marker: Marker, held: frozenset[str]) -> None:
        if self._held.count() > _MAX_WAITING:
            self._unmarked(marker, held)
        else:
            self._writes.submit(self._mark, marker, held)

    def _known(self, keys: Iterable[str], in_time: Deadline) -> Mapping[str, Marker | None]:
        """Return the markers that can be read in time."""
        if time.monotonic() < self._alone_until:
            return {}
        reads = {key: self._reads.submit(self._read, key) for key in keys}
        known: dict[str, Marker | None] = {}
        problem = None
        for key, read in reads.items():
            try:
                known[key] = in_time.wait(read)
            except Unavailable as exc:
                problem = exc
        if problem is not None:
            _LOG.warning("%d events may be published twice: %s", len(reads) - len(known), problem)
        return known

    def _read(self, key: str) -> Marker | None:
        try:
            return self._markers.read(key)
        except Unavailable:
            self._alone_until = time.monotonic() + _SECONDS_ALONE
            raise

    def _recent(self, key: str, marker: Marker | None, now: datetime) -> tuple[str, ...]:
        if marker is None or marker.at < now - self._window:
            return ()
        is_old = not marker.is_of_one_change and marker.at < now - _TOLD_AGAIN_WITHIN
        return (*marker.ids, _PERHAPS_ANOTHER) if is_old or key in self._unsure else marker.ids

    def _mark(self, marker: Marker, held: frozenset[str]) -> None:
        try:
            self._write(marker)
        except (Unavailable, Conflict) as problem:
            _LOG.info("an event may be published twice: its marker is not kept: %s", problem)
            self._unmarked(marker, held)
        else:
            self._unsure.discard(marker.key)
            self._held.release(held & {marker.key})

    def _write(self, marker: Marker) -> None:
        try:
            self._markers.write(marker)
        except Conflict:
            if marker.is_of_one_change:
                return  # the same change was published elsewhere at the same time
            there = self._markers.read(marker.key)
            before = there.ids if there else ()
            # Which state came last cannot be told.
            both = (*before, *(each for each in marker.ids if each not in before), _PERHAPS_ANOTHER)
            self._markers.write(replace(marker, ids=both[-MAX_IDS:], etag=there.etag if there else None))

    def _unmarked(self, marker: Marker, held: frozenset[str]) -> None:
        # The row is of a state that has been left since: nothing may be dropped for it.
        if not marker.is_of_one_change and len(self._unsure) < _MAX_WAITING:
            self._unsure.add(marker.key)
        self._held.release(held & {marker.key})


class _Held:
    """Keys that a POST has in hand, until their markers are written: another one about the same changes waits."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._changed = Condition()

    def take(self, keys: frozenset[str], in_time: Deadline) -> frozenset[str]:
        """Return ``keys`` once nobody else has one of them in hand; none if that takes too long."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._keys.isdisjoint(keys), timeout=in_time.seconds_left()):
                return frozenset()
            self._keys |= keys
            return keys

    def release(self, keys: frozenset[str]) -> None:
        with self._changed:
            self._keys -= keys
            self._changed.notify_all()

    def count(self) -> int:
        return len(self._keys)
