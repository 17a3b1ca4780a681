"""Large data, written by the app's own sink, are read by Azure's client and from the app's container alone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from sandbox.azurite import Azurite
from shared.events.queue_sink import QueueSink
from shared.timing import Deadline
from teams_events import DataReference, open_data, parse
from teams_events.azure_blobs import DataDeleted, blob_name, blob_reader
from tests.unit.teams_events.samples import change

pytestmark = pytest.mark.slow
TEXT = "word " * 20_000


@pytest.fixture
def message(azurite: Azurite) -> str:
    """Return what the queue has of an event that does not fit into a message, in Base64."""
    event = change("chatMessage", "created", {"id": uuid4().hex, "body": {"content": TEXT}})
    with (
        QueueServiceClient.from_connection_string(azurite.connection_string) as queues,
        BlobServiceClient.from_connection_string(azurite.connection_string) as blobs,
    ):
        name = f"consumed-{uuid4().hex}"
        QueueSink(queues, blobs, name).publish([event], Deadline.after(timedelta(seconds=30)))
        (only,) = queues.get_queue_client(name).receive_messages()
        content: str = only.content
        return content


def test_large_data_are_opened_from_the_blob(message: str, azurite: Azurite) -> None:
    event = parse(message)
    assert isinstance(event.data, DataReference)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        data = open_data(event, blob_reader(blobs))
    assert data["content"]["body"]["content"] == TEXT


def test_deleted_data_are_an_error_of_their_own(message: str, azurite: Azurite) -> None:
    event = parse(message)
    assert isinstance(event.data, DataReference)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        blobs.get_blob_client("event-data", blob_name(event.data.url)).delete_blob()
        with pytest.raises(DataDeleted):
            open_data(event, blob_reader(blobs))


@pytest.mark.parametrize(
    "url",
    [
        "https://account.blob.example/event-data/2026/11/21/1.json",
        "http://127.0.0.1:10000/devstoreaccount1/event-data/2026/11/21/1.json",
        "https://account.blob.example/event-data/2026%2F11%2F21%2F1.json",
    ],
)
def test_name_of_a_blob_is_in_its_address(url: str) -> None:
    assert blob_name(url) == "2026/11/21/1.json"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "1.json",
        "https://account.blob.example/quarantine/1.json",
        "https://account.blob.example/event-data/",
        "https://account.blob.example/event-data/../quarantine/1.json",
        "https://account.blob.example/event-data/%2E%2E/quarantine/1.json",
        "https://account.blob.example/a/b/event-data/1.json",
    ],
)
def test_address_of_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="event-data"):
        blob_name(url)
