"""The queue of events as a bystander sees it: messages are looked at and stay, and data are read from their blobs.

Source: https://learn.microsoft.com/rest/api/storageservices/peek-messages
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.azure_calls import FAIL_FAST, as_unavailable
from shared.events.queue_sink import DATA_CONTAINER

# Storage shows no more, and always those at the head.
MAX_PEEKED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message by its id in the queue; ``event`` is None if it is none of the app's."""

    message_id: str
    event: dict[str, Any] | None = field(repr=False)


class Queue:
    """The queue, and the container with the data that did not fit into a message; every method raises Unavailable."""

    def __init__(self, queues: QueueServiceClient, blobs: BlobServiceClient, name: str) -> None:
        self._queue = queues.get_queue_client(name)
        self._container = blobs.get_container_client(DATA_CONTAINER)

    def peek(self) -> Sequence[Message]:
        """Return the messages at the head, ``MAX_PEEKED`` at most; none if the app has not made the queue yet."""
        peeked = _read(lambda: self._queue.peek_messages(max_messages=MAX_PEEKED, **FAIL_FAST)) or ()
        return [Message(message_id=each.id, event=_event(each.content)) for each in peeked]

    def count(self) -> int:
        """Return about how many messages there are."""
        properties = _read(lambda: self._queue.get_queue_properties(**FAIL_FAST))
        return (properties.approximate_message_count or 0) if properties else 0

    def data(self, dataref: str) -> dict[str, Any] | None:
        """Return the data at ``dataref``; None where there are none any more, or not the app's."""
        # Looked up in the app's own container, whatever the address: whoever may write to the queue could name any, and
        # would be sent the account's credential.
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
        raise as_unavailable("storage", exc) from exc


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


def unseen(messages: Sequence[Message], seen: set[str]) -> Iterator[Message]:
    """Yield the messages that were not there before, and forget those that are not there any more."""
    present = {each.message_id for each in messages}
    yield from (each for each in messages if each.message_id not in seen)
    seen.clear()
    seen |= present
