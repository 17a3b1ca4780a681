"""What the app's storage account holds: how much waits, which gaps there are, and what the app says of its last run.

Source: docs/operations.md (tables and containers)
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from sandbox.run.sink import QUEUE_NAME

_OWNER = "owner"
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The app's last run: when, on which URL, and what did not answer it, by system."""

    at: datetime
    refusals: Mapping[str, str]
    key_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the account holds; ``rows`` are those of the table ``subscriptions``."""

    queued: int = 0
    parked: tuple[datetime, ...] = ()
    """When each came."""
    quarantined: int = 0
    oldest_event_at: datetime | None = None
    gaps: Counter[str] = field(default_factory=Counter)
    """By state."""
    run: Run | None = None
    rows: tuple[Mapping[str, Any], ...] = ()


class Account:
    """One storage account on loopback; a context that keeps its connections."""

    def __init__(self, connection_string: str) -> None:
        self._tables = TableServiceClient.from_connection_string(connection_string)
        self._blobs = BlobServiceClient.from_connection_string(connection_string)
        self._queue = QueueServiceClient.from_connection_string(connection_string).get_queue_client(QUEUE_NAME)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the connections."""
        for client in (self._tables, self._blobs, self._queue):
            await self._open.enter_async_context(client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close them."""
        await self._open.aclose()

    async def read(self) -> Stored:
        """Return what is there; what does not exist yet is empty.

        Raises:
            AzureError: the account does not answer.
        """
        queued, oldest = await self._messages()
        rows = [row async for row in self._rows("subscriptions")]
        return Stored(
            queued=queued,
            oldest_event_at=oldest,
            parked=tuple([at async for at in self._received("parked")]),
            quarantined=len([at async for at in self._received("quarantine")]),
            gaps=Counter([str(row["state"]) async for row in self._rows("gaps")]),
            run=_last_run([row async for row in self._rows("status")]),
            rows=tuple([row for row in rows if "resource" in row]),
        )

    async def _messages(self) -> tuple[int, datetime | None]:
        with suppress(ResourceNotFoundError):
            properties = await self._queue.get_queue_properties()
            peeked = await self._queue.peek_messages(1)
            return properties.approximate_message_count or 0, peeked[0].inserted_on if peeked else None
        return 0, None

    async def _received(self, container: str) -> AsyncIterator[datetime]:
        with suppress(ResourceNotFoundError):
            async for blob in self._blobs.get_container_client(container).list_blobs(include=["metadata"]):
                if "received" in (metadata := blob.metadata or {}) and blob.name != "probe":
                    yield datetime.fromisoformat(metadata["received"])

    async def _rows(self, table: str) -> AsyncIterator[Mapping[str, Any]]:
        with suppress(ResourceNotFoundError):
            async for row in self._tables.get_table_client(table).list_entities():
                yield row


def _last_run(rows: list[Mapping[str, Any]]) -> Run | None:
    owner = next((row["deploymentId"] for row in rows if row["RowKey"] == _OWNER), None)
    row = next((row for row in rows if row["RowKey"] == owner), None)
    if row is None:
        return None
    answers = json.loads(row.get("answers", "{}"))
    return Run(
        # The client has a class of its own for times.
        at=_EPOCH + (row["lastRunDateTime"] - _EPOCH),
        refusals={name: said for name, said in answers.items() if said != "ok" and not said.startswith("cannot tell")},
        key_ids=tuple(filter(None, row["clientStateKeyIds"].split(","))),
    )
