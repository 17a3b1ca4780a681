"""Where the app's events go in the sandbox, and who reads them there."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from sandbox.clock import Clock
from sandbox.run.queue_consumer import Consumer, Event, LargeData

if TYPE_CHECKING:
    from sandbox.eventhubs import EventHubs, HubEvent

QUEUE_NAME = "teams-events"


class Sink(StrEnum):
    """What takes the app's events."""

    QUEUE = "queue"
    EVENT_HUB = "event-hub"


class EventConsumer(Protocol):
    """Reads the app's events."""

    async def run(self, on_event: Callable[[Event], None]) -> None:
        """Hand every event to ``on_event``; returns only when cancelled."""
        ...

    async def watch(self, on_event: Callable[[Event], None]) -> None:
        """Do the same, and leave every event to others."""
        ...


def new_event_hubs(sink: Sink, clock: Clock) -> "EventHubs | None":
    """Return a namespace with one hub if events go there.

    Raises:
        RuntimeError: the library for it is not installed.
    """
    if sink is Sink.QUEUE:
        return None
    if find_spec("proton") is None:
        raise RuntimeError("python-qpid-proton is not installed: make event-hubs")
    from sandbox.eventhubs import EventHubs  # noqa: PLC0415  where the library is installed

    return EventHubs(clock)


def sink_settings(hubs: "EventHubs | None", port: int | None = None) -> Mapping[str, str]:
    """Return the app's settings of the sink; ``port`` is that of a relay to the hub."""
    if hubs is None:
        return {"EVENT_SINK": f"queue:{QUEUE_NAME}"}
    return {"EVENT_SINK": f"eventhub:{hubs.name}", "EventHubConnection": hubs.connection_string(port)}


def new_consumer(connection_string: str, hubs: "EventHubs | None") -> EventConsumer:
    """Return a consumer of the queue of a storage account or, if there is one, of the hub."""
    return Consumer(connection_string, QUEUE_NAME) if hubs is None else _HubConsumer(connection_string, hubs)


class _HubConsumer:
    def __init__(self, connection_string: str, hubs: "EventHubs") -> None:
        self._large_data = LargeData(connection_string)
        self._received = asyncio.Queue[tuple[bytes, datetime]]()
        hubs.on_event(self._receive)

    def _receive(self, event: "HubEvent") -> None:
        self._received.put_nowait((event.body, datetime.now(UTC)))

    async def run(self, on_event: Callable[[Event], None]) -> None:
        async with self._large_data:
            while True:
                body, inserted_on = await self._received.get()
                on_event(replace(await self._large_data.event(body), inserted_on=inserted_on))

    async def watch(self, on_event: Callable[[Event], None]) -> None:
        # Whoever reads a hub takes nothing from its other readers.
        await self.run(on_event)
