"""The sandbox's event hub, asked by azure-eventhub's client what the app never asks, or does not do wrong."""

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from tests.fakes.event_hubs import WHY_SKIPPED, Namespace, event_hubs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")]

OPEN, ATTACH, TRANSFER = 0x10, 0x12, 0x14


@pytest.fixture(scope="module")
def _namespace() -> Iterator[Namespace]:
    with event_hubs() as namespace:
        yield namespace


@pytest.fixture
def namespace(_namespace: Namespace) -> Iterator[Namespace]:
    yield _namespace
    _namespace.as_it_was()


def _client(namespace: Namespace, name: str = "teams-events", **options: Any) -> EventHubProducerClient:
    return EventHubProducerClient.from_connection_string(
        namespace.connection_string, eventhub_name=name, retry_total=0, retry_backoff_factor=0, **options
    )


def test_properties_of_the_hub_are_read(namespace: Namespace) -> None:
    with _client(namespace) as client:
        properties = client.get_eventhub_properties()
    assert (properties["eventhub_name"], properties["partition_ids"]) == ("teams-events", ["0", "1", "2", "3"])


def test_token_for_another_hub_is_refused(namespace: Namespace) -> None:
    with _client(namespace, "other") as client, pytest.raises(EventHubError, match="404"):
        client.create_batch()
    assert namespace.hubs.refused == ["404"]


def test_batch_ends_at_the_size_that_the_link_allows(namespace: Namespace) -> None:
    with _client(namespace) as client:
        assert client.create_batch().max_size_in_bytes == 1024 * 1024


def test_message_that_is_too_large_ends_the_link(namespace: Namespace) -> None:
    with _client(namespace) as client:
        batch = client.create_batch()
        batch.add(EventData(b"x" * 300_000))
        # As where a hub has moved to a lower tier since.
        namespace.hubs.max_message_bytes, before = 256 * 1024, namespace.hubs.max_message_bytes
        try:
            with _client(namespace) as other, pytest.raises(EventHubError):
                other.send_batch(batch)
        finally:
            namespace.hubs.max_message_bytes = before
    assert "amqp:link:message-size-exceeded" in namespace.hubs.refused
    assert namespace.hubs.batches == []


def test_token_that_has_expired_is_refused(namespace: Namespace) -> None:
    authority = namespace.hubs.authority
    audience = "sb://127.0.0.1/teams-events"
    token = f"SharedAccessSignature sr={audience}&sig=x&se=1&skn=RootManageSharedAccessKey"
    refusal = authority.refusal("servicebus.windows.net:sastoken", audience, token)
    assert refusal is not None
    assert refusal[0] == 401


def test_connection_that_is_not_used_is_closed(namespace: Namespace) -> None:
    namespace.hubs.inactive_seconds, before = 0.1, namespace.hubs.inactive_seconds
    try:
        with socket.create_connection(("127.0.0.1", namespace.hubs.port), timeout=10) as client:
            while client.recv(1000):
                pass
    finally:
        namespace.hubs.inactive_seconds = before
    assert namespace.hubs.refused == ["amqp:connection:forced"]


def _frame(performative: int, fields: bytes, payload: bytes = b"") -> bytes:
    body = b"\x02\x00\x00\x00\x00\x53" + bytes([performative]) + fields + payload
    return struct.pack(">I", len(body) + 4) + body


@pytest.mark.parametrize(
    ("performative", "fields", "count"),
    [
        (OPEN, b"\xc0\x02\x01\x40", 10),
        (ATTACH, b"\x45", 14),
        (TRANSFER, b"\xd0\x00\x00\x00\x05\x00\x00\x00\x01\x43", 11),
    ],
    ids=["short list", "empty list", "long list"],
)
def test_frame_gets_all_its_fields_and_keeps_its_payload(performative: int, fields: bytes, count: int) -> None:
    pytest.importorskip("proton", reason=WHY_SKIPPED)
    from sandbox.eventhubs.frames import FrameFiller  # noqa: PLC0415  where the library is installed

    frame = FrameFiller().fill(_frame(performative, fields, b"payload"))
    assert frame[:4] == struct.pack(">I", len(frame))
    size, written = struct.unpack(">II", frame[12:20])
    assert (frame[11], written) == (0xD0, count)
    assert frame[12 + 4 + size :] == b"payload"


def test_frames_that_come_in_pieces_are_filled_when_they_are_complete() -> None:
    pytest.importorskip("proton", reason=WHY_SKIPPED)
    from sandbox.eventhubs.frames import FrameFiller  # noqa: PLC0415  where the library is installed

    data = b"AMQP\x00\x01\x00\x00" + _frame(OPEN, b"\x45") + _frame(ATTACH, b"\x45")
    whole, pieces = FrameFiller().fill(data), FrameFiller()
    assert b"".join(pieces.fill(data[number : number + 1]) for number in range(len(data))) == whole
    assert whole.startswith(b"AMQP\x00\x01\x00\x00")
