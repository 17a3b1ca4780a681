"""One table of the storage account: rows in and out, each change made only to what was read, and typed columns.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags) and
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model (types)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableServiceClient, TableTransactionError, UpdateMode

from shared.azure_calls import CLIENT_ERRORS, as_unavailable, create_if_missing
from shared.errors import Conflict, Misconfigured
from shared.timing import Backoff

# What to select of a row for it to be deleted: of what is not selected the clients know no ETag.
KEYS_AND_TIMESTAMP = ["PartitionKey", "RowKey", "Timestamp"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

type Entity = Mapping[str, Any]


def if_unchanged(etag: str | None) -> Mapping[str, Any]:
    """Return the options of a change that is made only to a row which is still as it was read."""
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


class Table:
    """A table by its name, created when it is missing.

    All methods raise Unavailable when it does not answer. What changes a row raises Conflict when it has been changed
    since it was read. ``options`` go with each change, such as ``HASTY``.
    """

    def __init__(self, tables: TableServiceClient, name: str, *, options: Mapping[str, Any] | None = None) -> None:
        self.client = tables.get_table_client(name)
        self.name = f"the table {name}"
        self._options = options or {}

    def query(self, condition: str, parameters: dict[str, Any], **options: Any) -> Iterator[Any]:
        """Return the rows that meet a condition; none if there is no table."""
        try:
            yield from self.client.query_entities(condition, parameters=parameters, **options)
        except ResourceNotFoundError:
            return
        except CLIENT_ERRORS as exc:
            raise as_unavailable(self.name, exc) from exc

    def query_partition(self, key: str) -> Sequence[Any]:
        """Return all rows of a partition."""
        return list(self.query("PartitionKey eq @key", {"key": key}))

    def get(self, partition_key: str, row_key: str, **options: Any) -> Any:
        """Return a row; None if there is none."""
        try:
            return self.client.get_entity(partition_key, row_key, **options)
        except ResourceNotFoundError:
            return None
        except CLIENT_ERRORS as exc:
            raise as_unavailable(self.name, exc) from exc

    def save(self, entity: Entity, etag: str | None) -> str:
        """Return the ETag of a row that is created (without ``etag``), or replaces the one that was read."""
        saved = self._translating_errors(
            lambda: self._create_row(entity) if etag is None else self._replace_row(entity, etag)
        )
        return str(saved["etag"])

    def submit(self, changes: Sequence[tuple[Any, ...]]) -> None:
        """Make up to 100 changes of one partition, all or none."""
        self._translating_errors(lambda: self.client.submit_transaction(changes))

    def delete_batch(self, rows: Sequence[Any]) -> int:
        """Return how many of up to 100 rows of one partition were deleted: none if one of them has been changed."""
        try:
            self.submit([("delete", row, if_unchanged(row.metadata["etag"])) for row in rows])
        except Conflict:
            return 0
        return len(rows)

    def delete(self, partition_key: str, row_key: str, etag: str | None) -> None:
        """Delete a row, if it is there; ``*`` for ``etag``: whatever it holds."""
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
                raise Conflict(f"somebody else has changed the row in {self.name}") from exc
            raise as_unavailable(self.name, exc) from exc


def _is_conflict(exc: Exception) -> bool:
    # There is no such table or row, there is one already, it is not as it was read.
    if isinstance(exc, TableTransactionError):
        return exc.status_code in {404, 409, 412}
    return isinstance(exc, ResourceNotFoundError | ResourceExistsError | ResourceModifiedError)


def decode_row[T](table: str, decode: Callable[..., T], entity: Entity, *others: Any) -> T:
    """Return what ``decode`` makes of a row.

    Raises:
        Misconfigured: the row cannot be read; the text names it, and its ``table``.
    """
    try:
        return decode(entity, *others)
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        where = f"{entity.get('PartitionKey')}/{entity.get('RowKey')}"
        raise Misconfigured(f"row {where} of the table of {table} cannot be read: delete it") from exc


def column[T](entity: Entity, name: str, kind: type[T], *, minimum: int | None = None) -> T:
    """Return what stands in a column; a time in UTC.

    Raises:
        KeyError, TypeError: it is missing, is not exactly a ``kind``, has no time zone, or is below ``minimum``.
    """
    value = entity[name]
    if kind is datetime:
        # Subtracting rejects what is not a datetime, or a naive one, and normalises the client's subclass.
        value = _EPOCH + (value - _EPOCH)
    if (minimum is not None and value < minimum) or type(value) is not kind:
        raise TypeError(f"the column {name}")
    return value


def optional_column[T](entity: Entity, name: str, kind: type[T]) -> T | None:
    """Return what stands in a column, or None if the row has none; raises as ``column`` does."""
    return column(entity, name, kind) if name in entity else None


def backoff_columns(backoff: Backoff | None) -> dict[str, Any]:
    """Return the columns of a failure; none if there is none."""
    if backoff is None:
        return {}
    return {
        "error": backoff.text,
        "errorDateTime": backoff.at,
        "consecutiveFailures": backoff.count,
        "retryDateTime": backoff.retry_at,
    }


def backoff_from(entity: Entity) -> Backoff | None:
    """Return the failure in a row, if there is one; raises as ``column`` does."""
    if "error" not in entity:
        return None
    return Backoff(
        text=column(entity, "error", str),
        at=column(entity, "errorDateTime", datetime),
        count=column(entity, "consecutiveFailures", int, minimum=1),
        retry_at=column(entity, "retryDateTime", datetime),
    )
