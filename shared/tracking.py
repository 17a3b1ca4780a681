"""The table of tracked subscriptions: rows in and out, each change made only to what was read.

A tenant is a partition. A subscription's row is written by the timer and the commands; what was heard of it stands in a
row of its own, which the receiving side writes without reading, because it knows the subscription by its id only.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags)
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import HASTY, making_sure, unavailable
from shared.errors import Conflict
from shared.rows import LIFECYCLE_COLUMNS, NOTIFICATION_COLUMN, entity_of, heard_keys, rows_from
from shared.tracked import Listing, Rows, Tracked

TABLE = "subscriptions"

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_SYSTEM = "the table of subscriptions"


class Tracking:
    """The rows of all tenants.

    All methods raise Unavailable when the table does not answer. What changes a row raises Conflict when somebody else
    has changed it since it was read.
    """

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = tables.get_table_client(TABLE)

    def load(self, tenant_id: str) -> Rows:
        """Return all that is known in a tenant.

        Raises:
            Misconfigured: a row cannot be read; the text names it.
        """
        try:
            entities = list(self._table.query_entities("PartitionKey eq @tenant", parameters={"tenant": tenant_id}))
        except ResourceNotFoundError:
            return Rows()
        except AzureError as exc:
            raise unavailable(_SYSTEM, exc) from exc
        return rows_from(entities)

    def save[Row: (Tracked, Listing)](self, row: Row) -> Row:
        """Return ``row`` as it is kept, with its ETag."""
        entity = entity_of(row)
        etag = row.etag
        if etag is None:
            kept = _changed(lambda: making_sure(self._table.create_table, lambda: self._table.create_entity(entity)))
        else:
            kept = _changed(
                lambda: self._table.update_entity(
                    entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
                )
            )
        return replace(row, etag=kept["etag"])

    def remove(self, row: Tracked) -> None:
        """Delete a row, if it is there."""
        if row.etag is None:
            return
        keys = entity_of(row)
        _changed(
            lambda: self._table.delete_entity(
                keys["PartitionKey"], keys["RowKey"], etag=row.etag, match_condition=MatchConditions.IfNotModified
            )
        )

    def forget(self, tenant_id: str, subscription_id: str) -> None:
        """Delete what was heard of a subscription that is no more."""
        keys = heard_keys(tenant_id, subscription_id)
        try:
            self._table.delete_entity(keys["PartitionKey"], keys["RowKey"])
        except AzureError as exc:
            raise unavailable(_SYSTEM, exc) from exc

    def hear(self, tenant_id: str, subscription_id: str, *, lifecycle_event: str | None, at: datetime) -> None:
        """Note when a subscription was heard of; a lifecycle event that Graph has not documented counts as a change.

        What is no id of Graph's belongs to no row, and could not be one's key.
        """
        if not _ID.fullmatch(subscription_id):
            return
        column = LIFECYCLE_COLUMNS.get(lifecycle_event or "", NOTIFICATION_COLUMN)
        entity = {**heard_keys(tenant_id, subscription_id), column: at}
        try:
            making_sure(
                lambda: self._table.create_table(**HASTY),
                lambda: self._table.upsert_entity(entity, mode=UpdateMode.MERGE, **HASTY),
            )
        except AzureError as exc:
            raise unavailable(_SYSTEM, exc) from exc


def _changed[T](change: Callable[[], T]) -> T:
    try:
        return change()
    except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as exc:
        raise Conflict("another run has changed the row of the subscription") from exc
    except AzureError as exc:
        raise unavailable(_SYSTEM, exc) from exc
