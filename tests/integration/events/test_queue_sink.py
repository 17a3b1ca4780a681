"""The sink against Azurite, read back with the clients that a consumer would use, and in outages of one service."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import AccountSasPermissions, BlobServiceClient, ResourceTypes, generate_account_sas
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from sandbox.azurite import ACCOUNT_KEY, ACCOUNT_NAME, Azurite
from sandbox.relay import Mood
from shared.errors import Unavailable
from shared.events.claim_check import DATA_CONTAINER, MAX_MESSAGE_BYTES
from shared.events.cloud_events import CloudEvent, Provenance
from shared.events.queue_sink import QueueSink
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.integration.relayed_account import RelayedAccount

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Storage:
    queues: QueueServiceClient
    blobs: BlobServiceClient
    queue: QueueClient
    sink: QueueSink

    def messages(self) -> list[QueueMessage]:
        """Return the messages in the queue, their text untouched, and delete them."""
        found = []
        while batch := list(self.queue.receive_messages(max_messages=32)):
            found += batch
            for message in batch:
                self.queue.delete_message(message)
        return found

    def events(self) -> list[dict[str, Any]]:
        """Return the events as a Functions queue trigger would: the JSON in the Base64 in the message."""
        return [json.loads(base64.b64decode(message.content, validate=True)) for message in self.messages()]


@pytest.fixture
def storage(azurite: Azurite, relayed: RelayedAccount) -> Iterator[Storage]:
    name = f"queue-{uuid4().hex}"
    with (
        QueueServiceClient.from_connection_string(relayed.connection_string) as queues,
        BlobServiceClient.from_connection_string(relayed.connection_string) as blobs,
        QueueClient.from_connection_string(azurite.connection_string, name) as queue,
    ):
        yield Storage(queues=queues, blobs=blobs, queue=queue, sink=QueueSink(queues, blobs, name))


def _event(text: str = "hello") -> CloudEvent:
    return CloudEvent(
        id=uuid4().hex,
        type="Microsoft.Graph.ChatMessageCreated",
        source="/tenants/a/applications/b",
        subject="chats/c/messages/1",
        time=datetime(2026, 11, 21, 22, 30, tzinfo=UTC),
        data=json.dumps({"content": text}, ensure_ascii=False).encode(),
        provenance=Provenance(tenant_id="a", dedup_key="1"),
    )


def _event_of(size: int) -> CloudEvent:
    """Return an event whose message, before Base64, has ``size`` bytes."""
    empty = _event("")
    padding = "x" * (size - len(empty.to_json()))
    return replace(empty, data=json.dumps({"content": padding}).encode())


def test_message_is_what_a_queue_trigger_expects_and_never_expires(storage: Storage) -> None:
    event = _event("Grüße 👋 \u2028")
    storage.sink.publish([event], in_time())
    (message,) = storage.messages()
    assert base64.b64decode(message.content, validate=True) == event.to_json()
    assert message.expires_on is not None
    assert message.expires_on.year == 9999


def test_all_events_of_a_post_are_in_the_queue_that_they_create(storage: Storage) -> None:
    events = [_event(str(number)) for number in range(40)]
    storage.sink.publish(events, in_time())
    assert {event["id"] for event in storage.events()} == {event.id for event in events}


@pytest.mark.parametrize(("size", "where"), [(MAX_MESSAGE_BYTES, "data"), (MAX_MESSAGE_BYTES + 1, "dataref")])
def test_data_go_into_a_blob_if_the_message_would_exceed_64_kib(storage: Storage, size: int, where: str) -> None:
    event = _event_of(size)
    assert len(event.to_json()) == size
    storage.sink.publish([event], in_time())
    assert {"data", "dataref"} & storage.events()[0].keys() == {where}


def _read(storage: Storage, dataref: str) -> tuple[bytes, str | None]:
    """Return the data and their media type, as a consumer with rights of its own on the account finds them."""
    address = dataref.removeprefix(f"{storage.blobs.url}{DATA_CONTAINER}/")
    download = storage.blobs.get_blob_client(DATA_CONTAINER, address).download_blob()
    return download.readall(), download.properties.content_settings.content_type


def test_large_data_are_found_where_the_event_says(storage: Storage) -> None:
    event = _event("Grüße 👋" * 20_000)
    storage.sink.publish([event], in_time())
    published = storage.events()[0]
    assert published == json.loads(event.to_json(dataref=published["dataref"]))
    assert _read(storage, published["dataref"]) == (event.data, "application/json")


def test_redelivery_of_large_data_overwrites_its_blob(storage: Storage) -> None:
    event = _event("x" * 100_000)
    for _ in range(2):
        storage.sink.publish([event], in_time())
    assert len({published["dataref"] for published in storage.events()}) == 1


def test_address_of_large_data_has_no_shared_access_signature(storage: Storage) -> None:
    signature = generate_account_sas(
        ACCOUNT_NAME,
        ACCOUNT_KEY,
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions(read=True, write=True, create=True),
        datetime(2090, 1, 1, tzinfo=UTC),
    )
    event = _event("x" * 100_000)
    with BlobServiceClient(storage.blobs.url, credential=signature) as blobs:
        QueueSink(storage.queues, blobs, storage.queue.queue_name).publish([event], in_time())
    dataref = storage.events()[0]["dataref"]
    assert "?" not in dataref
    assert "sig" not in dataref
    assert _read(storage, dataref)[0] == event.data


def test_each_sent_event_is_reported(storage: Storage) -> None:
    events, sent = [_event(), _event("x" * 100_000)], list[CloudEvent]()
    storage.sink.publish(events, in_time(), sent.append)
    assert sorted(event.id for event in sent) == sorted(event.id for event in events)


@pytest.mark.parametrize("count", [1, 2])
def test_event_that_is_not_sent_is_not_reported(storage: Storage, relayed: RelayedAccount, count: int) -> None:
    sent = list[CloudEvent]()
    relayed.relays["Queue"].mood = Mood.DOWN
    with pytest.raises(Unavailable):
        storage.sink.publish([_event() for _ in range(count)], in_time(), sent.append)
    assert sent == []


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_many_events_are_unavailable_by_the_deadline_without_the_queue(
    storage: Storage, relayed: RelayedAccount, mood: Mood
) -> None:
    relayed.relays["Queue"].mood = mood
    with within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
        storage.sink.publish([_event() for _ in range(40)], in_time())
    relayed.set_mood(Mood.FORWARDING)
    storage.sink.publish([_event()], in_time())
    assert storage.events()


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_event_is_not_in_the_queue_without_its_large_data(
    storage: Storage, relayed: RelayedAccount, mood: Mood
) -> None:
    small = _event()
    relayed.relays["Blob"].mood = mood
    with within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
        storage.sink.publish([small, _event("x" * 100_000)], in_time())
    assert [event["id"] for event in storage.events()] == [small.id]
