"""The sink while storage is away, slow, or refuses: Unavailable by the deadline, and never a silent part."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from sandbox.azurite import ACCOUNT_KEY, Azurite
from sandbox.relay import Mood, Relay
from shared.errors import Unavailable
from shared.events.cloud_events import CloudEvent, Provenance
from shared.events.queue_sink import QueueSink
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def relays(azurite: Azurite) -> Iterator[dict[str, Relay]]:
    """Relays to the queue and the blob service."""
    background = Background()
    endpoints = {"Queue": azurite.queue_endpoint, "Blob": azurite.blob_endpoint}
    relays = {name: Relay(urlsplit(endpoint).port or 0) for name, endpoint in endpoints.items()}
    for relay in relays.values():
        background.run(relay.start())
    yield relays
    for relay in relays.values():
        background.run(relay.stop())
    background.close()


def _relayed(connection_string: str, relays: dict[str, Relay]) -> str:
    for name, relay in relays.items():
        connection_string = re.sub(rf"({name}Endpoint=http://127\.0\.0\.1):\d+", rf"\1:{relay.port}", connection_string)
    return connection_string


@contextmanager
def _sink(connection_string: str) -> Iterator[tuple[QueueSink, str]]:
    name = f"queue-{uuid4().hex}"
    queues = QueueServiceClient.from_connection_string(connection_string)
    blobs = BlobServiceClient.from_connection_string(connection_string)
    with queues, blobs:
        yield QueueSink(queues, blobs, name), name


@pytest.fixture
def sink(azurite: Azurite, relays: dict[str, Relay]) -> Iterator[tuple[QueueSink, str]]:
    with _sink(_relayed(azurite.connection_string, relays)) as sink:
        yield sink
    for relay in relays.values():
        relay.mood = Mood.FORWARDING


def _event(size: int = 10) -> CloudEvent:
    return CloudEvent(
        id=uuid4().hex,
        type="t",
        source="s",
        subject="s",
        time=datetime.now(UTC),
        data=b'"%s"' % (b"x" * size),
        provenance=Provenance(tenant_id="t", dedup_key="1"),
    )


def _count(azurite: Azurite, queue_name: str) -> int:
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        return queues.get_queue_client(queue_name).get_queue_properties().approximate_message_count or 0


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_a_queue_service_that_cannot_be_had_is_unavailable_by_the_deadline(
    azurite: Azurite, relays: dict[str, Relay], sink: tuple[QueueSink, str], mood: Mood
) -> None:
    publisher, name = sink
    relays["Queue"].mood = mood
    with pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        publisher.publish([_event() for _ in range(40)], in_time())
    relays["Queue"].mood = Mood.FORWARDING
    publisher.publish([_event()], in_time())
    assert _count(azurite, name) >= 1


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_one_event_that_cannot_be_kept_makes_all_of_them_unavailable(
    azurite: Azurite, relays: dict[str, Relay], sink: tuple[QueueSink, str], mood: Mood
) -> None:
    publisher, name = sink
    relays["Blob"].mood = mood
    with pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        publisher.publish([_event(), _event(100_000)], in_time())
    assert _count(azurite, name) == 1


def test_a_large_event_is_never_announced_before_its_data_are_kept(
    azurite: Azurite, relays: dict[str, Relay], sink: tuple[QueueSink, str]
) -> None:
    publisher, name = sink
    publisher.publish([_event()], in_time())
    relays["Blob"].mood = Mood.DOWN
    with pytest.raises(Unavailable):
        publisher.publish([_event(100_000)], in_time())
    assert _count(azurite, name) == 1


def test_a_key_that_storage_refuses_is_unavailable_and_stays_out_of_the_message(azurite: Azurite) -> None:
    wrong = "QUFB" + ACCOUNT_KEY[4:]
    with (
        _sink(azurite.connection_string.replace(ACCOUNT_KEY, wrong)) as (publisher, _),
        pytest.raises(Unavailable, match=r"storage .*403") as caught,
    ):
        publisher.publish([_event()], in_time())
    assert wrong not in str(caught.value)
