"""The table of audits: a row for each tenant and path, and one more for the last audit that an operator asked for.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import batched
from typing import Any

from azure.data.tables import TableServiceClient

from shared.audit.audit import Audit, AuditState
from shared.gaps.gap_table import position_column, position_from
from shared.table import Entity, Table, column, decode_row, optional_column

TABLE = "audits"

# A column takes 32,768 characters. Source: the page above. Ids of users, teams and rows contain no blank.
_MAX_COLUMN = 30_000
_LISTS = "lists"


class AuditTable:
    """The audits of all tenants; methods raise Unavailable, and ``save`` Conflict for a row that changed meanwhile."""

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE)

    def load(self, tenant_id: str) -> Sequence[Audit]:
        """Return all audits of a tenant; raises what ``audits_from`` raises."""
        return audits_from(self._table.query_partition(tenant_id))

    def save(self, audit: Audit) -> Audit:
        """Return ``audit`` as saved, with its ETag."""
        return replace(audit, etag=self._table.save(to_entity(audit), audit.etag))


def to_entity(audit: Audit) -> dict[str, Any]:
    """Return an audit as an entity, without columns for None."""
    columns = {
        "PartitionKey": audit.tenant_id,
        "RowKey": audit.key,
        "path": audit.path,
        "startDateTime": audit.since,
        "endDateTime": audit.until,
        "begunDateTime": audit.begun_at,
        "requested": audit.is_requested,
        "state": audit.state.value,
        "of": audit.of,
        "page": audit.page,
        "position": position_column(audit.position),
        "read": audit.read,
        "checked": audit.checked,
        "missing": audit.missing,
        "refused": audit.refused,
        "reason": audit.reason,
        "endedDateTime": audit.ended_at,
        **_list_columns(audit.lists),
    }
    return {name: value for name, value in columns.items() if value is not None}


def _list_columns(lists: Sequence[str]) -> Mapping[str, str]:
    parts = map("".join, batched(" ".join(lists), _MAX_COLUMN, strict=False))
    return {f"{_LISTS}{number}": part for number, part in enumerate(parts)}


def audits_from(entities: Iterable[Any]) -> tuple[Audit, ...]:
    """Return the audits in the rows of a tenant.

    Raises:
        Misconfigured: names a row that cannot be read.
    """
    return tuple([decode_row(TABLE, _audit, entity) for entity in entities])


def _audit(entity: Any) -> Audit:
    audit = Audit(
        tenant_id=entity["PartitionKey"],
        path=column(entity, "path", str),
        since=column(entity, "startDateTime", datetime),
        until=column(entity, "endDateTime", datetime),
        begun_at=column(entity, "begunDateTime", datetime),
        is_requested=column(entity, "requested", bool),
        state=AuditState(column(entity, "state", str)),
        etag=entity.metadata["etag"],
    )
    if audit.key != entity["RowKey"]:
        # Saving it would create another row, and this one would be read for ever.
        raise ValueError("the key of another row")
    return _with_progress(audit, entity)


def _with_progress(audit: Audit, entity: Entity) -> Audit:
    return replace(
        audit,
        lists=_lists(entity),
        of=column(entity, "of", int, minimum=0),
        page=optional_column(entity, "page", str),
        position=position_from(optional_column(entity, "position", str)),
        read=column(entity, "read", int, minimum=0),
        checked=column(entity, "checked", int, minimum=0),
        missing=column(entity, "missing", int, minimum=0),
        refused=column(entity, "refused", int, minimum=0),
        reason=optional_column(entity, "reason", str),
        ended_at=optional_column(entity, "endedDateTime", datetime),
    )


def _lists(entity: Entity) -> tuple[str, ...]:
    text, number = "", 0
    while (name := f"{_LISTS}{number}") in entity:
        text, number = text + column(entity, name, str), number + 1
    return tuple(text.split())
