"""Writes the records of published events behind the POSTs, those of one partition in one transaction.

A record waits for a quarter of a second at most, and no longer than an invocation runs: an instance without one may be
stopped without notice. If the table does not answer, the next invocation tries again. What waits is lost with the
process, so that an event that Graph sends again is published again; a change is never lost by that.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import batched, groupby
from threading import Condition

from shared.errors import Conflict, Misconfigured, Unavailable
from shared.events.publication import PublicationRow

_LOG = logging.getLogger(__name__)

_MAX_SECONDS = 0.25
# A table that does not answer must not fill the memory of the process.
_MAX_WAITING = 20_000
_MAX_BATCH = 100
# Two instances that publish the same changes at once have every row in common: each is then written by itself.
_MAX_CONFLICTS = 3

type Write = Callable[[Sequence[PublicationRow], date], int | None]
"""Writes rows of one partition, all or none; returns the position of a first row that exists already."""


class PublicationWriter:
    """Writes rows soon; rows that the table refuses, or too many for it, are given up, and reported."""

    def __init__(self, write: Write, *, now: Callable[[], datetime]) -> None:
        self._write_rows = write
        self._now = now
        # A pool's work is done before the interpreter ends.
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="publication-writes")
        self._changed = Condition()
        # The entries of each key, in order.
        self._waiting: dict[str, dict[str, None]] = {}
        # What the table did not take, for the next invocation.
        self._unwritten: dict[str, dict[str, None]] = {}
        self._is_running = False
        self._invocations = 0
        self._is_urgent = False

    def add(self, key: str, entry: str) -> None:
        """Write soon that ``entry`` was published under ``key``."""
        with self._changed:
            if len(self._waiting) < _MAX_WAITING:
                self._waiting.setdefault(key, {})[entry] = None
            self._start()

    def _start(self) -> None:
        if not self._is_running:
            self._is_running = True
            self._pool.submit(self._run)

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """Count the block as an invocation of a function: the end of the last one ends all waiting."""
        with self._changed:
            self._invocations += 1
            if self._unwritten:
                self._try_again()
        try:
            yield
        finally:
            with self._changed:
                self._invocations -= 1
                if not self._invocations and self._waiting:
                    self._is_urgent = True
                    self._changed.notify_all()

    def _try_again(self) -> None:
        for key, entries in self._unwritten.items():
            self._waiting.setdefault(key, {}).update(entries)
        self._unwritten = {}
        self._start()

    def is_idle(self) -> bool:
        """Return whether no row is being written, or waits for more than the next invocation."""
        with self._changed:
            return not (self._waiting or self._is_running)

    def _run(self) -> None:
        try:
            while rows := self._take():
                self._write_all(rows)
        finally:
            with self._changed:
                self._is_running = False

    def _take(self) -> list[PublicationRow]:
        """Return the rows that have waited long enough; none if no more came."""
        with self._changed:
            if self._waiting:
                self._changed.wait_for(lambda: self._is_urgent, timeout=_MAX_SECONDS)
            waiting, self._waiting, self._is_urgent = self._waiting, {}, False
            self._is_running = bool(waiting)
        return [
            PublicationRow(key=key, entry=entry, is_first=not number)
            for key, entries in waiting.items()
            for number, entry in enumerate(entries)
        ]

    def _write_all(self, rows: list[PublicationRow]) -> None:
        day = self._now().astimezone(UTC).date()
        rows.sort(key=lambda row: row.key[:1])
        for _, partition in groupby(rows, lambda row: row.key[:1]):
            for batch in batched(partition, _MAX_BATCH, strict=False):
                try:
                    self._write(list(batch), day)
                except (Unavailable, Misconfigured, Conflict) as problem:
                    count = len(batch)
                    _LOG.info("%d events may be published twice, their records were not written: %s", count, problem)
                    if isinstance(problem, Unavailable):
                        self._keep(batch)

    def _keep(self, rows: Sequence[PublicationRow]) -> None:
        with self._changed:
            for row in rows:
                if len(self._unwritten) < _MAX_WAITING:
                    self._unwritten.setdefault(row.key, {})[row.entry] = None

    def _write(self, rows: list[PublicationRow], day: date) -> None:
        for _ in range(_MAX_CONFLICTS):
            position = self._write_rows(rows, day)
            if position is None:
                return
            # Another instance was first with this version: what it published stays, and this is written beside it.
            rows.append(replace(rows.pop(position), is_first=False))
        for row in rows:
            if self._write_rows([row], day) is not None:
                self._write_rows([replace(row, is_first=False)], day)
