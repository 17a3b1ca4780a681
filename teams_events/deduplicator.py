"""Events come at least once: which ids were handled within a window, remembered in memory.

A consumer that stores events does better without it: the event's ``id`` as the primary key outlives a restart.
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta


class Deduplicator:
    """Remembers the ids of handled events for ``window``; ``now`` is an aware time that the caller takes.

    Ask before an event is handled, and tell after that: an event whose handling failed has to be handled when it comes
    again. The memory is as large as the number of events in a window. Threads may share one.
    """

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._handled: OrderedDict[str, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return len(self._handled)

    def is_repetition(self, event_id: str, *, now: datetime) -> bool:
        """Return whether the event was handled within the window before ``now``."""
        with self._lock:
            handled = self._handled.get(event_id)
        return handled is not None and now - handled <= self._window

    def handled(self, event_id: str, *, now: datetime) -> None:
        """Remember that the event was handled, and forget what is older than the window."""
        with self._lock:
            self._handled[event_id] = now
            self._handled.move_to_end(event_id)
            while now - next(iter(self._handled.values())) > self._window:
                self._handled.popitem(last=False)
