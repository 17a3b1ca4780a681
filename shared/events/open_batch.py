"""One open batch for all POSTs of a process: a batch of few events costs as much as one of many.

Source: https://learn.microsoft.com/azure/architecture/serverless/event-hubs-functions/performance-scale#batching
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Condition

_LINGER = timedelta(milliseconds=5)
# What Event Hubs takes at once, from the tier Standard up.
_FULL_BYTES = 1024 * 1024

type Send = Callable[[Sequence[bytes]], int]
"""Sends the first of some messages, one at least, and returns how many; raises a Problem."""


@dataclass(slots=True, eq=False)
class _Waiting:
    message: bytes
    on_sent: Callable[[], None]
    sent: Future[None] = field(default_factory=Future)


class OpenBatch:
    """Sends messages on one thread: what has come within ``linger``, or while the batch before was under way."""

    def __init__(self, send: Send, *, linger: timedelta = _LINGER) -> None:
        self._send = send
        self._linger_seconds = linger.total_seconds()
        # A pool's work is done before the interpreter ends.
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sink")
        self._changed = Condition()
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._since = 0.0
        self._is_running = False

    def add(self, messages: Iterable[tuple[bytes, Callable[[], None]]]) -> Sequence[Future[None]]:
        """Return what ends when each of ``messages`` was sent, after the call that it comes with.

        What waits can be cancelled.
        """
        added = [_Waiting(message, on_sent) for message, on_sent in messages]
        with self._changed:
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting += added
            self._bytes += sum(len(each.message) for each in added)
            if added and not self._is_running:
                self._is_running = True
                self._pool.submit(self._run)
            elif self._bytes >= _FULL_BYTES:
                self._changed.notify_all()
        return [each.sent for each in added]

    def between(self, call: Callable[[], None]) -> None:
        """Return after ``call``, which is made on the thread that sends, while it does not; raises as ``call`` does."""
        self._pool.submit(call).result()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            self._send_all(taken)

    def _take(self) -> list[_Waiting] | None:
        """Return what has waited long enough; None if no more came."""
        with self._changed:
            if not self._waiting:
                self._is_running = False
                return None
            left = self._since + self._linger_seconds - time.monotonic()
            if left > 0:
                self._changed.wait_for(lambda: self._bytes >= _FULL_BYTES, timeout=left)
            waiting, self._waiting, self._bytes = self._waiting, [], 0
        return [each for each in waiting if each.sent.set_running_or_notify_cancel()]

    def _send_all(self, waiting: Sequence[_Waiting]) -> None:
        while waiting:
            try:
                count = self._send([each.message for each in waiting])
            except Exception as problem:  # noqa: BLE001  whoever waits raises it
                for each in waiting:
                    each.sent.set_exception(problem)
                return
            for each in waiting[:count]:
                each.on_sent()
                each.sent.set_result(None)
            waiting = waiting[count:]
