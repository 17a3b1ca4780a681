"""The pace that Graph bears: of writes from one app in one tenant, for as long as a run lasts, and of lists.

Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits
"""

import threading
from collections import deque
from datetime import datetime, timedelta

from shared.errors import Unavailable
from shared.timing import Clock

_WINDOW = timedelta(seconds=20)
# Graph bears 500 writes in a window. A tenth is left for retries, and for an operator at the command line.
_SPACING = _WINDOW / 450
# It bears 25 pages of the list of an app's subscriptions in a tenant, and 40 of those in all its tenants.
_LISTS = 22
# What has begun may go on for a little.
_GRACE = timedelta(seconds=30)


class OutOfTime(Unavailable):
    """A write would come long after the end of the run: it is left to the next one."""


class Pacer:
    """Has the writes of many threads follow each other evenly, until ``ends``."""

    def __init__(self, clock: Clock, *, ends: datetime) -> None:
        self._clock = clock
        self._ends = ends
        self._lock = threading.Lock()
        self._next = clock.now()

    def is_over(self) -> bool:
        """Return whether there is no time for another write."""
        return max(self._clock.now(), self._next) > self._ends

    def wait(self) -> None:
        """Return when it is time for one more write.

        Raises:
            OutOfTime: that would be long after the end.
        """
        with self._lock:
            moment = max(self._clock.now(), self._next)
            self._next = moment + _SPACING
        if moment > self._ends + _GRACE:
            raise OutOfTime("Graph asks for a longer pause than a run of the timer lasts")
        self._clock.sleep_until(moment)

    def pause(self, by: timedelta) -> None:
        """Have no write follow for a while: Graph has asked to be left alone."""
        with self._lock:
            self._next = max(self._next, self._clock.now() + by)


class Lists:
    """Has requests for pages of Graph's lists, of whichever tenants, wait where they would be too many in a window."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: deque[datetime] = deque(maxlen=_LISTS)

    def wait(self) -> None:
        """Return when it is time for one more page."""
        with self._lock:
            moment = self._clock.now()
            if len(self._last) == _LISTS:
                moment = max(moment, self._last[0] + _WINDOW)
            self._last.append(moment)
        self._clock.sleep_until(moment)
