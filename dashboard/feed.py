"""One look at the source for all browsers: read while somebody looks, sent when something has changed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from dashboard.snapshot import Snapshot
from dashboard.source import Source

# So that the browser, and the server, notice that the other one has gone.
_HEARTBEAT_SECONDS = 10.0
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Feed:
    """The newest snapshot as JSON, for any number of followers. It asks nothing of the source while there are none."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._followers = 0
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._last: Snapshot | None = None
        self._text = b""
        self._number = 0
        self._fault: Exception | None = None

    async def follow(self) -> AsyncGenerator[bytes]:
        """Yield the snapshot now, and again whenever it changes; nothing, as a sign of life, when it long has not."""
        self._followers += 1
        if self._reading is None:
            self._number, self._last, self._fault = 0, None, None
            self._reading = asyncio.create_task(self._read())
        seen = 0
        try:
            while True:
                yield await self._next(seen)
                seen = self._number
        finally:
            self._followers -= 1
            await self._end_if_unseen()

    async def _next(self, seen: int) -> bytes:
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEARTBEAT_SECONDS), self._news:
                await self._news.wait_for(lambda: self._number > seen or self._fault is not None)
                if self._fault is not None:
                    raise self._fault
                return self._text
        return b""

    async def _read(self) -> None:
        try:
            while True:
                await self._look()
                await asyncio.sleep(self._source.period_seconds)
        # A bug of the source: whoever waits for it reports it, and the next browser finds it tried again.
        except Exception as exc:  # noqa: BLE001
            async with self._news:
                self._fault = exc
                self._news.notify_all()

    async def _look(self) -> None:
        snapshot = await self._source.look()
        if self._last is not None and _timeless(snapshot) == _timeless(self._last):
            return
        async with self._news:
            self._last, self._text = snapshot, msgspec.json.encode(snapshot)
            self._number += 1
            self._news.notify_all()

    async def _end_if_unseen(self) -> None:
        if self._followers or self._reading is None:
            return
        reading, self._reading = self._reading, None
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


def _timeless(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot that equals another one in which only time has passed."""
    return replace(snapshot, now=_LONG_AGO)
