"""The queue trigger that every function app uses, Microsoft's own package, reads what the app publishes.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient

from sandbox.azurite import Azurite
from shared.events.cloud_events import CloudEvent
from shared.events.queue_sink import QueueSink
from shared.timing import Deadline
from teams_events import parse
from tests.unit.teams_events.samples import change

TRIGGER = Path(__file__).parents[4] / "shared" / "tools" / "ms-clients"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TRIGGER.exists(), reason="Microsoft's queue trigger (ms-clients) is not at hand"),
]
_DELIVERIES = 5
_PATIENCE_SECONDS = 40


@contextmanager
def _triggered(azurite: Azurite, queue: str, *, failing: int) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield what a function gets that fails for the first ``failing`` deliveries of each message."""
    words = [str(TRIGGER), "consume", azurite.connection_string, queue, str(_PATIENCE_SECONDS), "base64", str(failing)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603  fixed words
        assert process.stdout is not None
        try:
            yield (json.loads(line) for line in process.stdout if line.startswith("{"))
        finally:
            process.kill()


@pytest.fixture
def queues(azurite: Azurite) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(azurite.connection_string) as client:
        yield client


def _published(azurite: Azurite, queues: QueueServiceClient, event: CloudEvent) -> str:
    name = f"triggered-{uuid4().hex}"
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        QueueSink(queues, blobs, name).publish([event], Deadline.after(timedelta(seconds=30)))
    return name


def _is_empty(queue: QueueClient) -> bool:
    ends = time.monotonic() + _PATIENCE_SECONDS
    while queue.get_queue_properties().approximate_message_count:
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def _poison(queues: QueueServiceClient, name: str) -> list[str]:
    known = [queue.name for queue in queues.list_queues(name_starts_with=f"{name}-")]
    return [message.content for queue in known for message in queues.get_queue_client(queue).receive_messages()]


def test_function_gets_the_event_as_it_was_published(azurite: Azurite, queues: QueueServiceClient) -> None:
    event = change("chatMessage", "created")
    name = _published(azurite, queues, event)
    with _triggered(azurite, name, failing=0) as deliveries:
        delivery = next(deliveries)
        assert delivery["message"].encode() == event.to_json()
        assert delivery["dequeueCount"] == 1
        assert _is_empty(queues.get_queue_client(name))
    assert _poison(queues, name) == []


def test_function_that_fails_twice_gets_the_event_a_third_time(azurite: Azurite, queues: QueueServiceClient) -> None:
    name = _published(azurite, queues, change("team", "updated"))
    with _triggered(azurite, name, failing=2) as deliveries:
        assert [next(deliveries)["dequeueCount"] for _ in range(3)] == [1, 2, 3]
        assert _is_empty(queues.get_queue_client(name))
    assert _poison(queues, name) == []


def test_event_that_always_fails_is_poison_after_five(azurite: Azurite, queues: QueueServiceClient) -> None:
    event = change("team", "deleted")
    name = _published(azurite, queues, event)
    with _triggered(azurite, name, failing=99) as deliveries:
        assert [next(deliveries)["dequeueCount"] for _ in range(_DELIVERIES)] == [1, 2, 3, 4, 5]
        assert _is_empty(queues.get_queue_client(name))
    (poison,) = _poison(queues, name)
    assert parse(poison).id == event.id
