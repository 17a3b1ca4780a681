"""What a notification uses of Azure beside processor time: storage calls, the size of its event, and its record's."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient
from rich.table import Table

from benchmarks.apps.kinds import MESSAGE
from benchmarks.apps.over_http import running
from benchmarks.apps.storage_stub import StorageStub
from benchmarks.tables import Figure, figures_table
from benchmarks.trees import Tree
from sandbox.run.sink import QUEUE_NAME

_RECORDS = re.compile(r"published\d+")
_SAMPLE = 500
# What a queue takes of a message, before Base64.
_BASE64 = 3 / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of one notification of a message: calls of storage by service, and bytes."""

    calls: Mapping[str, float]
    event_bytes: float
    record_bytes: float


async def measure(tree: Tree, folder: Path, *, posts: int) -> Usage:
    """Return what ``posts`` of one message each use."""
    async with running([tree], folder, StorageStub) as [app]:
        # Connections, tables and the queue are there before.
        await app.load(MESSAGE, posts=20, at_once=2)
        before, bytes_before = await app.storage.calls(), await asyncio.to_thread(_queued_bytes, app.storage)
        await app.load(MESSAGE, posts=posts, at_once=32)
        calls, bytes_after = await app.storage.calls(), await asyncio.to_thread(_queued_bytes, app.storage)
        sizes = await asyncio.to_thread(lambda: list(islice(_record_sizes(app.storage), _SAMPLE)))
    return Usage(
        calls={service: (count - before[service]) / posts for service, count in calls.items()},
        event_bytes=(bytes_after - bytes_before) / posts * _BASE64,
        record_bytes=sum(sizes) / len(sizes),
    )


def table(usage: Usage) -> Table:
    """Return the figures."""
    figures = [Figure(name=name, value=value) for name, value in costs(usage).items()]
    caption = "Of a notification of one message, posted 32 at a time. Records are written several in a transaction."
    return figures_table("What a notification uses of Azure", figures, caption=caption)


def costs(usage: Usage) -> Mapping[str, str]:
    """Return the figures with their units."""
    calls = {f"calls of {service}s": f"{count:.2f} calls" for service, count in usage.calls.items() if count}
    return {**calls, "event": f"{usage.event_bytes:,.0f} bytes", "record": f"{usage.record_bytes:,.0f} bytes"}


def _queued_bytes(storage: StorageStub) -> int:
    with QueueClient.from_connection_string(storage.connection_string, QUEUE_NAME) as queue:
        metadata = queue.get_queue_properties().metadata or {}
    return int(metadata["bytes"])


def _record_sizes(storage: StorageStub) -> Iterator[int]:
    with TableServiceClient.from_connection_string(storage.connection_string) as tables:
        for table in tables.list_tables():
            if _RECORDS.fullmatch(table.name):
                yield from (_size(row) for row in tables.get_table_client(table.name).list_entities())


def _size(row: Mapping[str, Any]) -> int:
    """Return what a row of texts occupies.

    Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
    """
    keys = 2 * (len(row["PartitionKey"]) + len(row["RowKey"]))
    columns = {name: value for name, value in row.items() if name not in {"PartitionKey", "RowKey"}}
    return 4 + keys + sum(8 + 2 * len(name) + 4 + 2 * len(str(value)) for name, value in columns.items())
