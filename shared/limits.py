"""How fast and how much at once: rates that Graph allows, the pauses it asks for, and POSTs processed in parallel.

Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits,
https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a slow endpoint is dropped)
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Condition, Lock

from shared.errors import Unavailable
from shared.timing import Clock

type Rate = tuple[int, timedelta]
"""How many requests are allowed in any window of this length."""

# Graph allows an app 500 writes in 20 seconds per tenant. A tenth is left for retries and the command line.
WRITES: Rate = (1, timedelta(seconds=20) / 450)
# Graph allows an app 25 pages of its list of subscriptions in 20 seconds per tenant, and 40 in all tenants.
LISTS: Rate = (22, timedelta(seconds=20))
# Grace period for writes already started.
_GRACE = timedelta(seconds=30)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class OutOfTime(Unavailable):
    """The run ends before the next request may be sent: the next run continues."""


class RateLimiter:
    """Spaces the requests of many threads so that they stay within ``rate``, until ``ends``."""

    def __init__(self, clock: Clock, rate: Rate, *, ends: datetime = _END_OF_TIME) -> None:
        count, self._window = rate
        self._clock = clock
        self._ends = ends
        self._lock = Lock()
        # From when on each of the next ``count`` requests may be sent.
        self._allowed = deque([clock.now()] * count, maxlen=count)

    def is_over(self) -> bool:
        """Return whether no time is left for another request."""
        return self._next() > self._ends

    def wait(self) -> None:
        """Return when one more request may be sent.

        Raises:
            OutOfTime: that would be long after the end.
        """
        with self._lock:
            moment = self._next()
            self._allowed.append(moment + self._window)
        if moment - _GRACE > self._ends:
            raise OutOfTime("Graph asks for a longer pause than a run of the timer lasts")
        self._clock.sleep_until(moment)

    def pause_for(self, pause: timedelta) -> None:
        """Let no request be sent for this long, as Graph has asked."""
        with self._lock:
            until = self._clock.now() + pause
            self._allowed.extend([max(moment, until) for moment in self._allowed])

    def _next(self) -> datetime:
        return max(self._clock.now(), self._allowed[0])


# A longer pause is left to a later run.
_LONGEST_PAUSE = timedelta(seconds=15)


def wait_out_retry_after[T](request: Callable[[], T], clock: Clock) -> T:
    """Return the result of ``request``; repeat it after each pause of at most 15 seconds that Graph asks for.

    Raises:
        Unavailable: Graph asks for a longer pause, or for none.
    """
    while True:
        try:
            return request()
        except Unavailable as problem:
            if problem.retry_after is None or problem.retry_after > _LONGEST_PAUSE:
                raise
            clock.sleep_until(clock.now() + problem.retry_after)


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
        started = time.monotonic()
        try:
            yield
        except Unavailable:
            now = time.monotonic()
            self._release(stalled_until=now + _STALL_SECONDS if now - started > _SLOW_SECONDS else self._stalled_until)
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
