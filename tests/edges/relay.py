"""A relay in front of a TCP service, at an address that stays: it can hang up on everybody, or swallow what is said."""

import asyncio
import contextlib
from enum import Enum, auto


class Mood(Enum):
    """What a relay does with its connections."""

    FORWARDING = auto()
    DOWN = auto()
    """Every connection is closed at once."""
    SILENT = auto()
    """Connections stay open, and nothing comes through any more."""


class Relay:
    """Forwards to ``port`` of 127.0.0.1; ``mood`` may be set from any thread, for what is under way too."""

    def __init__(self, port: int) -> None:
        self.mood = Mood.FORWARDING
        self.port = 0
        self._target = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port, which ``port`` then names."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                # Whichever side hangs up first ends both.
                pumps = [self._pump(reader, target_writer), self._pump(target_reader, writer)]
                await asyncio.wait([asyncio.create_task(pump) for pump in pumps], return_when=asyncio.FIRST_COMPLETED)
            finally:
                target_writer.transport.abort()
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.mood is Mood.DOWN:
                    return
                if self.mood is Mood.FORWARDING:
                    writer.write(data)
                    await writer.drain()
