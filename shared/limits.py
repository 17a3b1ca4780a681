"""Limits of speed and concurrency: the rates that Graph allows, the pauses it asks for, and POSTs processed at once.

Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits,
https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a slow endpoint is dropped)
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Condition, Lock

from shared.errors import Unavailable
from shared.timing import Clock

type Rate = tuple[int, timedelta]
"""How many requests are allowed in any window of this length."""

# Graph allows an app 500 writes in 20 seconds per tenant. A tenth is reserved for retries and the command line.
WRITES: Rate = (1, timedelta(seconds=20) / 450)
# Graph allows an app to list 25 pages of subscriptions in 20 seconds per tenant, and 40 in all tenants.
LISTS: Rate = (22, timedelta(seconds=20))
# Grace period for writes already started.
_GRACE = timedelta(seconds=30)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class OutOfTime(Unavailable):
    """The next request may only be sent after the end of this run; the next run continues."""


class RateLimiter:
    """Spaces the requests of many threads so that they stay within ``rate``, until ``ends``."""

    def __init__(self, clock: Clock, rate: Rate, *, ends: datetime = _END_OF_TIME) -> None:
        count, self._window = rate
        self._clock = clock
        self._ends = ends
        self._lock = Lock()
        # The times from which the next ``count`` requests may be sent, by the clock as it was at ``_latest``.
        self._allowed = deque([_LONG_AGO] * count, maxlen=count)
        self._latest = _LONG_AGO

    def is_over(self) -> bool:
        """Return whether the next request may only be sent after the end."""
        with self._lock:
            return self._next() > self._ends

    def wait(self) -> None:
        """Wait until one more request may be sent; raise OutOfTime if that is too long after the end."""
        with self._lock:
            moment = self._next()
            self._allowed.append(moment + self._window)
        if moment - _GRACE > self._ends:
            raise OutOfTime("Graph asks for a longer pause than a run of the timer lasts")
        self._clock.sleep_until(moment)

    def pause_for(self, pause: timedelta) -> None:
        """Send no request for this long, because Graph asked for it."""
        with self._lock:
            until = self._now() + pause
            self._allowed.extend([max(moment, until) for moment in self._allowed])

    def _next(self) -> datetime:
        return max(self._now(), self._allowed[0])

    def _now(self) -> datetime:
        """Return the time; if the clock was set back, by storage's time, what is planned stays as far ahead of it."""
        now = self._clock.now()
        if now < self._latest:
            back = self._latest - now
            self._allowed.extend([max(moment - back, _LONG_AGO) for moment in self._allowed])
        self._latest = now
        return now


# After a longer pause, a later run continues.
LONGEST_PAUSE = timedelta(seconds=15)


def wait_out_retry_after[T](request: Callable[[], T], clock: Clock) -> T:
    """Return the result of ``request``; repeat it after each pause of at most 15 seconds that Graph asks for.

    Raises:
        Unavailable: the request failed, and Graph asks for a longer pause or for none.
    """
    while True:
        try:
            return request()
        except Unavailable as problem:
            if problem.retry_after is None or problem.retry_after > LONGEST_PAUSE:
                raise
            clock.sleep_until(clock.now() + problem.retry_after)


# Part of the 1.8 seconds in which a POST must be published.
_WAIT_SECONDS = 1.4
# The stall may not affect this POST. 50 threads can wait this long at 120 POSTs a second.
_WAIT_WHILE_STALLED_SECONDS = 0.4
# A faster failure is a refusal, not a stall.
_SLOW_SECONDS = 1.0
# After this time, every POST that was being processed when the stall began has given up.
_STALL_SECONDS = 2.5
# If at most this share of the slots is taken, there is time for less urgent work.
_QUIET_SHARE = 0.25
# One slot in so many is reserved.
_RESERVED_SHARE = 4
_NEVER = float("-inf")


@dataclass(slots=True)
class Slot:
    """A slot that a thread holds; it sets ``has_failed`` if another system did not answer."""

    has_failed: bool = False


class ConcurrencyLimiter:
    """Lets at most ``count`` threads process items at once; the others wait for a slot.

    A burst waits, because parking items delays their events by minutes and costs the app more than publishing them.
    While a running request is stalled on an outside call, new requests wait 0.4 s instead of 1.4 s and are then parked.
    The last slots are for tenants that have none, so that a slow or loud tenant does not delay the others.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._reserved = count // _RESERVED_SHARE
        self._held: Counter[str] = Counter()
        self._stalled_until = _NEVER
        lock = Lock()
        self._changed = Condition(lock)
        self._became_quiet = Condition(lock)

    @contextmanager
    def slot(self, tenant_id: str) -> Iterator[Slot]:
        """Hold a slot while the block runs; raise Unavailable if no slot becomes free in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_free(tenant_id) or self._is_stalled(), timeout=_WAIT_SECONDS)
            seconds = _WAIT_WHILE_STALLED_SECONDS if self._is_stalled() else 0
            if not self._changed.wait_for(lambda: self._is_free(tenant_id), timeout=seconds):
                raise Unavailable("too many POSTs at once")
            self._free -= 1
            self._held[tenant_id] += 1
        slot, started = Slot(), time.monotonic()
        try:
            yield slot
        except BaseException:
            slot.has_failed = True
            raise
        finally:
            now = time.monotonic()
            if not slot.has_failed:
                stalled_until = _NEVER
            elif now - started > _SLOW_SECONDS:
                stalled_until = now + _STALL_SECONDS
            else:
                stalled_until = self._stalled_until
            self._release(tenant_id, stalled_until=stalled_until)

    def wait_until_quiet(self, seconds: float) -> None:
        """Wait until few slots are taken, but at most for ``seconds``: less urgent work must not wait forever."""
        with self._became_quiet:
            self._became_quiet.wait_for(self._is_quiet, timeout=seconds)

    def _is_free(self, tenant_id: str) -> bool:
        return self._free > (self._reserved if self._held[tenant_id] else 0)

    def _is_quiet(self) -> bool:
        return self._count - self._free <= self._count * _QUIET_SHARE

    def _is_stalled(self) -> bool:
        return time.monotonic() < self._stalled_until

    def _release(self, tenant_id: str, *, stalled_until: float) -> None:
        with self._changed:
            self._free += 1
            self._held[tenant_id] -= 1
            if not self._held[tenant_id]:
                del self._held[tenant_id]
            self._stalled_until = stalled_until
            # Which of the waiting threads may take the slot depends on their tenants.
            self._changed.notify_all()
            if self._is_quiet():
                self._became_quiet.notify_all()
