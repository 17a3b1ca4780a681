"""The table of gaps: rows under ETags, and their columns.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags) and
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from azure.data.tables import TableServiceClient

from shared.gaps.gap import Recovery, State
from shared.graph.subscription import split_change_types
from shared.table import Entity, Table, backoff_columns, backoff_from, column, decode_row, optional_column

TABLE = "gaps"


class Recoveries:
    """The rows of all tenants.

    All methods raise Unavailable when the table does not answer. What changes a row raises Conflict when somebody else
    has changed it since it was read.
    """

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE)

    def load(self, tenant_id: str) -> Sequence[Recovery]:
        """Return all gaps of a tenant.

        Raises:
            Misconfigured: a row cannot be read; the text names it.
        """
        return recoveries_from(self._table.query_partition(tenant_id))

    def save(self, row: Recovery) -> Recovery:
        """Return ``row`` as it is kept, with its ETag."""
        return replace(row, etag=self._table.save(entity_of(row), row.etag))

    def remove(self, row: Recovery) -> None:
        """Delete a row, if it is there."""
        self._table.delete(row.tenant_id, row.key, row.etag)


def entity_of(row: Recovery) -> dict[str, Any]:
    """Return the row as an entity; what is None is left out."""
    columns = {
        "PartitionKey": row.tenant_id,
        "RowKey": row.key,
        "subscription": row.subscription_key,
        "subscriptionId": row.subscription_id,
        "resource": row.resource,
        "changeType": ",".join(sorted(row.change_types)),
        "delegated": row.delegated,
        "startDateTime": row.since,
        "endDateTime": row.until,
        "baseline": row.is_baseline or None,
        "state": row.state.value,
        "reason": row.reason,
        "checkpoint": row.checkpoint,
        "reading": row.reading,
        "nextPage": row.next_page,
        "recovered": row.recovered,
        "skipped": row.skipped,
        "endedDateTime": row.ended_at,
        "againDateTime": row.again_at,
        **backoff_columns(row.failure),
    }
    return {name: value for name, value in columns.items() if value is not None}


def recoveries_from(entities: Iterable[Any]) -> tuple[Recovery, ...]:
    """Return all rows of a tenant.

    Raises:
        Misconfigured: names a row that cannot be read.
    """
    return tuple([decode_row(TABLE, _recovery, entity) for entity in entities])


def _recovery(entity: Any) -> Recovery:
    row = Recovery(
        tenant_id=entity["PartitionKey"],
        subscription_key=column(entity, "subscription", str),
        subscription_id=column(entity, "subscriptionId", str),
        resource=column(entity, "resource", str),
        change_types=split_change_types(column(entity, "changeType", str)),
        delegated=column(entity, "delegated", bool),
        since=column(entity, "startDateTime", datetime),
        until=column(entity, "endDateTime", datetime),
        is_baseline=optional_column(entity, "baseline", bool) or False,
        state=State(column(entity, "state", str)),
        reason=optional_column(entity, "reason", str),
        checkpoint=optional_column(entity, "checkpoint", str),
        reading=optional_column(entity, "reading", str),
        next_page=optional_column(entity, "nextPage", str),
        recovered=column(entity, "recovered", int, minimum=0),
        skipped=column(entity, "skipped", int, minimum=0),
        failure=backoff_from(entity),
        ended_at=optional_column(entity, "endedDateTime", datetime),
        again_at=optional_column(entity, "againDateTime", datetime),
        etag=entity.metadata["etag"],
    )
    return _at_its_key(row, entity)


def _at_its_key(row: Recovery, entity: Entity) -> Recovery:
    if row.key != entity["RowKey"]:
        # Saved again, it would become another row, and this one would be worked on for ever.
        raise ValueError("the key of another row")
    return row
