"""Who may work on a POST now: few at once, and nobody waits behind those who hang.

A burst waits, because being parked costs its events minutes, and the app more work than publishing them would. But
once one of those at work has waited long for an answer, and in vain, who finds no turn free waits for a moment only:
for as long as the others may hang, or until one goes through again.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (an endpoint that is slow is dropped)
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from shared.errors import Unavailable

# Of the 1.8 seconds that a POST has for being published.
_PATIENCE_SECONDS = 1.4
# Perhaps it is not for this one that those at work wait; 50 threads can wait like this for 120 POSTs a second.
_WHILE_IT_HANGS_SECONDS = 0.4
# What is refused at once makes nobody wait.
_LONG_SECONDS = 1.0
# After that, all who were at work when it began have given up.
_HANGS_SECONDS = 2.5
# As long as no more of the turns than this are taken, there is time for something else.
_CALM_SHARE = 0.25
_NEVER = float("-inf")


class Turns:
    """So many turns to work on a POST, each for one thread at a time."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._hangs_until = _NEVER
        lock = Lock()
        self._changed = Condition(lock)
        self._calmer = Condition(lock)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have a turn, as soon as there is one.

        Raises:
            Unavailable: all are taken, and stay so for too long.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or self._hangs(), timeout=_PATIENCE_SECONDS)
            a_moment = _WHILE_IT_HANGS_SECONDS if self._hangs() else 0
            if not self._changed.wait_for(lambda: self._free > 0, timeout=a_moment):
                raise Unavailable("too many POSTs at once")
            self._free -= 1
        began = time.monotonic()
        try:
            yield
        except Unavailable:
            now = time.monotonic()
            self._give_back(hangs_until=now + _HANGS_SECONDS if now - began > _LONG_SECONDS else self._hangs_until)
            raise
        except BaseException:
            self._give_back(hangs_until=self._hangs_until)
            raise
        self._give_back(hangs_until=_NEVER)

    def await_calm(self, seconds: float) -> None:
        """Return once few turns are taken, or after ``seconds``: nothing that has to be done waits for ever."""
        with self._calmer:
            self._calmer.wait_for(self._is_calm, timeout=seconds)

    def _is_calm(self) -> bool:
        return self._count - self._free <= self._count * _CALM_SHARE

    def _hangs(self) -> bool:
        return time.monotonic() < self._hangs_until

    def _give_back(self, *, hangs_until: float) -> None:
        with self._changed:
            self._free += 1
            self._hangs_until = hangs_until
            if self._hangs():
                self._changed.notify_all()
            else:
                self._changed.notify()
            if self._is_calm():
                self._calmer.notify_all()
