"""A relay in front of a TCP service, at an address that stays: it can close connections, or swallow what is sent."""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from sandbox.ports import stop_accepting

_LATE_SECONDS = 1.0
# Who has a second and a half left for a call may have hung up by then.
_SLOW = timedelta(seconds=0.5)
_PATIENCE_SECONDS = 30.0
# So slow that no answer arrives in time, and so steady that no time-out of one read ends the wait.
_TRICKLE_SECONDS = 0.2
# Source: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
_BUSY = (
    b"HTTP/1.1 503 The server is busy.\r\nx-ms-error-code: ServerBusy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class Mood(Enum):
    """What a relay does with its connections."""

    FORWARDING = auto()
    DOWN = auto()
    """Every connection is closed at once."""
    SILENT = auto()
    """Connections stay open, and nothing comes through."""
    LATE = auto()
    """Whatever comes from the service comes a second late."""
    TRICKLING = auto()
    """Whatever comes from the service comes byte by byte, five a second."""
    CUTTING = auto()
    """Half of what comes from the service gets through, and then the connection is closed."""
    BUSY = auto()
    """Every HTTP request is answered with 503 ServerBusy, as a storage account does that is full or overrun."""
    STALE = auto()
    """Connections from before are closed at their next request; others are served."""


@dataclass(slots=True)
class _Connection:
    is_fresh: bool
    """Whether it was made after those of before had become stale."""
    asked: bool = False
    """Whether the service has got a request of it that it has not answered."""
    asked_at: datetime | None = None
    owed: bool = False
    """Whether the client has no answer, in full, to what the service has got."""
    ended: datetime | None = None


class Relay:
    """Forwards to ``port`` of 127.0.0.1; ``mood`` may be set from any thread, for what is under way too."""

    def __init__(self, port: int) -> None:
        self.mood = Mood.FORWARDING
        self.port = 0
        self.unanswered: list[tuple[datetime, datetime]] = []
        """When connections ended over which a request had gone to the service, and no answer had come back in full.

        And until when the service may still have done what it was asked for. So it is if an answer came slowly: the
        client may not have waited for it.
        """
        self.connections = 0
        """How many were made to it."""
        self.swallowed = 0
        """How many pieces of requests it took while it was silent."""
        self._target = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open_connections(self) -> int:
        """How many have not ended."""
        return len(self._tasks)

    async def start(self) -> None:
        """Listen on a free port, which ``port`` then names."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            await stop_accepting(self._server)
        await self.hang_up()
        if self._server is not None:
            # Connections that were accepted and are not served yet.
            self._server.abort_clients()

    async def hang_up(self) -> None:
        """End every connection; new ones are served."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine that runs has its task
        self.connections += 1
        connection = _Connection(is_fresh=self.mood is Mood.STALE)
        self._tasks.add(task)
        try:
            if (target := await _opened(self._target)) is None:
                return
            target_reader, target_writer = target
            try:
                await self._pump(
                    self._ask(reader, target_writer, writer, connection),
                    self._answer(target_reader, writer, connection),
                )
                connection.ended = datetime.now(UTC)
                writer.transport.abort()
                if connection.asked:
                    await _one_byte(target_reader)
            finally:
                target_writer.transport.abort()
                if connection.owed:
                    until = datetime.now(UTC)
                    self.unanswered.append((until if connection.ended is None else connection.ended, until))
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, *directions: Coroutine[Any, Any, None]) -> None:
        """Return once either side has hung up."""
        pumps = [asyncio.create_task(direction) for direction in directions]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        connection: _Connection,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                match self.mood:
                    case Mood.DOWN:
                        return
                    case Mood.STALE if not connection.is_fresh:
                        return
                    case Mood.BUSY:
                        client.write(_BUSY)
                        return
                    case Mood.SILENT:
                        self.swallowed += 1
                        continue
                if not connection.owed:
                    connection.asked_at = datetime.now(UTC)
                connection.asked = connection.owed = True
                target.write(data)
                await target.drain()

    async def _answer(
        self, reader: asyncio.StreamReader, client: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                connection.asked = False
                match self.mood:
                    case Mood.DOWN:
                        return
                    case Mood.SILENT:
                        continue
                    case Mood.CUTTING:
                        client.write(data[: len(data) // 2])
                        return
                    case Mood.LATE:
                        await asyncio.sleep(_LATE_SECONDS)
                    case Mood.TRICKLING:
                        data = await self._trickle(data, client)
                client.write(data)
                await client.drain()
                self._answered(connection)

    def _answered(self, connection: _Connection) -> None:
        connection.owed = False
        now, asked_at = datetime.now(UTC), connection.asked_at
        if asked_at is not None and now - asked_at > _SLOW:
            self.unanswered.append((asked_at, now))

    async def _trickle(self, data: bytes, client: asyncio.StreamWriter) -> bytes:
        """Return what is left of ``data`` once the relay does not trickle any more."""
        while data and self.mood is Mood.TRICKLING:
            client.write(data[:1])
            await client.drain()
            data = data[1:]
            await asyncio.sleep(_TRICKLE_SECONDS)
        return data


async def _opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """Return a connection to a service; None if nothing listens there."""
    with contextlib.suppress(ConnectionError):
        return await asyncio.open_connection("127.0.0.1", port)
    return None


async def _one_byte(reader: asyncio.StreamReader) -> None:
    """Return once a service answers: one that is behind may take what it was sent long after its client has hung up."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(reader.read(1), _PATIENCE_SECONDS)
