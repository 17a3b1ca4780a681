"""The table of recently published events: one row for each version of a change.

Source: https://learn.microsoft.com/azure/storage/tables/table-storage-design-guide
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import batched, groupby
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, TABLE_ROLE, as_problem
from shared.events.publication import PublicationRecord
from shared.table import KEYS_AND_TIMESTAMP, Table

TABLE = "published"

# Limit of a table transaction.
# Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
_MAX_BATCH = 100
_PURGE_PARTS = 16
_RUN_INTERVAL_SECONDS = 300
# Multiples of the golden ratio visit all parts about equally often, whatever the timer's schedule is.
_GOLDEN_RATIO = 0.618033988749895


class PublicationTable:
    """The ``PublicationRecords`` in a table. All methods raise Unavailable or Misconfigured."""

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE, options=FAIL_FAST)

    def read(self, key: str) -> PublicationRecord | None:
        """Return the record of ``key``, however old, or None."""
        try:
            entity = self._table.client.get_entity(key[:2], key, **FAIL_FAST)
            entries = tuple(str(entity["notes"]).split(","))
            at, etag = entity["publishedDateTime"], entity.metadata["etag"]
            return PublicationRecord(key=key, entries=entries, published_at=at, etag=etag)
        except ResourceNotFoundError:
            return None
        except CLIENT_ERRORS as exc:
            raise as_problem(self._table.name, exc, role=TABLE_ROLE) from exc

    def write(self, record: PublicationRecord) -> None:
        """Store the record; raises Conflict if another instance has written it since it was read."""
        entity = {
            "PartitionKey": record.key[:2],
            "RowKey": record.key,
            "notes": ",".join(record.entries),
            "publishedDateTime": record.published_at,
        }
        self._table.save(entity, record.etag)

    def purge(self, *, now: datetime, before: datetime, is_time_up: Callable[[], bool]) -> int:
        """Delete the records older than ``before`` in one of 16 parts, a different one each run; return how many."""
        part = f"{int(now.timestamp() / _RUN_INTERVAL_SECONDS * _GOLDEN_RATIO % 1 * _PURGE_PARTS):x}"
        query = "PartitionKey ge @first and PartitionKey lt @last and publishedDateTime lt @before"
        # Partition keys begin with a hexadecimal digit, and "g" sorts after all of them.
        bounds = {"first": part, "last": f"{part}g", "before": before}
        found = self._table.query(query, bounds, select=KEYS_AND_TIMESTAMP)
        return sum(self._table.delete_batch(batch) for batch in _batches(found) if not is_time_up())


def _batches(entities: Iterable[Any]) -> Iterator[Sequence[Any]]:
    for _, partition in groupby(entities, lambda entity: entity["PartitionKey"]):
        yield from batched(partition, _MAX_BATCH, strict=False)
