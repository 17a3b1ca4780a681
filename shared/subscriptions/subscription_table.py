"""The table of tracked subscriptions: rows under ETags, and their columns.

A tenant is a partition. A subscription's row is written by the timer and the commands. Its last activity has a row of
its own, which the receiving side writes without reading, because it knows only the subscription's id. Columns have
Graph's names where Graph has one.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags) and
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, as_unavailable, create_if_missing
from shared.graph.subscription import split_change_types
from shared.subscriptions.desired import Desired
from shared.subscriptions.tracked import Gap, Heard, Listing, Observed, Rows, Tracked
from shared.table import Entity, Table, backoff_columns, backoff_from, column, decode_row, optional_column

TABLE = "subscriptions"

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

# Kinds of rows, told by their keys.
_SUBSCRIPTION, _HEARD, _LISTING = "subscription-", "heard-", "listing-"

# Of ``Heard``, by the lifecycle event that is told; the other column is any change.
LIFECYCLE_COLUMNS: Mapping[str, str] = {
    "reauthorizationRequired": "reauthorizationRequiredDateTime",
    "subscriptionRemoved": "subscriptionRemovedDateTime",
    "missed": "missedDateTime",
}
NOTIFICATION_COLUMN = "notificationDateTime"


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
            self._table.delete(keys["PartitionKey"], keys["RowKey"], row.etag)

    def forget(self, tenant_id: str, subscription_id: str) -> None:
        """Delete what was heard of a subscription that is no more."""
        keys = heard_keys(tenant_id, subscription_id)
        self._table.delete(keys["PartitionKey"], keys["RowKey"], "*")

    def hear(self, tenant_id: str, subscription_id: str, lifecycle_event: str | None, at: datetime) -> None:
        """Note when a subscription was heard of; a lifecycle event that Graph has not documented counts as a change.

        What is no id of Graph's belongs to no row, and could not be one's key.
        """
        if not _ID.fullmatch(subscription_id):
            return
        column = LIFECYCLE_COLUMNS.get(lifecycle_event or "", NOTIFICATION_COLUMN)
        entity = {**heard_keys(tenant_id, subscription_id), column: at}
        try:
            create_if_missing(
                lambda: self._table.client.create_table(**FAIL_FAST),
                lambda: self._table.client.upsert_entity(entity, mode=UpdateMode.MERGE, **FAIL_FAST),
            )
        except CLIENT_ERRORS as exc:
            raise as_unavailable(self._table.name, exc) from exc


def heard_keys(tenant_id: str, subscription_id: str) -> dict[str, str]:
    """Return the keys of the row of what was heard of a subscription."""
    return {"PartitionKey": tenant_id, "RowKey": f"{_HEARD}{subscription_id}"}


def entity_of(row: Tracked | Listing) -> dict[str, Any]:
    """Return the row as an entity; what is None is left out."""
    columns = _of_tracked(row) if isinstance(row, Tracked) else _of_listing(row)
    return {name: value for name, value in (columns | backoff_columns(row.failure)).items() if value is not None}


def rows_from(entities: Iterable[Any]) -> Rows:
    """Return all rows of a tenant, each subscription with what was heard of it.

    Raises:
        Misconfigured: names a row that cannot be read.
    """
    kinds: dict[str, list[Any]] = {_SUBSCRIPTION: [], _HEARD: [], _LISTING: []}
    for entity in entities:
        kind, _, _ = entity["RowKey"].partition("-")
        kinds.setdefault(f"{kind}-", []).append(entity)
    heard = {entity["RowKey"].removeprefix(_HEARD): decode_row(TABLE, _heard, entity) for entity in kinds[_HEARD]}
    return Rows(
        tracked=tuple([decode_row(TABLE, _tracked, entity, heard) for entity in kinds[_SUBSCRIPTION]]),
        listings=tuple([decode_row(TABLE, _listing, entity) for entity in kinds[_LISTING]]),
    )


def _of_tracked(row: Tracked) -> dict[str, Any]:
    desired = row.desired
    return {
        "PartitionKey": desired.tenant_id,
        "RowKey": f"{_SUBSCRIPTION}{row.key}",
        "resource": desired.resource,
        "changeType": desired.change_type,
        "includeResourceData": desired.include_resource_data,
        "fetch": desired.fetch,
        "delegated": desired.delegated,
        "addedBy": row.added_by,
        "isWanted": row.is_wanted,
        "clientStateKeyId": row.client_state_key_id,
        "gapStartDateTime": row.gap.since if row.gap else None,
        "gapEndDateTime": row.gap.until if row.gap else None,
        **_of_observed(row.observed),
    }


def _of_observed(observed: Observed | None) -> dict[str, Any]:
    if observed is None:
        return {}
    return {
        "subscriptionId": observed.subscription_id,
        "notificationUrl": observed.notification_url,
        "subscribedWithResourceData": observed.include_resource_data,
        "encryptionCertificateId": observed.certificate_id,
        "renewedDateTime": observed.renewed_at,
        "expirationDateTime": observed.expiration,
    }


def _of_listing(row: Listing) -> dict[str, Any]:
    return {
        "PartitionKey": row.tenant_id,
        "RowKey": f"{_LISTING}{'user' if row.delegated else 'app'}",
        "delegated": row.delegated,
        "listedDateTime": row.listed_at,
    }


def _at_its_key[Row: (Tracked, Listing)](row: Row, entity: Entity) -> Row:
    if entity_of(row)["RowKey"] != entity["RowKey"]:
        # Saved again, it would become another row, and this one would stay.
        raise ValueError("the key of another row")
    return row


def _tracked(entity: Any, heard: Mapping[str, Heard]) -> Tracked:
    observed = _observed(entity)
    row = Tracked(
        desired=_desired(entity),
        added_by=_added_by(entity),
        is_wanted=column(entity, "isWanted", bool),
        observed=observed,
        client_state_key_id=optional_column(entity, "clientStateKeyId", str),
        failure=backoff_from(entity),
        gap=_gap(entity),
        heard=heard.get(observed.subscription_id, Heard()) if observed else Heard(),
        etag=entity.metadata["etag"],
    )
    return _at_its_key(row, entity)


def _added_by(entity: Entity) -> Literal["file", "cli"]:
    match column(entity, "addedBy", str):
        case "file":
            return "file"
        case "cli":
            return "cli"
        case _:
            # Taken for the file's, what an operator has added would be deleted.
            raise ValueError("neither file nor cli")


def _desired(entity: Entity) -> Desired:
    return Desired(
        tenant_id=entity["PartitionKey"],
        resource=column(entity, "resource", str),
        change_types=split_change_types(column(entity, "changeType", str)),
        include_resource_data=column(entity, "includeResourceData", bool),
        fetch=column(entity, "fetch", bool),
        delegated=column(entity, "delegated", bool),
    )


def _observed(entity: Entity) -> Observed | None:
    if "subscriptionId" not in entity:
        return None
    return Observed(
        subscription_id=column(entity, "subscriptionId", str),
        notification_url=column(entity, "notificationUrl", str),
        include_resource_data=column(entity, "subscribedWithResourceData", bool),
        certificate_id=optional_column(entity, "encryptionCertificateId", str),
        renewed_at=column(entity, "renewedDateTime", datetime),
        expiration=column(entity, "expirationDateTime", datetime),
    )


def _gap(entity: Entity) -> Gap | None:
    since = optional_column(entity, "gapStartDateTime", datetime)
    return None if since is None else Gap(since=since, until=optional_column(entity, "gapEndDateTime", datetime))


def _heard(entity: Entity) -> Heard:
    return Heard(
        notification_at=optional_column(entity, NOTIFICATION_COLUMN, datetime),
        reauthorization_required_at=optional_column(entity, LIFECYCLE_COLUMNS["reauthorizationRequired"], datetime),
        removed_at=optional_column(entity, LIFECYCLE_COLUMNS["subscriptionRemoved"], datetime),
        missed_at=optional_column(entity, LIFECYCLE_COLUMNS["missed"], datetime),
    )


def _listing(entity: Any) -> Listing:
    row = Listing(
        tenant_id=entity["PartitionKey"],
        delegated=column(entity, "delegated", bool),
        listed_at=optional_column(entity, "listedDateTime", datetime),
        failure=backoff_from(entity),
        etag=entity.metadata["etag"],
    )
    return _at_its_key(row, entity)
