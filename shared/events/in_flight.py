"""What this process is publishing at the moment: two POSTs do not publish one change at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from shared.errors import Unavailable
from shared.timing import Deadline


class InFlight:
    """The keys that POSTs are working on. Another POST with one of these keys waits."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._changed = Condition()

    @contextmanager
    def hold(self, keys: frozenset[str], deadline: Deadline) -> Iterator[None]:
        """Wait until no other POST holds one of ``keys``, then hold them.

        Raises:
            Unavailable: another POST held one until the deadline.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._keys.isdisjoint(keys), timeout=deadline.seconds_left()):
                raise Unavailable("another POST is publishing the same change")
            self._keys |= keys
        try:
            yield
        finally:
            with self._changed:
                self._keys -= keys
                self._changed.notify_all()
