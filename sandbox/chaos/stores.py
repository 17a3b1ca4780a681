"""The app's storage as an operator sees it: what is parked, which gaps are open; and pauses cut short.

Source: docs/operations.md
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient

PARKED, QUARANTINE = "parked", "quarantine"
_SUBSCRIPTIONS, _GAPS = "subscriptions", "gaps"
_LONG_AGO = timedelta(days=1)


class Stores:
    """The storage account, past every relay."""

    def __init__(self, blobs: BlobServiceClient, tables: TableServiceClient) -> None:
        self._blobs = blobs
        self._tables = tables

    @classmethod
    @asynccontextmanager
    async def open(cls, connection_string: str) -> AsyncIterator["Stores"]:
        """Return the account's stores, until the context ends."""
        blobs = BlobServiceClient.from_connection_string(connection_string)
        tables = TableServiceClient.from_connection_string(connection_string)
        async with blobs, tables:
            yield cls(blobs, tables)

    async def take_away(self) -> None:
        """Delete what is parked."""
        for blob in await self._kept(PARKED):
            with suppress(HttpResponseError):
                await self._blobs.get_blob_client(PARKED, blob.name).delete_blob()

    async def open_ends(self) -> list[str]:
        """Return in words what the app has not done with: parked and refused POSTs, and gaps."""
        counts = {container: len(await self._kept(container)) for container in (PARKED, QUARANTINE)}
        rows = await self._rows(_SUBSCRIPTIONS)
        counts["gaps noted"] = sum(row.get("gapStartDateTime") is not None for row in rows)
        gaps = await self._rows(_GAPS)
        counts["gaps open"] = sum(row.get("state") == "open" for row in gaps)
        counts["gaps to be compared again"] = sum("againDateTime" in row for row in gaps)
        return [f"{name} {count}" for name, count in counts.items() if count]

    async def hurry(self) -> None:
        """Have nothing wait for its next attempt, as an operator would who knows that the trouble is over."""
        for container in (PARKED, QUARANTINE):
            for blob in await self._kept(container):
                await self._hurry_blob(container, blob)
        for table in (_SUBSCRIPTIONS, _GAPS):
            for row in await self._rows(table):
                await self._hurry_row(table, row, "retryDateTime")

    async def compare_again(self) -> None:
        """Have what was compared once be compared again, as hours later, when Graph delivers nothing from before."""
        for row in await self._rows(_GAPS):
            await self._hurry_row(_GAPS, row, "againDateTime")

    async def _hurry_blob(self, container: str, blob: BlobProperties) -> None:
        metadata = {name: value for name, value in blob.metadata.items() if name != "retry"}
        if metadata == blob.metadata:
            return
        client = self._blobs.get_blob_client(container, blob.name)
        # A run may have taken it in hand since.
        with suppress(HttpResponseError):
            await client.set_blob_metadata(metadata, etag=blob.etag, match_condition=MatchConditions.IfNotModified)

    async def _hurry_row(self, table: str, row: Any, column: str) -> None:
        if column not in row:
            return
        change = {name: row[name] for name in ("PartitionKey", "RowKey")}
        change[column] = datetime.now(UTC) - _LONG_AGO
        client, etag = self._tables.get_table_client(table), row.metadata["etag"]
        with suppress(HttpResponseError):
            await client.update_entity(
                change, mode=UpdateMode.MERGE, etag=etag, match_condition=MatchConditions.IfNotModified
            )

    async def _kept(self, container: str) -> list[BlobProperties]:
        with suppress(ResourceNotFoundError):
            client = self._blobs.get_container_client(container)
            return [blob async for blob in client.list_blobs(include=["metadata"])]
        return []

    async def _rows(self, table: str) -> list[Any]:
        with suppress(ResourceNotFoundError):
            return [row async for row in self._tables.get_table_client(table).list_entities()]
        return []
