"""Limits on what the app does at once.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a slow endpoint is dropped)
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from shared.errors import Unavailable

# Out of the 1.8 seconds that a POST has for being published.
_WAIT_SECONDS = 1.4
# The stall may not affect this POST. 50 threads can wait this long at 120 POSTs a second.
_WAIT_WHILE_STALLED_SECONDS = 0.4
# A failure that comes sooner is a refusal, not a stall.
_SLOW_SECONDS = 1.0
# By then, every POST that was being processed when the stall began has given up.
_STALL_SECONDS = 2.5
# With at most this share of the slots taken, there is time for less urgent work.
_QUIET_SHARE = 0.25
_NEVER = float("-inf")


class ConcurrencyLimiter:
    """Lets at most ``count`` threads process a POST at once; the others wait for a slot.

    A burst waits, because parking a POST delays its events by minutes and costs the app more than publishing them.
    While a running request is stalled on an outside call, new requests wait 0.4 s instead of 1.4 s and are then parked.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._stalled_until = _NEVER
        lock = Lock()
        self._changed = Condition(lock)
        self._became_quiet = Condition(lock)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot while the block runs; wait for one first if all are taken.

        Raises:
            Unavailable: no slot became free in time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or self._is_stalled(), timeout=_WAIT_SECONDS)
            seconds = _WAIT_WHILE_STALLED_SECONDS if self._is_stalled() else 0
            if not self._changed.wait_for(lambda: self._free > 0, timeout=seconds):
                raise Unavailable("too many POSTs at once")
            self._free -= 1
        began = time.monotonic()
        try:
            yield
        except Unavailable:
            now = time.monotonic()
            self._release(stalled_until=now + _STALL_SECONDS if now - began > _SLOW_SECONDS else self._stalled_until)
            raise
        except BaseException:
            self._release(stalled_until=self._stalled_until)
            raise
        self._release(stalled_until=_NEVER)

    def wait_until_quiet(self, seconds: float) -> None:
        """Return once few slots are taken, or after ``seconds``: work that has to be done does not wait for ever."""
        with self._became_quiet:
            self._became_quiet.wait_for(self._is_quiet, timeout=seconds)

    def _is_quiet(self) -> bool:
        return self._count - self._free <= self._count * _QUIET_SHARE

    def _is_stalled(self) -> bool:
        return time.monotonic() < self._stalled_until

    def _release(self, *, stalled_until: float) -> None:
        with self._changed:
            self._free += 1
            self._stalled_until = stalled_until
            if self._is_stalled():
                self._changed.notify_all()
            else:
                self._changed.notify()
            if self._is_quiet():
                self._became_quiet.notify_all()
