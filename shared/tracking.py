"""The table of tracked subscriptions: rows in and out, each change made only to what was read.

A tenant is a partition. A subscription's row is written by the timer and the commands; what was heard of it stands in a
row of its own, which the receiving side writes without reading, because it knows the subscription by its id only.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags)
"""

import re
from dataclasses import replace
from datetime import datetime

from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import BROKEN, HASTY, making_sure, unavailable
from shared.rows import LIFECYCLE_COLUMNS, NOTIFICATION_COLUMN, entity_of, heard_keys, rows_from
from shared.table import Table
from shared.tracked import Listing, Rows, Tracked

TABLE = "subscriptions"

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class Tracking:
    """The rows of all tenants.

    All methods raise Unavailable when the table does not answer. What changes a row raises Conflict when somebody else
    has changed it since it was read.
    """

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE)

    def load(self, tenant_id: str) -> Rows:
        """Return all that is known in a tenant.

        Raises:
            Misconfigured: a row cannot be read; the text names it.
        """
        return rows_from(self._table.query_partition(tenant_id))

    def save[Row: (Tracked, Listing)](self, row: Row) -> Row:
        """Return ``row`` as it is kept, with its ETag."""
        return replace(row, etag=self._table.save(entity_of(row), row.etag))

    def remove(self, row: Tracked) -> None:
        """Delete a row, if it is there."""
        if row.etag is not None:
            keys = entity_of(row)
            self._table.remove(keys["PartitionKey"], keys["RowKey"], row.etag)

    def forget(self, tenant_id: str, subscription_id: str) -> None:
        """Delete what was heard of a subscription that is no more."""
        keys = heard_keys(tenant_id, subscription_id)
        self._table.remove(keys["PartitionKey"], keys["RowKey"], "*")

    def hear(self, tenant_id: str, subscription_id: str, lifecycle_event: str | None, at: datetime) -> None:
        """Note when a subscription was heard of; a lifecycle event that Graph has not documented counts as a change.

        What is no id of Graph's belongs to no row, and could not be one's key.
        """
        if not _ID.fullmatch(subscription_id):
            return
        column = LIFECYCLE_COLUMNS.get(lifecycle_event or "", NOTIFICATION_COLUMN)
        entity = {**heard_keys(tenant_id, subscription_id), column: at}
        try:
            making_sure(
                lambda: self._table.client.create_table(**HASTY),
                lambda: self._table.client.upsert_entity(entity, mode=UpdateMode.MERGE, **HASTY),
            )
        except BROKEN as exc:
            raise unavailable(self._table.name, exc) from exc
