"""Who may work on a POST now: few at once, and nobody waits behind those who hang.

A burst waits, because being parked costs its events minutes, and the app more work than publishing them would. But as
soon as one of those at work has waited for an answer in vain, whoever finds no turn free is told so at once, until one
goes through again.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (an endpoint that is slow is dropped)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from shared.errors import Unavailable

# Of the 1.8 seconds that a POST has for being published.
_PATIENCE_SECONDS = 1.4
# As long as no more of the turns than this are taken, there is time for something else.
_CALM_SHARE = 0.25


class Turns:
    """So many turns to work on a POST, each for one thread at a time."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._hanging = False
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
            self._changed.wait_for(lambda: self._free > 0 or self._hanging, timeout=_PATIENCE_SECONDS)
            if not self._free:
                raise Unavailable("too many POSTs at once")
            self._free -= 1
        hanging = False
        try:
            yield
        except Unavailable:
            hanging = True
            raise
        finally:
            with self._changed:
                self._give_back(hanging=hanging)

    def await_calm(self, seconds: float) -> None:
        """Return once few turns are taken, or after ``seconds``: nothing that has to be done waits for ever."""
        with self._calmer:
            self._calmer.wait_for(self._is_calm, timeout=seconds)

    def _is_calm(self) -> bool:
        return self._count - self._free <= self._count * _CALM_SHARE

    def _give_back(self, *, hanging: bool) -> None:
        self._free += 1
        self._hanging = hanging
        if hanging:
            self._changed.notify_all()
        else:
            self._changed.notify()
        if self._is_calm():
            self._calmer.notify_all()
