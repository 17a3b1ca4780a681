"""A consumer of the app's events: reads the queue as a Functions queue trigger would, follows ``dataref`` to the blob.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue import BinaryBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

_PAGE = 32
_POLL_SECONDS = 0.05
# How long a message stays hidden from others while it is being worked on.
_VISIBILITY_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A CloudEvent with its data, wherever they lay."""

    attributes: dict[str, Any]
    data: dict[str, Any] = field(repr=False)
    size: int
    """Bytes of the message and the blob together."""
    inserted_on: datetime | None = None
    """When the message was put into the queue, to the second; None where it was not read from one."""

    @property
    def from_blob(self) -> bool:
        """Whether the data were too large for a message."""
        return "dataref" in self.attributes


class LargeData:
    """Where data lie that are too large for a message; a context that keeps its connections."""

    def __init__(self, connection_string: str) -> None:
        self._blobs = BlobServiceClient.from_connection_string(connection_string)

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._blobs.__aenter__()
        return self

    async def __aexit__(self, *_args: object) -> None:
        """Close the connections."""
        await self._blobs.close()

    async def event(self, message: bytes) -> Event:
        """Return the event of a message, with its data."""
        attributes = json.loads(message)
        if "dataref" not in attributes:
            return Event(attributes=attributes, data=attributes.pop("data"), size=len(message))
        data = await self._blob(attributes["dataref"])
        return Event(attributes=attributes, data=json.loads(data), size=len(message) + len(data))

    async def _blob(self, url: str) -> bytes:
        # Azurite's addresses have the account's name as their first segment, real ones in the host's name.
        path = unquote(urlsplit(url).path).removeprefix(f"/{self._blobs.account_name}/").lstrip("/")
        container, _, name = path.partition("/")
        download = await self._blobs.get_blob_client(container, name).download_blob()
        return await download.readall()


class Consumer:
    """Reads one queue of one storage account until it is cancelled; each event is handed on and then deleted."""

    def __init__(self, connection_string: str, queue_name: str) -> None:
        self._queue = QueueClient.from_connection_string(
            connection_string, queue_name, message_decode_policy=BinaryBase64DecodePolicy()
        )
        self._large_data = LargeData(connection_string)

    async def run(self, on_event: Callable[[Event], None]) -> None:
        """Hand every event to ``on_event``; returns only when cancelled."""
        async with self._queue, self._large_data:
            while True:
                if not await self._read(on_event):
                    await asyncio.sleep(_POLL_SECONDS)

    async def watch(self, on_event: Callable[[Event], None]) -> None:
        """Hand every event that is seen to ``on_event``, and leave it for others; returns only when cancelled.

        Only the 32 messages at the head of the queue can be seen, and of those none that others are working on.
        Source: https://learn.microsoft.com/rest/api/storageservices/peek-messages
        """
        seen = set[str]()
        async with self._queue, self._large_data:
            while True:
                with suppress(ResourceNotFoundError):
                    messages = [each for each in await self._queue.peek_messages(_PAGE) if each.id not in seen]
                    for message in messages:
                        event = await self._large_data.event(message.content)
                        on_event(replace(event, inserted_on=message.inserted_on))
                        seen.add(message.id)
                await asyncio.sleep(_POLL_SECONDS)

    async def _read(self, on_event: Callable[[Event], None]) -> int:
        """Return how many messages there were; a queue that does not exist yet has none."""
        count = 0
        try:
            messages = self._queue.receive_messages(messages_per_page=_PAGE, visibility_timeout=_VISIBILITY_SECONDS)
            async for page in messages.by_page():
                read = [message async for message in page]
                for message in read:
                    event = await self._large_data.event(message.content)
                    on_event(replace(event, inserted_on=message.inserted_on))
                await asyncio.gather(*map(self._queue.delete_message, read))
                count += len(read)
        except ResourceNotFoundError:
            return 0
        return count
