"""Archives the events of the queue into SQLite: ``python archive.py archive.db [--once]``.

``EVENTS_STORAGE`` is the app's storage account: its name, for whoever is signed in (``az login``, a managed identity),
or a connection string. Each event is a row, under its id; each message a row with its latest state. A message of the
queue is deleted once its rows are stored, so what fails comes again, and after five times goes to the poison queue.
"""

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import cache

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueMessage, QueueServiceClient

from teams_events import (
    ChatMessageCreated,
    ChatMessageDeleted,
    ChatMessageUpdated,
    Event,
    NotAnEvent,
    open_data,
    parse,
)
from teams_events.azure_blobs import blob_reader
from teams_events.content import ChatMessage

QUEUE = "teams-events"
POISON = f"{QUEUE}-poison"
MAX_DELIVERIES = 5
# How long a message is hidden while it is worked on; and, where that failed, until it is tried again.
VISIBILITY_SECONDS = 60
POLL_SECONDS = 5.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, subject TEXT NOT NULL, time TEXT NOT NULL,
    recovered INTEGER NOT NULL, data TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS messages (
    subject TEXT PRIMARY KEY, modified TEXT NOT NULL, deleted INTEGER NOT NULL, content TEXT NOT NULL
) STRICT;
"""


def store(database: sqlite3.Connection, message: str, blobs: Callable[[str], bytes]) -> None:
    """Store the event in a message; one that was stored before changes nothing.

    Raises:
        NotAnEvent: the message is none of the app's.
    """
    event, read = parse(message), cache(blobs)
    data: Mapping[str, object] = open_data(event, read)
    row = (event.id, event.type, event.subject, event.time.isoformat(), event.recovered, json.dumps(data))
    with database:
        database.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
        _store_message(database, event, read)


def _store_message(database: sqlite3.Connection, event: Event, blobs: Callable[[str], bytes]) -> None:
    if not isinstance(event, ChatMessageCreated | ChatMessageUpdated | ChatMessageDeleted):
        return
    content = open_data(event, blobs).get("content")
    if content is None:
        return  # of a subscription without resource data
    # The queue promises no order: what is older than the row is no news. Of two states of one version, which Graph
    # sends when somebody reacts, the later one to arrive stays.
    database.execute(
        "INSERT INTO messages VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET modified = excluded.modified,"
        " deleted = excluded.deleted, content = excluded.content WHERE excluded.modified >= modified",
        (event.subject, _modified(content), content.get("deletedDateTime") is not None, json.dumps(content)),
    )


def _modified(content: ChatMessage) -> str:
    """Return when the message was last changed, in a form that compares as a text; Graph's own has no fixed length."""
    text = content.get("lastModifiedDateTime") or content.get("createdDateTime") or "1970-01-01T00:00:00Z"
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="microseconds")


def archive(database: sqlite3.Connection, queues: QueueServiceClient, blobs: Callable[[str], bytes]) -> int:
    """Store what is in the queue, and return how many messages were taken from it; 0 if there is no queue yet."""
    queue, count = queues.get_queue_client(QUEUE), 0
    try:
        for message in queue.receive_messages(messages_per_page=32, visibility_timeout=VISIBILITY_SECONDS):
            if _is_stored(database, message, blobs) or _is_poison(queues, message):
                queue.delete_message(message)
                count += 1
    except ResourceNotFoundError:
        return 0
    return count


def _is_stored(database: sqlite3.Connection, message: QueueMessage, blobs: Callable[[str], bytes]) -> bool:
    try:
        store(database, message.content, blobs)
    except Exception as exc:  # noqa: BLE001  whatever it is, the message comes again, and the others go on
        reason = exc if isinstance(exc, NotAnEvent) else type(exc).__name__
        sys.stderr.write(f"message {message.id}, delivery {message.dequeue_count}: not stored: {reason}\n")
        return False
    return True


def _is_poison(queues: QueueServiceClient, message: QueueMessage) -> bool:
    """Return whether the message has failed so often that it was moved to the poison queue."""
    if (message.dequeue_count or 0) < MAX_DELIVERIES:
        return False
    poison = queues.get_queue_client(POISON)
    # -1: it never expires there; Storage would delete it after seven days.
    try:
        poison.send_message(message.content, time_to_live=-1)
    except ResourceNotFoundError:
        poison.create_queue()
        poison.send_message(message.content, time_to_live=-1)
    return True


def _clients(storage: str) -> tuple[QueueServiceClient, BlobServiceClient]:
    if "=" in storage:
        return QueueServiceClient.from_connection_string(storage), BlobServiceClient.from_connection_string(storage)
    credential, host = DefaultAzureCredential(), "core.windows.net"
    return (
        QueueServiceClient(f"https://{storage}.queue.{host}", credential=credential),
        BlobServiceClient(f"https://{storage}.blob.{host}", credential=credential),
    )


def main() -> None:
    """Archive until interrupted, or with --once until the queue is empty."""
    parser = argparse.ArgumentParser(description="Archive the events of Teams into SQLite.")
    parser.add_argument("database")
    parser.add_argument("--once", action="store_true", help="end when the queue is empty")
    options = parser.parse_args()
    if not (storage := os.environ.get("EVENTS_STORAGE")):
        parser.error("EVENTS_STORAGE is not set: the name of the app's storage account, or a connection string")
    queues, blobs = _clients(storage)
    with suppress(KeyboardInterrupt), closing(sqlite3.connect(options.database)) as database, queues, blobs:
        database.executescript(SCHEMA)
        while archive(database, queues, blob_reader(blobs)) or not options.once:
            time.sleep(0 if options.once else POLL_SECONDS)


if __name__ == "__main__":
    main()
