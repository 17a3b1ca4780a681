"""The app's storage as an operator sees it: parked POSTs and open gaps; and back-offs cut short.

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
_LONG_PAST = datetime.min.replace(tzinfo=UTC)


class Storage:
    """The storage account, past every relay."""

    def __init__(self, blobs: BlobServiceClient, tables: TableServiceClient) -> None:
        self._blobs = blobs
        self._tables = tables

    @classmethod
    @asynccontextmanager
    async def open(cls, connection_string: str) -> AsyncIterator["Storage"]:
        """Return the account, until the context ends."""
        blobs = BlobServiceClient.from_connection_string(connection_string)
        tables = TableServiceClient.from_connection_string(connection_string)
        async with blobs, tables:
            yield cls(blobs, tables)

    async def delete_parked(self) -> None:
        """Delete all parked POSTs."""
        for blob in await self._stored(PARKED):
            with suppress(HttpResponseError):
                await self._blobs.get_blob_client(PARKED, blob.name).delete_blob()

    async def unfinished(self) -> list[str]:
        """Return in words what the app has not finished: parked and quarantined POSTs, and gaps."""
        counts = {container: len(await self._stored(container)) for container in (PARKED, QUARANTINE)}
        rows = await self._rows(_SUBSCRIPTIONS)
        counts["gaps recorded"] = sum(row.get("gapStartDateTime") is not None for row in rows)
        gaps = await self._rows(_GAPS)
        counts["gaps open"] = sum(row.get("state") == "open" and "dueDateTime" not in row for row in gaps)
        counts["gaps to be rechecked"] = sum("dueDateTime" in row for row in gaps)
        return [f"{name} {count}" for name, count in counts.items() if count]

    async def end_pauses(self) -> None:
        """Make every next attempt due, as for an operator who knows that the fault is over, and end gaps."""
        for container in (PARKED, QUARANTINE):
            for blob in await self._stored(container):
                await self._end_pause_of_blob(container, blob)
        for table in (_SUBSCRIPTIONS, _GAPS):
            for row in await self._rows(table):
                await self._make_due(table, row, "retryDateTime")
        for row in await self._rows(_GAPS):
            # A later gap of the same subscription waits an hour for this one. What has not ended stays as it is: the
            # app is working on it.
            if row.get("state") != "open":
                await self._make_due(_GAPS, row, "begunDateTime")
            elif "begunDateTime" not in row and row.get("endDateTime", _LONG_PAST) > datetime.now(UTC):
                # It lasts for twenty minutes after its cause, for what Graph may drop then: this one drops nothing.
                await self._change(_GAPS, row, "endDateTime", datetime.now(UTC))

    async def end_turn(self) -> None:
        """Let another deployment look after the subscriptions, as after fifteen minutes of this one's silence."""
        with suppress(ResourceNotFoundError):
            await self._tables.get_table_client("status").delete_entity("deployments", "owner")

    async def recheck(self) -> None:
        """Make every second comparison due, as hours later, when Graph no longer delivers what was before."""
        for row in await self._rows(_GAPS):
            await self._make_due(_GAPS, row, "dueDateTime")

    async def _end_pause_of_blob(self, container: str, blob: BlobProperties) -> None:
        metadata = {name: value for name, value in blob.metadata.items() if name != "retry"}
        if metadata == blob.metadata:
            return
        client = self._blobs.get_blob_client(container, blob.name)
        # A run may have claimed it since.
        with suppress(HttpResponseError):
            await client.set_blob_metadata(metadata, etag=blob.etag, match_condition=MatchConditions.IfNotModified)

    async def _make_due(self, table: str, row: Any, column: str) -> None:
        if column in row:
            await self._change(table, row, column, datetime.now(UTC) - _LONG_AGO)

    async def _change(self, table: str, row: Any, column: str, value: datetime) -> None:
        change = {name: row[name] for name in ("PartitionKey", "RowKey")} | {column: value}
        client, etag = self._tables.get_table_client(table), row.metadata["etag"]
        with suppress(HttpResponseError):
            await client.update_entity(
                change, mode=UpdateMode.MERGE, etag=etag, match_condition=MatchConditions.IfNotModified
            )

    async def _stored(self, container: str) -> list[BlobProperties]:
        with suppress(ResourceNotFoundError):
            client = self._blobs.get_container_client(container)
            # The app's probe of its own endpoint is no POST of Graph.
            return [blob async for blob in client.list_blobs(include=["metadata"]) if blob.name != "probe"]
        return []

    async def _rows(self, table: str) -> list[Any]:
        with suppress(ResourceNotFoundError):
            return [row async for row in self._tables.get_table_client(table).list_entities()]
        return []
