"""The table of gaps: a row for each gap, and its columns.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from azure.data.tables import TableServiceClient

from shared.gaps.gap import Gap, GapState
from shared.graph.subscription import split_change_types
from shared.table import Table, backoff_columns, backoff_from, column, decode_row, optional_column

TABLE = "gaps"


class GapTable:
    """The gaps of all tenants; methods raise Unavailable, and changes Conflict for a row that has changed meanwhile."""

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE)

    def load(self, tenant_id: str) -> Sequence[Gap]:
        """Return all gaps of a tenant; raises what ``gaps_from`` raises."""
        return gaps_from(self._table.query_partition(tenant_id))

    def save(self, gap: Gap) -> Gap:
        """Return ``gap`` as saved, with its ETag."""
        return replace(gap, etag=self._table.save(to_entity(gap), gap.etag))

    def delete(self, gap: Gap) -> None:
        """Delete a row, if it exists."""
        self._table.delete(gap.tenant_id, gap.key, gap.etag)


def to_entity(gap: Gap) -> dict[str, Any]:
    """Return a gap as an entity, without columns for None."""
    columns = {
        "PartitionKey": gap.tenant_id,
        "RowKey": gap.key,
        "subscription": gap.subscription_key,
        "subscriptionId": gap.subscription_id,
        "resource": gap.resource,
        "changeType": ",".join(sorted(gap.change_types)),
        "delegated": gap.delegated,
        "startDateTime": gap.since,
        "endDateTime": gap.until,
        "baseline": gap.is_baseline or None,
        "state": gap.state.value,
        "reason": gap.reason,
        "checkpoint": gap.checkpoint,
        "reading": gap.current_query,
        "nextPage": gap.next_page,
        "recovered": gap.recovered,
        "skipped": gap.skipped,
        "endedDateTime": gap.ended_at,
        "againDateTime": gap.recheck_at,
        **backoff_columns(gap.failure),
    }
    return {name: value for name, value in columns.items() if value is not None}


def gaps_from(entities: Iterable[Any]) -> tuple[Gap, ...]:
    """Return the gaps in the rows of a tenant.

    Raises:
        Misconfigured: names a row that cannot be read.
    """
    return tuple([decode_row(TABLE, _gap, entity) for entity in entities])


def _gap(entity: Any) -> Gap:
    gap = Gap(
        tenant_id=entity["PartitionKey"],
        subscription_key=column(entity, "subscription", str),
        subscription_id=column(entity, "subscriptionId", str),
        resource=column(entity, "resource", str),
        change_types=split_change_types(column(entity, "changeType", str)),
        delegated=column(entity, "delegated", bool),
        since=column(entity, "startDateTime", datetime),
        until=column(entity, "endDateTime", datetime),
        is_baseline=optional_column(entity, "baseline", bool) or False,
        state=GapState(column(entity, "state", str)),
        reason=optional_column(entity, "reason", str),
        checkpoint=optional_column(entity, "checkpoint", str),
        current_query=optional_column(entity, "reading", str),
        next_page=optional_column(entity, "nextPage", str),
        recovered=column(entity, "recovered", int, minimum=0),
        skipped=column(entity, "skipped", int, minimum=0),
        failure=backoff_from(entity),
        ended_at=optional_column(entity, "endedDateTime", datetime),
        recheck_at=optional_column(entity, "againDateTime", datetime),
        etag=entity.metadata["etag"],
    )
    if gap.key != entity["RowKey"]:
        # Saving it would create another row, and this one would be processed for ever.
        raise ValueError("the key of another row")
    return gap
