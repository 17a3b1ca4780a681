"""One table of the storage account: entities in and out, each change made only to what was read.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags)
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import BROKEN, making_sure, unavailable
from shared.errors import Conflict

# What to select of a row for it to be deleted: of what is not selected the clients know no ETag.
ROW_AS_READ = ["PartitionKey", "RowKey", "Timestamp"]

# There is no such table or row, there is one already, it is not as it was read.
_CONFLICTS = frozenset({404, 409, 412})


def if_unchanged(etag: str | None) -> Mapping[str, Any]:
    """Return the options of a change that is made only to a row which is still as it was read."""
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


class Table:
    """A table by its name, made when it is missing.

    All methods raise Unavailable when it does not answer. What changes a row raises Conflict when somebody else has
    changed it since it was read. ``options`` go with each change, such as ``HASTY``.
    """

    def __init__(self, tables: TableServiceClient, name: str, *, options: Mapping[str, Any] | None = None) -> None:
        self.client = tables.get_table_client(name)
        self.name = f"the table {name}"
        self._options = options or {}

    def partition(self, key: str) -> Sequence[Any]:
        """Return all rows of a partition."""
        try:
            return list(self.client.query_entities("PartitionKey eq @key", parameters={"key": key}))
        except ResourceNotFoundError:
            return ()
        except BROKEN as exc:
            raise unavailable(self.name, exc) from exc

    def save(self, entity: Mapping[str, Any], etag: str | None) -> str:
        """Return the ETag of a row that is made (without ``etag``), or takes the place of the one that was read."""
        if etag is None:
            return self._changed(lambda: str(making_sure(self._make, lambda: self._create(entity))["etag"]))
        return self._changed(lambda: str(self._replace(entity, etag)["etag"]))

    def transact(self, changes: Sequence[tuple[Any, ...]]) -> None:
        """Make up to 100 changes of one partition, all or none."""
        try:
            self.client.submit_transaction(changes)
        except HttpResponseError as exc:
            # The clients tell no more of a part that fails.
            raise self._conflict() if exc.status_code in _CONFLICTS else unavailable(self.name, exc) from exc
        except BROKEN as exc:
            raise unavailable(self.name, exc) from exc

    def clear(self, rows: Sequence[Any]) -> int:
        """Return how many of up to 100 rows of one partition were deleted: none if somebody else is at one of them."""
        try:
            self.transact([("delete", row, if_unchanged(row.metadata["etag"])) for row in rows])
        except Conflict:
            return 0
        return len(rows)

    def remove(self, partition_key: str, row_key: str, etag: str | None) -> None:
        """Delete a row, if it is there."""
        self._changed(lambda: self.client.delete_entity(partition_key, row_key, **if_unchanged(etag), **self._options))

    def _make(self) -> None:
        self.client.create_table(**self._options)

    def _create(self, entity: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.client.create_entity(entity, **self._options)

    def _replace(self, entity: Mapping[str, Any], etag: str) -> Mapping[str, Any]:
        return self.client.update_entity(entity, mode=UpdateMode.REPLACE, **if_unchanged(etag), **self._options)

    def _changed[T](self, change: Callable[[], T]) -> T:
        try:
            return change()
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as exc:
            raise self._conflict() from exc
        except BROKEN as exc:
            raise unavailable(self.name, exc) from exc

    def _conflict(self) -> Conflict:
        return Conflict(f"somebody else has changed the row in {self.name}")
