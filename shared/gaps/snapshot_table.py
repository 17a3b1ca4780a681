"""The table of what was last told of chats, teams, channels and members: a row for each, a partition for each list.

Source: https://learn.microsoft.com/azure/storage/tables/table-storage-design-guide
"""

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import batched
from typing import Any

from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import FAIL_FAST
from shared.errors import Conflict, Unavailable
from shared.gaps.snapshot import SnapshotEntry
from shared.table import KEYS_AND_TIMESTAMP, Table, column, decode_row, if_unchanged, optional_column

TABLE = "known"

# A transaction of tables takes so many changes.
# Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
_MAX_BATCH = 100
# Of several who note one thing at the same moment, each but one has to look again.
_MAX_ATTEMPTS = 8


class SnapshotTable:
    """The table; all methods raise Unavailable when it does not answer as it should."""

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE, options=FAIL_FAST)

    def list(self, tenant_id: str, collection: str) -> Mapping[str, SnapshotEntry]:
        """Return what is known of a list of things, by their ids; of those that have gone as well.

        Raises:
            Misconfigured: a row cannot be read; the text names it.
        """
        rows = self._table.query_partition(_partition(tenant_id, collection))
        found = (decode_row(TABLE, _entry, row, tenant_id) for row in rows)
        return {entry.id: entry for entry in found}

    def get(self, entry: SnapshotEntry) -> SnapshotEntry | None:
        """Return what is known of one thing that is there, whatever ``entry`` says of its looks.

        Raises:
            Misconfigured: its row cannot be read; the text names it.
        """
        row = self._row(entry, {})
        stored = None if row is None else decode_row(TABLE, _entry, row, entry.tenant_id)
        return stored if stored is not None and stored.exists else None

    def record(self, entry: SnapshotEntry) -> None:
        """Keep what was told of a thing last, that it has gone as well; in the receiving path's haste.

        What is told late, because it was parked, does not undo what was told since: who left may have come back, and
        who came may have left.
        """
        for _ in range(_MAX_ATTEMPTS):
            row = self._row(entry, FAIL_FAST)
            if row is not None and _is_newer(row, entry.recorded_at):
                return
            with suppress(Conflict):
                self._table.save(_entity(entry), None if row is None else row.metadata.get("etag"))
                return
        raise Unavailable(f"others change the same row in {self._table.name} all the time")

    def record_all(self, entries: Iterable[SnapshotEntry]) -> None:
        """Keep what was found of the things of one list, each with the ETag that it was known with before.

        As with ``record``, what was told since is not undone.
        """
        for batch in batched(entries, _MAX_BATCH, strict=False):
            try:
                self._table.submit([_operation(entry) for entry in batch])
            except Conflict:
                # Something was told of one of them in the meantime, or there is no table yet.
                for entry in batch:
                    self.record(entry)

    def purge_deleted(self, tenant_id: str, collection: str, *, before: datetime) -> None:
        """Delete what is kept of the things of a list that had gone ``before``."""
        query = "PartitionKey eq @key and isGone eq true and toldDateTime lt @before"
        values = {"key": _partition(tenant_id, collection), "before": before}
        for batch in batched(self._table.query(query, values, select=KEYS_AND_TIMESTAMP), _MAX_BATCH, strict=False):
            self._table.delete_batch(batch)

    def _row(self, entry: SnapshotEntry, options: Mapping[str, Any]) -> Any:
        """Return the row of a thing as it stands in the table; None where there is none."""
        entity = _entity(entry)
        return self._table.get(entity["PartitionKey"], entity["RowKey"], **options)


def _partition(tenant_id: str, collection: str) -> str:
    return f"{tenant_id}-{_hash(collection)}"


def _entity(entry: SnapshotEntry) -> dict[str, Any]:
    values = {"looks": entry.fingerprint, "toldDateTime": entry.recorded_at, "isGone": None if entry.exists else True}
    return {
        "PartitionKey": _partition(entry.tenant_id, entry.collection),
        "RowKey": _hash(entry.subject),
        "resource": entry.subject,
        **{name: value for name, value in values.items() if value is not None},
    }


def _operation(entry: SnapshotEntry) -> tuple[Any, ...]:
    """Return the part of a transaction that notes a thing, if nobody has touched its row."""
    if entry.etag is None:
        return ("create", _entity(entry))
    return ("update", _entity(entry), {"mode": UpdateMode.REPLACE, **if_unchanged(entry.etag)})


def _entry(entity: Any, tenant_id: str) -> SnapshotEntry:
    return SnapshotEntry(
        tenant_id=tenant_id,
        subject=column(entity, "resource", str),
        fingerprint=optional_column(entity, "looks", str),
        exists=not optional_column(entity, "isGone", bool),
        recorded_at=optional_column(entity, "toldDateTime", datetime),
        etag=entity.metadata["etag"],
    )


def _is_newer(row: Any, moment: datetime | None) -> bool:
    recorded_at = row.get("toldDateTime")
    return isinstance(recorded_at, datetime) and moment is not None and recorded_at > moment


def _hash(path: str) -> str:
    # A path has characters that a key may not have.
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()[:32]
