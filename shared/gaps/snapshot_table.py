"""The table of the snapshot: a row for each chat, team, channel and member, in a partition for each list.

Source: https://learn.microsoft.com/azure/storage/tables/table-storage-design-guide
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import batched
from typing import Any

from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import (
    CLIENT_ERRORS,
    FAIL_FAST,
    TABLE_ROLE,
    as_problem,
    create_if_missing,
    retry_on_stale_connection,
)
from shared.errors import Conflict, Unavailable
from shared.gaps.snapshot import SnapshotEntry
from shared.storage_calls import Row, TableCalls
from shared.table import KEYS_AND_TIMESTAMP, Table, column, decode_row, if_unchanged, optional_column

TABLE = "known"

# The most changes that one transaction takes.
# Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
_MAX_BATCH = 100
# Of several writers of one row at the same moment, all but one have to read it again.
_MAX_ATTEMPTS = 8
_INSERT_SECONDS = 2.0


class SnapshotTable:
    """The entries of all tenants; methods raise Unavailable, and reads Misconfigured for a row that is damaged."""

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE, options=FAIL_FAST)
        self._calls = TableCalls(tables)

    def list(self, tenant_id: str, collection: str) -> Mapping[str, SnapshotEntry]:
        """Return the entries of a list by id, also those of deleted items."""
        rows = self._table.query_partition(_partition(tenant_id, collection))
        entries = (decode_row(TABLE, _entry, row, tenant_id) for row in rows)
        return {entry.id: entry for entry in entries}

    def get(self, entry: SnapshotEntry) -> SnapshotEntry | None:
        """Return the recorded entry of the same item; None if there is none, or the item was deleted."""
        row = self._row(entry, {})
        recorded = None if row is None else decode_row(TABLE, _entry, row, entry.tenant_id)
        return recorded if recorded is not None and recorded.exists else None

    def record(self, entry: SnapshotEntry) -> None:
        """Record a state, unless a later one is recorded: a POST that was parked comes late.

        The requests fail fast, because a POST waits for them. Nothing is read of what is reported for the first time.
        """
        if self._is_new(entry):
            return
        for _ in range(_MAX_ATTEMPTS):
            row = self._row(entry, FAIL_FAST)
            if row is not None and _is_newer(row, entry.recorded_at):
                return
            with suppress(Conflict):
                self._table.save(_entity(entry), None if row is None else row.metadata.get("etag"))
                return
        raise Unavailable(f"other writers keep changing a row in {self._table.name}")

    def _is_new(self, entry: SnapshotEntry) -> bool:
        """Create a row if there is none; return whether it was created."""
        row = Row(columns=_json_columns(_entity(entry)))

        def insert() -> int | None:
            return self._calls.write(TABLE, [row], seconds=_INSERT_SECONDS)

        try:
            existing = create_if_missing(
                lambda: self._table.client.create_table(**FAIL_FAST), lambda: retry_on_stale_connection(insert)
            )
        except CLIENT_ERRORS as exc:
            raise as_problem(self._table.name, exc, role=TABLE_ROLE) from exc
        return existing is None

    def record_all(self, entries: Iterable[SnapshotEntry]) -> None:
        """Record entries of one list, each under the ETag that was read; later states stay, as in ``record``."""
        self._submit(entries, self.record)

    def announce(self, entries: Iterable[SnapshotEntry]) -> None:
        """Record entries of items whose creation is about to be published; what was recorded since then stays."""
        self._submit(entries, self._announce)

    def _announce(self, entry: SnapshotEntry) -> None:
        with suppress(Conflict):
            self._table.save(_entity(entry), entry.etag)

    def _submit(self, entries: Iterable[SnapshotEntry], one_by_one: Callable[[SnapshotEntry], None]) -> None:
        for batch in batched(entries, _MAX_BATCH, strict=False):
            try:
                self._table.submit([_operation(entry) for entry in batch])
            except Conflict:
                # One of the rows has changed since it was read, or the table does not exist yet.
                for entry in batch:
                    one_by_one(entry)

    def purge_deleted(self, tenant_id: str, collection: str, *, before: datetime) -> None:
        """Delete the entries of a list whose items were deleted ``before``."""
        query = "PartitionKey eq @key and isGone eq true and toldDateTime lt @before"
        values = {"key": _partition(tenant_id, collection), "before": before}
        for batch in batched(self._table.query(query, values, select=KEYS_AND_TIMESTAMP), _MAX_BATCH, strict=False):
            self._table.delete_batch(batch)

    def _row(self, entry: SnapshotEntry, options: Mapping[str, Any]) -> Any:
        return self._table.get(_partition(entry.tenant_id, entry.collection), _hash(entry.subject), **options)


def _is_newer(row: Any, moment: datetime | None) -> bool:
    recorded_at = row.get("toldDateTime")
    return isinstance(recorded_at, datetime) and moment is not None and recorded_at > moment


def _operation(entry: SnapshotEntry) -> tuple[Any, ...]:
    """Return the part of a transaction that records an entry if its row has not changed since it was read."""
    if entry.etag is None:
        return ("create", _entity(entry))
    return ("update", _entity(entry), {"mode": UpdateMode.REPLACE, **if_unchanged(entry.etag)})


def _entity(entry: SnapshotEntry) -> dict[str, Any]:
    values = {
        "looks": entry.fingerprint,
        "toldDateTime": entry.recorded_at,
        "isGone": None if entry.exists else True,
        "isAnnounced": entry.is_announced or None,
    }
    return {
        "PartitionKey": _partition(entry.tenant_id, entry.collection),
        "RowKey": _hash(entry.subject),
        "resource": entry.subject,
        **{name: value for name, value in values.items() if value is not None},
    }


def _json_columns(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return columns as JSON has them: beside a time stands its type."""
    times = {name: value for name, value in entity.items() if isinstance(value, datetime)}
    types = {f"{name}@odata.type": "Edm.DateTime" for name in times}
    return {**entity, **{name: f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" for name, value in times.items()}, **types}


def _entry(entity: Any, tenant_id: str) -> SnapshotEntry:
    return SnapshotEntry(
        tenant_id=tenant_id,
        subject=column(entity, "resource", str),
        fingerprint=optional_column(entity, "looks", str),
        exists=not optional_column(entity, "isGone", bool),
        is_announced=bool(optional_column(entity, "isAnnounced", bool)),
        recorded_at=optional_column(entity, "toldDateTime", datetime),
        etag=entity.metadata["etag"],
    )


def _partition(tenant_id: str, collection: str) -> str:
    return f"{tenant_id}-{_hash(collection)}"


def _hash(path: str) -> str:
    # A path has characters that a key may not have.
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()[:32]
