"""The table of gaps: a row for each gap, and its columns.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from azure.data.tables import TableServiceClient

from shared.gaps.gap import Gap, GapCause, GapState, Step
from shared.graph.subscription import split_change_types
from shared.table import Table, backoff_columns, backoff_from, column, decode_row, optional_column

TABLE = "gaps"

# A column takes 32,768 characters. Source: the page above.
_MAX_POSITION = 32_000


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

    def create_all(self, gaps: Sequence[Gap]) -> None:
        """Record up to 100 gaps of a tenant; raise Conflict, and record none, if one is recorded already."""
        self._table.create_all([to_entity(gap) for gap in gaps])

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
        "withContent": gap.with_content,
        "startDateTime": gap.since,
        "endDateTime": gap.until,
        "cause": gap.cause.value,
        "state": gap.state.value,
        "reason": gap.reason,
        "position": position_column(gap.position),
        "recovered": gap.recovered,
        "read": gap.read,
        "skipped": gap.skipped,
        "dueDateTime": gap.due_at,
        "begunDateTime": gap.begun_at,
        "turnDateTime": gap.turn_at,
        "endedDateTime": gap.ended_at,
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
        with_content=column(entity, "withContent", bool),
        since=column(entity, "startDateTime", datetime),
        until=column(entity, "endDateTime", datetime),
        cause=GapCause(column(entity, "cause", str)),
        etag=entity.metadata["etag"],
    )
    if gap.key != entity["RowKey"]:
        # Saving it would create another row, and this one would be processed for ever.
        raise ValueError("the key of another row")
    return _with_progress(gap, entity)


def _with_progress(gap: Gap, entity: Any) -> Gap:
    return replace(
        gap,
        state=GapState(column(entity, "state", str)),
        reason=optional_column(entity, "reason", str),
        position=position_from(optional_column(entity, "position", str)),
        recovered=column(entity, "recovered", int, minimum=0),
        read=column(entity, "read", int, minimum=0),
        skipped=column(entity, "skipped", int, minimum=0),
        failure=backoff_from(entity),
        due_at=optional_column(entity, "dueDateTime", datetime),
        begun_at=optional_column(entity, "begunDateTime", datetime),
        turn_at=optional_column(entity, "turnDateTime", datetime),
        ended_at=optional_column(entity, "endedDateTime", datetime),
    )


def position_column(position: Sequence[Step]) -> str | None:
    """Return a position as text, or None if there is none or if it is too long for a column."""
    text = json.dumps([[step.page, step.item] for step in position], ensure_ascii=False) if position else None
    # Without a position, the backfill begins anew; with a text that does not fit, the row could not be saved at all.
    return text if text is None or len(text) <= _MAX_POSITION else None


def position_from(text: str | None) -> tuple[Step, ...]:
    """Return the position in a column; raise TypeError or ValueError if it has none."""
    if text is None:
        return ()
    return tuple([_step(*step) for step in json.loads(text)])


def _step(page: Any, item: Any) -> Step:
    if not isinstance(page, str) or not isinstance(item, str | None):
        raise TypeError("a step of the position is not of texts")
    return Step(page, item)
