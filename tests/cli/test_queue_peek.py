"""Only the app's own blobs are read for the data of an event."""

from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from cli.queue_peek import Queue

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "dataref",
    [
        "https://elsewhere.example/event-data/x",
        "{home}-other/x",
        "{home}",
        "{home}/none",
        "{home}/../secrets/x",
        "{home}/./x",
        "{home}/",
        "",
    ],
)
def test_dataref_without_a_blob_of_the_app_has_no_data(
    queues: QueueServiceClient, blobs: BlobServiceClient, dataref: str
) -> None:
    home = blobs.get_container_client("event-data").url
    assert Queue(queues, blobs, "teams-events").data(dataref.format(home=home)) is None


def test_dataref_to_another_container_is_not_read(queues: QueueServiceClient, blobs: BlobServiceClient) -> None:
    other = blobs.create_container(f"event-data-{uuid4().hex}")
    other.upload_blob("x", b'{"a": 1}')
    assert Queue(queues, blobs, "teams-events").data(f"{other.url}/x") is None
