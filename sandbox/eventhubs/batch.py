"""What one AMQP message to a hub holds: a batch of events, each of which is an AMQP message in itself.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#messages
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from proton import Data, Message, ProtonException

_DATA_SECTION = 0x75


@dataclass(frozen=True, slots=True, kw_only=True)
class HubEvent:
    """One event as a hub keeps it."""

    body: bytes = field(repr=False)
    content_type: str | None


def events_of(message: bytes) -> Sequence[HubEvent]:
    """Return the events of a batch (message format 0x80013700).

    Raises:
        ValueError: it is no batch.
    """
    try:
        return [_event(section) for section in _sections(message)]
    except ProtonException as exc:
        raise ValueError("not a batch of messages") from exc


def _sections(message: bytes) -> Sequence[bytes]:
    found = []
    while message:
        data = Data()
        size = data.decode(message)
        data.rewind()
        data.next()
        section = data.get_object()
        if section.descriptor == _DATA_SECTION:
            found.append(bytes(section.value))
        message = message[size:]
    return found


def _event(section: bytes) -> HubEvent:
    message = Message()
    message.decode(section)
    return HubEvent(body=bytes(message.body), content_type=message.content_type)
