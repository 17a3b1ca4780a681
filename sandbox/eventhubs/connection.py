"""One AMQP connection to the namespace: the library speaks the protocol, this decides what Event Hubs answers.

Sources: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
and https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html
"""

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import proton

from sandbox.eventhubs.batch import events_of
from sandbox.eventhubs.fault import Condition, Fault
from sandbox.eventhubs.frames import FrameFiller
from sandbox.eventhubs.requests import CBS, MANAGEMENT, answered

if TYPE_CHECKING:
    from sandbox.eventhubs.service import EventHubs

_MAX_FRAME_BYTES = 64 * 1024


class HubConnection(asyncio.Protocol):
    """Answers one client; the methods that begin with ``on_`` are called by the library."""

    def __init__(self, hubs: "EventHubs") -> None:
        self._hubs = hubs
        self._filler = FrameFiller()
        self._may_send = False
        self._has_sender = False
        self._writer: asyncio.Transport | None = None
        self._answers: dict[str, proton.Sender] = {}
        self._collector = proton.Collector()
        self._connection = proton.Connection()
        self._connection.collect(self._collector)
        self._amqp = proton.Transport(proton.Transport.SERVER)
        self._amqp.max_frame_size = _MAX_FRAME_BYTES
        # Who the client is, it shows by a token later on.
        sasl = self._amqp.sasl()
        sasl.allowed_mechs("ANONYMOUS")
        sasl.done(proton.SASL.OK)
        self._amqp.bind(self._connection)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to answer."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what a server makes
        self._writer = transport
        asyncio.get_running_loop().call_later(self._hubs.inactive_seconds, self._end_if_inactive)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self._writer = None

    def data_received(self, data: bytes) -> None:
        """Answer what the client has sent."""
        while data:
            room = self._amqp.capacity()
            if room <= 0:
                break
            self._amqp.push(data[:room])
            data = data[room:]
            self._process()
        self._flush()

    def _end_if_inactive(self) -> None:
        if self._writer is not None and not self._has_sender:
            self._refuse(self._connection, Condition.CLOSED)
            self._flush()
            self._writer.close()

    def _process(self) -> None:
        while event := self._collector.peek():
            event.dispatch(self)
            self._collector.pop()

    def _flush(self) -> None:
        while self._writer is not None and (size := self._amqp.pending()) > 0:
            data = self._amqp.peek(size)
            self._amqp.pop(len(data))
            self._writer.write(self._filler.fill(bytes(data)))
            self._process()
        if self._writer is not None and self._amqp.pending() < 0:
            self._writer.close()

    def on_connection_remote_open(self, event: Any) -> None:
        """Open the connection from this side too."""
        event.connection.container = "event-hubs"
        event.connection.open()

    def on_connection_remote_close(self, event: Any) -> None:
        """Close the connection from this side too."""
        event.connection.close()

    def on_session_remote_open(self, event: Any) -> None:
        """Open the session from this side too."""
        event.session.open()

    def on_session_remote_close(self, event: Any) -> None:
        """Close the session from this side too."""
        event.session.close()

    def on_link_remote_open(self, event: Any) -> None:
        """Attach a link to the hub, to the endpoint of tokens, or to that of the hub's properties."""
        link = event.link
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        address = (link.remote_source if link.is_sender else link.remote_target).address
        is_request = address in {CBS, MANAGEMENT}
        if link.is_receiver and not is_request:
            link.max_message_size = self._hubs.max_message_bytes
        link.open()
        if link.is_sender and is_request:
            self._answers[address] = link
        elif link.is_sender or (not is_request and urlsplit(address or "").path != f"/{self._hubs.authority.hub}"):
            self._refuse(link, Condition.NOT_FOUND)
        elif not is_request and not self._may_send:
            self._refuse(link, Condition.UNAUTHORIZED)
        else:
            self._has_sender |= not is_request
            link.flow(self._hubs.credit)

    def on_link_remote_close(self, event: Any) -> None:
        """Detach the link from this side too."""
        event.link.close()

    def on_delivery(self, event: Any) -> None:
        """Take a message, once all of it is here, or refuse it."""
        delivery, link = event.delivery, event.link
        if link.is_sender or not delivery.readable:
            return
        if link.max_message_size and delivery.pending > link.max_message_size:
            self._refuse(link, Condition.TOO_LARGE)
            return
        if delivery.partial:
            return
        message = link.recv(delivery.pending)
        link.advance()
        if link.credit < 0:
            self._refuse(link, Condition.OVER_CREDIT)
            return
        if not link.credit:
            link.flow(self._hubs.credit)
        if link.target.address in {CBS, MANAGEMENT}:
            self._answer(link.target.address, message)
            _settle(delivery, proton.Disposition.ACCEPTED)
        else:
            self._take(delivery, link, message)

    def _answer(self, address: str, message: bytes) -> None:
        status, answer = answered(address, message, self._hubs)
        if address == CBS:
            self._may_send = status is None
        if status is not None:
            self._hubs.refused.append(str(status))
        link = self._answers[address]
        sent = link.delivery(str(answer.correlation_id))
        link.send(answer.encode())
        link.advance()
        sent.settle()

    def _take(self, delivery: proton.Delivery, link: proton.Receiver, message: bytes) -> None:
        fault = self._hubs.next_fault()
        if fault is None or fault.taken:
            self._hubs.take(events_of(message))
        if fault is None:
            _settle(delivery, proton.Disposition.ACCEPTED)
        elif fault.condition is not None:
            self._fail(delivery, link, fault)

    def _fail(self, delivery: proton.Delivery, link: proton.Receiver, fault: Fault) -> None:
        match fault.condition:
            case Condition.DETACHED:
                self._refuse(link, Condition.DETACHED)
            case Condition.CLOSED:
                self._refuse(self._connection, Condition.CLOSED)
            case condition:
                self._hubs.refused.append(str(condition))
                delivery.local.condition = _condition(str(condition), fault.description)
                _settle(delivery, proton.Disposition.REJECTED)

    def _refuse(self, endpoint: Any, condition: Condition) -> None:
        """Detach a link, or close the connection, for a reason."""
        self._hubs.refused.append(condition)
        endpoint.condition = _condition(condition, f"The service answers {condition}.")
        endpoint.close()


def _condition(name: str, description: str) -> proton.Condition:
    # With all its fields, which the client counts on.
    return proton.Condition(name, description, {proton.symbol("tracking-id"): "0"})


def _settle(delivery: proton.Delivery, outcome: Any) -> None:
    delivery.update(outcome)
    delivery.settle()
