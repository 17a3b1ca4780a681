"""The sandbox's consumer, when it only watches: it sees each message once, and leaves it for others."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from sandbox.azurite import Azurite
from sandbox.run.queue_consumer import Consumer, Event
from shared.events.queue_sink import QueueSink
from shared.timing import Deadline
from tests.unit.teams_events.samples import change

pytestmark = pytest.mark.slow


async def _watched(connection_string: str, name: str, count: int) -> list[Event]:
    events: list[Event] = []
    watching = asyncio.create_task(Consumer(connection_string, name).watch(events.append))
    async with asyncio.timeout(20):
        while len(events) < count:
            await asyncio.sleep(0.05)
    # Some rounds more, in which none may come again.
    await asyncio.sleep(0.3)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return events


def test_watcher_sees_each_event_once_and_leaves_it(azurite: Azurite) -> None:
    name = f"watched-{uuid4().hex}"
    published = [change("team", "updated", {"id": str(number)}) for number in range(3)]
    with (
        QueueServiceClient.from_connection_string(azurite.connection_string) as queues,
        BlobServiceClient.from_connection_string(azurite.connection_string) as blobs,
    ):
        QueueSink(queues, blobs, name).publish(published, Deadline.after(timedelta(seconds=30)))
        events = asyncio.run(_watched(azurite.connection_string, name, 3))
        left = queues.get_queue_client(name).get_queue_properties().approximate_message_count
    assert sorted(event.data["content"]["id"] for event in events) == ["0", "1", "2"]
    assert left == 3
