"""Tracked subscriptions as entities of a table, and back; names are Graph's where Graph has one.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from shared.desired import Desired, split_change_types
from shared.errors import Misconfigured
from shared.tracked import Failure, Gap, Heard, Listing, Observed, Rows, Tracked

# Kinds of rows, told by their keys.
_SUBSCRIPTION, _HEARD, _LISTING = "subscription-", "heard-", "listing-"

# Of ``Heard``, by the lifecycle event that is told; the other column is any change.
LIFECYCLE_COLUMNS: Mapping[str, str] = {
    "reauthorizationRequired": "reauthorizationRequiredDateTime",
    "subscriptionRemoved": "subscriptionRemovedDateTime",
    "missed": "missedDateTime",
}
NOTIFICATION_COLUMN = "notificationDateTime"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

type Entity = Mapping[str, Any]


def heard_keys(tenant_id: str, subscription_id: str) -> dict[str, str]:
    """Return the keys of the row of what was heard of a subscription."""
    return {"PartitionKey": tenant_id, "RowKey": f"{_HEARD}{subscription_id}"}


def entity_of(row: Tracked | Listing) -> dict[str, Any]:
    """Return the row as an entity; what is None is left out."""
    columns = _of_tracked(row) if isinstance(row, Tracked) else _of_listing(row)
    return {name: value for name, value in (columns | _of_failure(row.failure)).items() if value is not None}


def rows_from(entities: Iterable[Any]) -> Rows:
    """Return all rows of a tenant, each subscription with what was heard of it.

    Raises:
        Misconfigured: names a row that cannot be read.
    """
    kinds: dict[str, list[Any]] = {_SUBSCRIPTION: [], _HEARD: [], _LISTING: []}
    for entity in entities:
        kind, _, _ = entity["RowKey"].partition("-")
        kinds.setdefault(f"{kind}-", []).append(entity)
    heard = {entity["RowKey"].removeprefix(_HEARD): _read(_heard, entity) for entity in kinds[_HEARD]}
    return Rows(
        tracked=tuple([_read(_tracked, entity, heard) for entity in kinds[_SUBSCRIPTION]]),
        listings=tuple([_read(_listing, entity) for entity in kinds[_LISTING]]),
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


def _of_failure(failure: Failure | None) -> dict[str, Any]:
    if failure is None:
        return {}
    return {
        "error": failure.text,
        "errorDateTime": failure.at,
        "consecutiveFailures": failure.count,
        "retryDateTime": failure.retry_at,
    }


def _read[T](read: Callable[..., T], entity: Entity, *others: Any) -> T:
    try:
        return read(entity, *others)
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        where = f"{entity.get('PartitionKey')}/{entity.get('RowKey')}"
        raise Misconfigured(f"row {where} of the table of subscriptions cannot be read: delete it") from exc


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
        is_wanted=_flag(entity, "isWanted"),
        observed=observed,
        client_state_key_id=_optional_text(entity, "clientStateKeyId"),
        failure=_failure(entity),
        gap=_gap(entity),
        heard=heard.get(observed.subscription_id, Heard()) if observed else Heard(),
        etag=entity.metadata["etag"],
    )
    return _at_its_key(row, entity)


def _added_by(entity: Entity) -> Literal["file", "cli"]:
    match _text(entity, "addedBy"):
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
        resource=_text(entity, "resource"),
        change_types=split_change_types(_text(entity, "changeType")),
        include_resource_data=_flag(entity, "includeResourceData"),
        fetch=_flag(entity, "fetch"),
        delegated=_flag(entity, "delegated"),
    )


def _observed(entity: Entity) -> Observed | None:
    if "subscriptionId" not in entity:
        return None
    return Observed(
        subscription_id=_text(entity, "subscriptionId"),
        notification_url=_text(entity, "notificationUrl"),
        include_resource_data=_flag(entity, "subscribedWithResourceData"),
        certificate_id=_optional_text(entity, "encryptionCertificateId"),
        renewed_at=_moment(entity["renewedDateTime"]),
        expiration=_moment(entity["expirationDateTime"]),
    )


def _failure(entity: Entity) -> Failure | None:
    if "error" not in entity:
        return None
    return Failure(
        text=_text(entity, "error"),
        at=_moment(entity["errorDateTime"]),
        count=_count(entity, "consecutiveFailures"),
        retry_at=_moment(entity["retryDateTime"]),
    )


def _gap(entity: Entity) -> Gap | None:
    since = _optional(entity, "gapStartDateTime")
    return None if since is None else Gap(since=since, until=_optional(entity, "gapEndDateTime"))


def _heard(entity: Entity) -> Heard:
    return Heard(
        notification_at=_optional(entity, NOTIFICATION_COLUMN),
        reauthorization_required_at=_optional(entity, LIFECYCLE_COLUMNS["reauthorizationRequired"]),
        removed_at=_optional(entity, LIFECYCLE_COLUMNS["subscriptionRemoved"]),
        missed_at=_optional(entity, LIFECYCLE_COLUMNS["missed"]),
    )


def _listing(entity: Any) -> Listing:
    row = Listing(
        tenant_id=entity["PartitionKey"],
        delegated=_flag(entity, "delegated"),
        listed_at=_optional(entity, "listedDateTime"),
        failure=_failure(entity),
        etag=entity.metadata["etag"],
    )
    return _at_its_key(row, entity)


def _text(entity: Entity, name: str) -> str:
    value = entity[name]
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _optional_text(entity: Entity, name: str) -> str | None:
    return _text(entity, name) if name in entity else None


def _flag(entity: Entity, name: str) -> bool:
    value = entity[name]
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _count(entity: Entity, name: str) -> int:
    value = entity[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TypeError("not a number of failures")
    return value


def _optional(entity: Entity, name: str) -> datetime | None:
    return _moment(entity[name]) if name in entity else None


def _moment(value: Any) -> datetime:
    # The client's own class of datetime, with the service's text in it, would make equal values differ. From what is no
    # moment, or has no time zone, the epoch cannot be subtracted (TypeError).
    moment: datetime = _EPOCH + (value - _EPOCH)
    return moment
