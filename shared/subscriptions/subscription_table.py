"""The table of tracked subscriptions: rows guarded by ETags, and their columns, with Graph's names if Graph has one.

A tenant is a partition. The timer and the commands write a subscription's row. Its activity has a row of its own.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags) and
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, TABLE_ROLE, as_problem, create_if_missing
from shared.graph.subscription import split_change_types
from shared.subscriptions.account_row import ACCOUNT, account_columns, account_from, account_key
from shared.subscriptions.activity_row import ACTIVITY, activity_columns, activity_from, activity_keys
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import (
    AccountStatus,
    Activity,
    AppliedSubscription,
    MissedCause,
    MissedInterval,
    MissedNotification,
    TenantState,
    TrackedSubscription,
)
from shared.table import Entity, Table, backoff_columns, backoff_from, column, decode_row, optional_column

TABLE = "subscriptions"

_SUBSCRIPTION_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

# The prefix of a row's key.
_SUBSCRIPTION = "subscription-"


class SubscriptionTable:
    """The rows of all tenants.

    Every method raises Unavailable if the table does not answer, and Conflict if a row changed since it was read.
    """

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE)

    def load(self, tenant_id: str) -> TenantState:
        """Return all rows of a tenant.

        Raises:
            Misconfigured: names a row that cannot be read.
        """
        return tenant_state_from(self._table.query_partition(tenant_id))

    def load_account(self, tenant_id: str, *, delegated: bool) -> AccountStatus:
        """Return the status of an account, or an empty one; raises as ``load`` does."""
        entity = self._table.get(tenant_id, account_key(delegated=delegated))
        if entity is None:
            return AccountStatus(tenant_id=tenant_id, delegated=delegated)
        return decode_row(TABLE, account_from, entity)

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        """Return ``row`` as saved, with its ETag."""
        return replace(row, etag=self._table.save(to_entity(row), row.etag))

    def delete(self, row: TrackedSubscription) -> None:
        """Delete a row if it exists."""
        if row.etag is not None:
            keys = to_entity(row)
            self._table.delete(keys["PartitionKey"], keys["RowKey"], row.etag)

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        """Delete the activity of a subscription that was deleted at Graph."""
        keys = activity_keys(tenant_id, subscription_id)
        self._table.delete(keys["PartitionKey"], keys["RowKey"], "*")

    def record_activity(
        self,
        tenant_id: str,
        subscription_id: str,
        lifecycle_event: str | None,
        at: datetime,
        expiration: datetime | None = None,
    ) -> None:
        """Record when a change or lifecycle event arrived; an unknown lifecycle event counts as a change.

        ``expiration``: that of the subscription, as the lifecycle event named it.
        """
        # Other text is not an id from Graph, and may not be allowed in a key.
        if not _SUBSCRIPTION_ID.fullmatch(subscription_id):
            return
        columns = activity_columns(lifecycle_event, at, expiration)
        entity = {**activity_keys(tenant_id, subscription_id), **columns}
        try:
            create_if_missing(
                lambda: self._table.client.create_table(**FAIL_FAST),
                lambda: self._table.client.upsert_entity(entity, mode=UpdateMode.MERGE, **FAIL_FAST),
            )
        except CLIENT_ERRORS as exc:
            raise as_problem(self._table.name, exc, role=TABLE_ROLE) from exc


def to_entity(row: TrackedSubscription | AccountStatus) -> dict[str, Any]:
    """Return the row as an entity, without columns for None."""
    columns = _tracked_columns(row) if isinstance(row, TrackedSubscription) else account_columns(row)
    return {name: value for name, value in columns.items() if value is not None}


def tenant_state_from(entities: Iterable[Any]) -> TenantState:
    """Return all rows of a tenant, each subscription with its activity.

    Raises:
        Misconfigured: names a row that cannot be read.
    """
    by_kind: dict[str, list[Any]] = {_SUBSCRIPTION: [], ACTIVITY: [], ACCOUNT: []}
    for entity in entities:
        kind, _, _ = entity["RowKey"].partition("-")
        by_kind.setdefault(f"{kind}-", []).append(entity)
    activities = {
        entity["RowKey"].removeprefix(ACTIVITY): decode_row(TABLE, activity_from, entity)
        for entity in by_kind[ACTIVITY]
    }
    tracked = tuple([decode_row(TABLE, _tracked, entity, activities) for entity in by_kind[_SUBSCRIPTION]])
    ids = {row.applied.subscription_id for row in tracked if row.applied}
    return TenantState(
        tracked=tracked,
        former_activity={id_: activity for id_, activity in activities.items() if id_ not in ids},
        accounts=tuple([decode_row(TABLE, account_from, entity) for entity in by_kind[ACCOUNT]]),
    )


def _tracked_columns(row: TrackedSubscription) -> dict[str, Any]:
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
        "gapStartDateTime": row.missed_interval.since if row.missed_interval else None,
        "gapEndDateTime": row.missed_interval.until if row.missed_interval else None,
        "gapCause": row.missed_interval.cause.value if row.missed_interval else None,
        "recordedMissedDateTime": row.recorded_missed.at if row.recorded_missed else None,
        "recordedMissedExpirationDateTime": row.recorded_missed.expiration if row.recorded_missed else None,
        **_applied_columns(row.applied),
        **backoff_columns(row.failure),
    }


def _applied_columns(applied: AppliedSubscription | None) -> dict[str, Any]:
    if applied is None:
        return {}
    return {
        "subscriptionId": applied.subscription_id,
        "notificationUrl": applied.notification_url,
        "subscribedWithResourceData": applied.include_resource_data,
        "encryptionCertificateId": applied.certificate_id,
        "createdDateTime": applied.created_at,
        "renewedDateTime": applied.renewed_at,
        "provenDateTime": applied.proven_at,
        "tokenExpiresDateTime": applied.token_expires_at,
        "expirationDateTime": applied.expiration,
    }


def _tracked(entity: Any, activities: Mapping[str, Activity]) -> TrackedSubscription:
    applied = _applied(entity)
    row = TrackedSubscription(
        desired=_desired(entity),
        added_by=_added_by(entity),
        is_wanted=column(entity, "isWanted", bool),
        applied=applied,
        client_state_key_id=optional_column(entity, "clientStateKeyId", str),
        failure=backoff_from(entity),
        missed_interval=_missed_interval(entity),
        recorded_missed=_recorded_missed(entity),
        activity=activities.get(applied.subscription_id, Activity()) if applied else Activity(),
        etag=entity.metadata["etag"],
    )
    if to_entity(row)["RowKey"] != entity["RowKey"]:
        # Saving it would create another row and leave this one behind.
        raise ValueError("the row's key does not match its columns")
    return row


def _added_by(entity: Entity) -> Literal["file", "cli"]:
    match column(entity, "addedBy", str):
        case "file" | "cli" as added_by:
            return added_by
        case _:
            # Defaulting to "file" would delete a subscription that an operator added.
            raise ValueError("neither file nor cli")


def _desired(entity: Entity) -> DesiredSubscription:
    return DesiredSubscription(
        tenant_id=entity["PartitionKey"],
        resource=column(entity, "resource", str),
        change_types=split_change_types(column(entity, "changeType", str)),
        include_resource_data=column(entity, "includeResourceData", bool),
        fetch=column(entity, "fetch", bool),
        delegated=column(entity, "delegated", bool),
    )


def _applied(entity: Entity) -> AppliedSubscription | None:
    if "subscriptionId" not in entity:
        return None
    return AppliedSubscription(
        subscription_id=column(entity, "subscriptionId", str),
        notification_url=column(entity, "notificationUrl", str),
        include_resource_data=column(entity, "subscribedWithResourceData", bool),
        certificate_id=optional_column(entity, "encryptionCertificateId", str),
        created_at=column(entity, "createdDateTime", datetime),
        renewed_at=column(entity, "renewedDateTime", datetime),
        proven_at=column(entity, "provenDateTime", datetime),
        token_expires_at=column(entity, "tokenExpiresDateTime", datetime),
        expiration=column(entity, "expirationDateTime", datetime),
    )


def _missed_interval(entity: Entity) -> MissedInterval | None:
    if "gapStartDateTime" not in entity:
        return None
    return MissedInterval(
        since=column(entity, "gapStartDateTime", datetime),
        until=optional_column(entity, "gapEndDateTime", datetime),
        cause=MissedCause(column(entity, "gapCause", str)),
    )


def _recorded_missed(entity: Entity) -> MissedNotification | None:
    if "recordedMissedDateTime" not in entity:
        return None
    return MissedNotification(
        at=column(entity, "recordedMissedDateTime", datetime),
        expiration=optional_column(entity, "recordedMissedExpirationDateTime", datetime),
    )
