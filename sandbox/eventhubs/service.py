"""A namespace with one hub on loopback: an address, a connection string, switchable faults, and the events out."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from sandbox.clock import Clock
from sandbox.eventhubs.authority import KEY_NAME, Authority, Claims
from sandbox.eventhubs.batch import HubEvent
from sandbox.eventhubs.connection import HubConnection
from sandbox.eventhubs.fault import Fault
from sandbox.ports import stop_accepting
from sandbox.tls import Tls

# Of the tier Standard.
# Source: https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas
_MAX_MESSAGE_BYTES = 1024 * 1024
_PARTITIONS = 4


class EventHubs:
    """One namespace with one hub; over TLS if ``tls`` is given. ``claims`` are those of Entra ID's tokens."""

    def __init__(self, clock: Clock, *, claims: Claims | None = None, tls: Tls | None = None) -> None:
        self.name = "teams-events"
        """The hub's."""
        self.authority = Authority(hub=self.name, clock=clock, claims=claims)
        self.partitions = tuple(str(number) for number in range(_PARTITIONS))
        self.created_at = clock.now()
        self.max_message_bytes = _MAX_MESSAGE_BYTES
        self.credit = 100
        """How many messages a sender may have sent that it was not asked for again."""
        self.inactive_seconds = 60.0
        """How long a connection may have no link to the hub.

        Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot#connection-is-closed
        """
        self.faults = deque[Fault]()
        """What the next messages meet, in order; from any thread."""
        self.batches: list[Sequence[HubEvent]] = []
        """The events that were taken, by message."""
        self.refused: list[str] = []
        """With what reasons tokens, links and messages were refused, or connections closed."""
        self.connections = 0
        """How many connections there have been."""
        self._listeners: list[Callable[[HubEvent], None]] = []
        self._context = tls.context() if tls else None
        self._server: asyncio.Server | None = None
        self.port = 0

    def connection_string(self, port: int | None = None) -> str:
        """Return what Microsoft's emulator of Event Hubs would be reached by, perhaps at the port of a relay.

        Source: https://learn.microsoft.com/azure/event-hubs/test-locally-with-event-hub-emulator
        """
        key = f"SharedAccessKeyName={KEY_NAME};SharedAccessKey={self.authority.key}"
        return f"Endpoint=sb://127.0.0.1:{port or self.port};{key};UseDevelopmentEmulator=true;"

    def on_event(self, listener: Callable[[HubEvent], None]) -> None:
        """Call ``listener`` with every event from now on."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Listen; on a free port the first time, on the same one ever after."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, "127.0.0.1", self.port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            await stop_accepting(self._server)
            self._server.abort_clients()
            self._server = None
            await asyncio.sleep(0)

    def take(self, events: Sequence[HubEvent]) -> None:
        """Keep the events of a message."""
        self.batches.append(events)
        for event in events:
            for listener in self._listeners:
                listener(event)

    def next_fault(self) -> Fault | None:
        """Return what the next message meets, and count it down."""
        if not self.faults:
            return None
        fault = self.faults.popleft()
        if fault.times > 1:
            self.faults.appendleft(fault.once_less())
        return fault

    def _connection(self) -> HubConnection:
        self.connections += 1
        return HubConnection(self)
