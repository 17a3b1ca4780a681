"""The sandbox's time: every service asks one clock, so that a test can let days pass in an instant."""

import asyncio
import contextlib
import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """The real clock plus an offset that can be moved forward, from any thread."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._lock = threading.Lock()
        self._sleepers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def now(self) -> datetime:
        """Return the sandbox's time, aware, in UTC."""
        return self.outside() + self._offset

    def outside(self) -> datetime:
        """Return the real time, aware, in UTC: the one that the clients outside use, and that cannot be moved."""
        return datetime.now(UTC)

    def advance(self, by: timedelta) -> None:
        """Move the time forward and shorten every sleep to the time that is left.

        Raises:
            ValueError: ``by`` is negative; tokens and leases are not prepared for time running backwards.
        """
        if by < timedelta():
            raise ValueError("the sandbox's time moves forward only")
        with self._lock:
            self._offset += by
            for awoken, loop in self._sleepers.items():
                # A loop that was closed under a sleeper cannot wake it any more.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(awoken.set)

    async def sleep_until(self, when: datetime) -> None:
        """Return once the sandbox's time has reached ``when`` (aware); at once when it is past."""
        awoken = asyncio.Event()
        with self._lock:
            self._sleepers[awoken] = asyncio.get_running_loop()
        try:
            while (left := when - self.now()) > timedelta():
                awoken.clear()
                await _wait(awoken, at_most=left)
        finally:
            with self._lock:
                del self._sleepers[awoken]


async def _wait(event: asyncio.Event, *, at_most: timedelta) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), at_most.total_seconds())
