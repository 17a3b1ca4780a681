"""The queue of events, read without removing messages, and the blobs with large data.

Source: https://learn.microsoft.com/rest/api/storageservices/peek-messages
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.azure_calls import FAIL_FAST, QUEUE_ROLE, as_problem
from shared.events.claim_check import DATA_CONTAINER

# Azure Storage peeks at no more than this, always at the head of the queue.
MAX_PEEKED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message and its id in the queue; ``event`` is None if it is not an event of the app."""

    message_id: str
    event: dict[str, Any] | None = field(repr=False)


class Queue:
    """The queue, and the container with the data that did not fit into a message; every method raises Unavailable."""

    def __init__(self, queues: QueueServiceClient, blobs: BlobServiceClient, name: str) -> None:
        self._queue = queues.get_queue_client(name)
        self._container = blobs.get_container_client(DATA_CONTAINER)

    def peek(self) -> Sequence[Message]:
        """Return at most ``MAX_PEEKED`` messages at the head; none if the queue does not exist yet."""
        peeked = _read(lambda: self._queue.peek_messages(max_messages=MAX_PEEKED, **FAIL_FAST)) or ()
        return [Message(message_id=each.id, event=_event(each.content)) for each in peeked]

    def count(self) -> int:
        """Return the approximate number of messages."""
        properties = _read(lambda: self._queue.get_queue_properties(**FAIL_FAST))
        return (properties.approximate_message_count or 0) if properties else 0

    def oldest(self) -> datetime | None:
        """Return when the oldest message that nobody is working on came; None if there is none."""
        peeked = _read(lambda: self._queue.peek_messages(max_messages=1, **FAIL_FAST)) or ()
        times = [each.inserted_on for each in peeked if each.inserted_on is not None]
        return times[0] if times else None

    def data(self, dataref: str) -> dict[str, Any] | None:
        """Return the data at ``dataref``; None if the blob was deleted or is not the app's."""
        # Read from the app's own container, whatever the address says: the author of a message could name a foreign
        # server, which would then receive the account's credential.
        name = unquote(dataref.removeprefix(f"{self._container.url.partition('?')[0]}/"))
        if not name or not {".", ".."}.isdisjoint(name.split("/")):
            return None
        content = _read(lambda: self._container.download_blob(name, **FAIL_FAST).readall())
        return None if content is None else _object(content)


def _read[T](call: Callable[[], T]) -> T | None:
    try:
        return call()
    except ResourceNotFoundError:
        return None
    except AzureError as exc:
        raise as_problem("storage", exc, role=QUEUE_ROLE) from exc


def _event(content: Any) -> dict[str, Any] | None:
    try:
        return _object(base64.b64decode(content, validate=True))
    except (ValueError, TypeError):
        return None


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
