"""Recoveries as entities of a table, and back.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from collections.abc import Iterable
from typing import Any

from shared.columns import (
    Entity,
    failure_columns,
    failure_of,
    flag,
    moment,
    number,
    optional_moment,
    optional_text,
    read,
    text,
)
from shared.desired import split_change_types
from shared.recovery import Recovery, State

_TABLE = "gaps"


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
        **failure_columns(row.failure),
    }
    return {name: value for name, value in columns.items() if value is not None}


def recoveries_from(entities: Iterable[Any]) -> tuple[Recovery, ...]:
    """Return all rows of a tenant.

    Raises:
        Misconfigured: names a row that cannot be read.
    """
    return tuple([read(_TABLE, _recovery, entity) for entity in entities])


def _recovery(entity: Any) -> Recovery:
    row = Recovery(
        tenant_id=entity["PartitionKey"],
        subscription_key=text(entity, "subscription"),
        subscription_id=text(entity, "subscriptionId"),
        resource=text(entity, "resource"),
        change_types=split_change_types(text(entity, "changeType")),
        delegated=flag(entity, "delegated"),
        since=moment(entity["startDateTime"]),
        until=moment(entity["endDateTime"]),
        is_baseline="baseline" in entity and flag(entity, "baseline"),
        state=State(text(entity, "state")),
        reason=optional_text(entity, "reason"),
        checkpoint=optional_text(entity, "checkpoint"),
        reading=optional_text(entity, "reading"),
        next_page=optional_text(entity, "nextPage"),
        recovered=number(entity, "recovered", least=0),
        skipped=number(entity, "skipped", least=0),
        failure=failure_of(entity),
        ended_at=optional_moment(entity, "endedDateTime"),
        again_at=optional_moment(entity, "againDateTime"),
        etag=entity.metadata["etag"],
    )
    return _at_its_key(row, entity)


def _at_its_key(row: Recovery, entity: Entity) -> Recovery:
    if row.key != entity["RowKey"]:
        # Saved again, it would become another row, and this one would be worked on for ever.
        raise ValueError("the key of another row")
    return row
