"""One table of the storage account: queries, changes that an ETag protects, and typed columns.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags) and
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model (types)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import batched, groupby
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableServiceClient, TableTransactionError, UpdateMode

from shared.azure_calls import CLIENT_ERRORS, TABLE_ROLE, as_problem, create_if_missing
from shared.errors import Conflict, Misconfigured
from shared.timing import Backoff

# The columns to select of rows that will be deleted: without them, the client has no ETag.
KEYS_AND_TIMESTAMP = ["PartitionKey", "RowKey", "Timestamp"]
# Of changes in one transaction. Source: the first page above.
_MAX_BATCH = 100

_NOT_FOUND = 404
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

type Entity = Mapping[str, Any]


def if_unchanged(etag: str | None) -> Mapping[str, Any]:
    """Return the options of a change that fails if the row has changed since it was read."""
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


class Table:
    """One table, created when its first row is saved. Each change is sent with ``options``, such as ``FAIL_FAST``.

    All methods raise Unavailable if the table does not answer, and Misconfigured if storage refuses the app. Methods
    that change a row raise Conflict if the row has changed since it was read.
    """

    def __init__(self, tables: TableServiceClient, name: str, *, options: Mapping[str, Any] | None = None) -> None:
        self.client = tables.get_table_client(name)
        self.name = f"the table {name}"
        self._options = options or {}

    def query(self, condition: str, parameters: dict[str, Any], **options: Any) -> Iterator[Any]:
        """Return the rows that meet a condition; no rows if the table does not exist."""
        try:
            yield from self.client.query_entities(condition, parameters=parameters, **options)
        except ResourceNotFoundError:
            return
        except CLIENT_ERRORS as exc:
            raise as_problem(self.name, exc, role=TABLE_ROLE) from exc

    def query_partition(self, key: str) -> Sequence[Any]:
        """Return all rows of a partition."""
        return list(self.query("PartitionKey eq @key", {"key": key}))

    def get(self, partition_key: str, row_key: str, **options: Any) -> Any:
        """Return a row, or None if it does not exist."""
        try:
            return self.client.get_entity(partition_key, row_key, **options)
        except ResourceNotFoundError:
            return None
        except CLIENT_ERRORS as exc:
            raise as_problem(self.name, exc, role=TABLE_ROLE) from exc

    def save(self, entity: Entity, etag: str | None) -> str:
        """Create a row (``etag`` is None) or replace the row that has this ETag; return the new ETag."""
        saved = self._translating_errors(
            lambda: self._create_row(entity) if etag is None else self._replace_row(entity, etag)
        )
        return str(saved["etag"])

    def create_all(self, entities: Sequence[Entity]) -> None:
        """Create up to 100 rows in one partition: either all of them or none."""
        self._translating_errors(
            lambda: create_if_missing(
                lambda: self.client.create_table(**self._options), lambda: self._create_rows(entities)
            )
        )

    def _create_rows(self, entities: Sequence[Entity]) -> None:
        try:
            self.client.submit_transaction([("create", entity) for entity in entities])
        except TableTransactionError as exc:
            # The client reports a missing table like a missing row.
            if exc.status_code == _NOT_FOUND:
                raise ResourceNotFoundError(exc.message) from exc
            raise

    def submit(self, changes: Sequence[tuple[Any, ...]]) -> None:
        """Make up to 100 changes in one partition: either all of them or none."""
        self._translating_errors(lambda: self.client.submit_transaction(changes))

    def delete_batch(self, rows: Sequence[Any]) -> int:
        """Delete up to 100 rows of one partition, or none if one has changed; return how many were deleted."""
        try:
            self.submit([("delete", row, if_unchanged(row.metadata["etag"])) for row in rows])
        except Conflict:
            return 0
        return len(rows)

    def delete_tenant(self, tenant_id: str) -> int:
        """Delete the rows of a tenant's partition, and of those whose key begins with it; return how many.

        A row that changes meanwhile stays, with those of its batch.
        """
        # "." is what follows "-", and the id of a tenant never begins with that of another.
        query = "PartitionKey ge @first and PartitionKey lt @end"
        values = {"first": tenant_id, "end": f"{tenant_id}."}
        deleted = 0
        rows = self.query(query, values, select=KEYS_AND_TIMESTAMP)
        for _, partition in groupby(rows, lambda row: row["PartitionKey"]):
            deleted += sum(map(self.delete_batch, batched(partition, _MAX_BATCH, strict=False)))
        return deleted

    def delete(self, partition_key: str, row_key: str, etag: str | None) -> None:
        """Delete a row if it exists; the ``etag`` "*" stands for any version of it."""
        self._translating_errors(
            lambda: self.client.delete_entity(partition_key, row_key, **if_unchanged(etag), **self._options)
        )

    def _create_row(self, entity: Entity) -> Mapping[str, Any]:
        return create_if_missing(
            lambda: self.client.create_table(**self._options),
            lambda: self.client.create_entity(entity, **self._options),
        )

    def _replace_row(self, entity: Entity, etag: str) -> Mapping[str, Any]:
        return self.client.update_entity(entity, mode=UpdateMode.REPLACE, **if_unchanged(etag), **self._options)

    def _translating_errors[T](self, change: Callable[[], T]) -> T:
        try:
            return change()
        except CLIENT_ERRORS as exc:
            if _is_conflict(exc):
                raise Conflict(f"another process has changed a row of {self.name} since it was read") from exc
            raise as_problem(self.name, exc, role=TABLE_ROLE) from exc


def _is_conflict(exc: Exception) -> bool:
    # The table or row is missing, the row already exists, or it has changed since it was read.
    if isinstance(exc, TableTransactionError):
        return exc.status_code in {404, 409, 412}
    return isinstance(exc, ResourceNotFoundError | ResourceExistsError | ResourceModifiedError)


def decode_row[T](table: str, decode: Callable[..., T], entity: Entity, *others: Any) -> T:
    """Return the value that ``decode`` reads from a row; raise Misconfigured, which names the row, if it cannot."""
    try:
        return decode(entity, *others)
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        where = f"{entity.get('PartitionKey')}/{entity.get('RowKey')}"
        raise Misconfigured(f"row {where} of the table {table} has a missing or wrong column: delete the row") from exc


def column[T](entity: Entity, name: str, kind: type[T], *, minimum: int | None = None) -> T:
    """Return the value in a column; a time in UTC.

    Raises:
        KeyError, TypeError: the value is missing, not exactly of ``kind``, without time zone, or below ``minimum``.
    """
    value = entity[name]
    if kind is datetime:
        # Subtracting rejects non-datetimes and naive datetimes, and normalises the client's subclass.
        value = _EPOCH + (value - _EPOCH)
    if (minimum is not None and value < minimum) or type(value) is not kind:
        raise TypeError(f"the column {name}")
    return value


def optional_column[T](entity: Entity, name: str, kind: type[T]) -> T | None:
    """Return the value in a column, or None if the row does not have the column; raises as ``column`` does."""
    return column(entity, name, kind) if name in entity else None


def backoff_columns(backoff: Backoff | None) -> dict[str, Any]:
    """Return the columns of a back-off; none without one."""
    if backoff is None:
        return {}
    return {
        "error": backoff.text,
        "errorDateTime": backoff.at,
        "consecutiveFailures": backoff.count,
        "retryDateTime": backoff.retry_at,
    }


def backoff_from(entity: Entity) -> Backoff | None:
    """Return the back-off in a row, or None; raises as ``column`` does."""
    if "error" not in entity:
        return None
    return Backoff(
        text=column(entity, "error", str),
        at=column(entity, "errorDateTime", datetime),
        count=column(entity, "consecutiveFailures", int, minimum=1),
        retry_at=column(entity, "retryDateTime", datetime),
    )
