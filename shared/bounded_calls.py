"""Calls to one system, each bounded as a whole: what a run of the timer waits for ends, even if an answer trickles.

The time-outs of a socket bound one operation: a system that sends a byte now and then keeps to them for ever.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from shared.errors import Unavailable

MAX_ABANDONED = 4
# Whoever calls limits how many calls there are at once; idle threads are not started.
_MAX_THREADS = 64


class BoundedCalls:
    """Calls to ``system`` that may last for ``timeout`` each, on threads of their own.

    One that lasts longer is abandoned: its thread is lost until its socket fails. While four are, the system counts as
    down, so that one that always trickles costs four threads and no more time.
    """

    def __init__(self, system: str, *, timeout: timedelta) -> None:
        self._system = system
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix=system)
        self._abandoned: set[Future[Any]] = set()

    def call[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of ``function``.

        Raises:
            Unavailable: it does not answer in time, or four calls before it have not ended yet.
            Exception: the exception of the call.
        """
        if len(self._abandoned) >= MAX_ABANDONED:
            raise Unavailable(f"{self._system} counts as down: {MAX_ABANDONED} calls have gone on for too long")
        call = self._pool.submit(function, *args, **kwargs)
        try:
            return call.result(timeout=self._timeout.total_seconds())
        except TimeoutError as exc:
            self._abandon(call)
            seconds = self._timeout.total_seconds()
            raise Unavailable(f"{self._system} has not answered within {seconds:g} seconds") from exc

    def _abandon(self, call: Future[Any]) -> None:
        if not call.cancel():
            self._abandoned.add(call)
            # At once, if it has ended meanwhile.
            call.add_done_callback(self._abandoned.discard)
