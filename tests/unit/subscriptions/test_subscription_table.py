"""Rows as entities of the table and back, also those edited by hand."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from azure.data.tables import EdmType, EntityProperty, TableEntity
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Misconfigured
from shared.subscriptions.activity_row import LIFECYCLE_COLUMNS, NOTIFICATION_COLUMN, activity_keys
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.subscription_table import tenant_state_from, to_entity
from shared.subscriptions.tracked import (
    AccountStatus,
    Activity,
    AppliedSubscription,
    MissedCause,
    MissedInterval,
    TenantState,
    TrackedSubscription,
)
from shared.timing import Backoff
from tests.fakes.subscription_values import HOUR, NOW, OBSERVED, ROW, failure
from tests.sender import SUBSCRIPTION, TENANT

FULL = replace(ROW, failure=failure(retry_at=NOW), missed_interval=MissedInterval(since=NOW - HOUR, until=NOW))
LISTING = AccountStatus(tenant_id=TENANT, delegated=False, listed_at=NOW, failure=failure(retry_at=NOW), etag="e1")


def _stored(columns: Mapping[str, Any], etag: str | None = "e1") -> TableEntity:
    """Return an entity as the client of the table hands it out."""
    entity = TableEntity(columns)
    entity._metadata = {"etag": etag, "timestamp": None}
    return entity


def _moments() -> st.SearchStrategy[datetime]:
    zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
    first, last = datetime(1601, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001  the strategy adds the zones
    return st.datetimes(first, last, timezones=zones).map(lambda it: it.astimezone(UTC))


_TEXTS = st.text(max_size=20)
_DESIRED = st.builds(
    DesiredSubscription,
    tenant_id=_TEXTS,
    resource=_TEXTS,
    change_types=st.frozensets(st.sampled_from(["created", "updated", "deleted"]), min_size=1),
    include_resource_data=st.booleans(),
    fetch=st.booleans(),
    delegated=st.booleans(),
)
_APPLIED = st.builds(
    AppliedSubscription,
    subscription_id=_TEXTS,
    notification_url=_TEXTS,
    include_resource_data=st.booleans(),
    certificate_id=st.none() | _TEXTS,
    created_at=_moments(),
    renewed_at=_moments(),
    proven_at=_moments(),
    token_expires_at=_moments(),
    expiration=_moments(),
)
_FAILURES = st.none() | st.builds(
    Backoff, text=_TEXTS, at=_moments(), count=st.integers(1, 2**31 - 1), retry_at=_moments()
)
_TRACKED = st.builds(
    TrackedSubscription,
    desired=_DESIRED,
    added_by=st.sampled_from(["file", "cli"]),
    is_wanted=st.booleans(),
    applied=st.none() | _APPLIED,
    client_state_key_id=st.none() | _TEXTS,
    failure=_FAILURES,
    missed_interval=st.none()
    | st.builds(MissedInterval, since=_moments(), until=st.none() | _moments(), cause=st.sampled_from(MissedCause)),
    etag=_TEXTS,
)
_LISTINGS = st.builds(
    AccountStatus,
    tenant_id=_TEXTS,
    delegated=st.booleans(),
    listed_at=st.none() | _moments(),
    endpoint_proven_at=st.none() | _moments(),
    proven_url=st.none() | _TEXTS,
    failure=_FAILURES,
    etag=_TEXTS,
)


@given(_TRACKED)
def test_every_tracked_row_comes_back_as_it_was(row: TrackedSubscription) -> None:
    assert tenant_state_from([_stored(to_entity(row), row.etag)]) == TenantState(tracked=(row,))


@given(_LISTINGS)
def test_every_listing_comes_back_as_it_was(row: AccountStatus) -> None:
    assert tenant_state_from([_stored(to_entity(row), row.etag)]) == TenantState(accounts=(row,))


def test_missing_value_takes_no_column() -> None:
    assert not [name for name, value in to_entity(TrackedSubscription(desired=ROW.desired)).items() if value is None]


def test_subscription_is_loaded_with_its_own_activity_only() -> None:
    columns = [NOTIFICATION_COLUMN, *LIFECYCLE_COLUMNS.values()]
    moments = {name: NOW + number * HOUR for number, name in enumerate(columns)}
    activity = _stored(activity_keys(TENANT, SUBSCRIPTION) | moments)
    other = _stored(activity_keys(TENANT, "another") | {NOTIFICATION_COLUMN: NOW + 9 * HOUR})
    assert tenant_state_from([activity, other, _stored(to_entity(ROW))]).tracked[0].activity == Activity(
        notification_at=NOW,
        reauthorization_required_at=NOW + HOUR,
        removed_at=NOW + 2 * HOUR,
        missed_at=NOW + 3 * HOUR,
    )
    assert tenant_state_from([other, _stored(to_entity(ROW))]).tracked[0].activity == Activity()
    assert (
        tenant_state_from([activity, _stored(to_entity(replace(ROW, applied=None)))]).tracked[0].activity == Activity()
    )


def test_rows_of_an_unknown_kind_are_left_to_whom_they_belong() -> None:
    other = _stored({"PartitionKey": TENANT, "RowKey": "something-else"})
    bare = _stored({"PartitionKey": TENANT, "RowKey": "bare"})
    assert tenant_state_from([other, bare, _stored(to_entity(ROW))]) == TenantState(tracked=(ROW,))


def test_unknown_column_does_no_harm() -> None:
    assert tenant_state_from([_stored(to_entity(ROW) | {"note": "watched for audit"})]).tracked == (ROW,)


# --- Rows edited by hand

_NEEDED = [name for name in to_entity(FULL) if name not in {"PartitionKey", "RowKey"}]
_MAY_BE_ABSENT = {
    "subscriptionId", "clientStateKeyId", "encryptionCertificateId", "error", "gapStartDateTime", "gapEndDateTime"
}  # fmt: skip


@pytest.mark.parametrize("name", _NEEDED)
@pytest.mark.parametrize(
    "value",
    ["text", 7, 7.5, b"bytes", EntityProperty(7, EdmType.INT64), datetime(2026, 1, 1)],  # noqa: DTZ001  that is the point
    ids=["text", "number", "fraction", "bytes", "long", "no zone"],
)
def test_a_column_of_a_wrong_type_is_a_fault_that_names_the_row(name: str, value: Any) -> None:
    columns = to_entity(FULL)
    if isinstance(value, type(columns[name])):
        return
    with pytest.raises(Misconfigured, match=f"{TENANT}/{columns['RowKey']}.* delete the row"):
        tenant_state_from([_stored(columns | {name: value})])


@pytest.mark.parametrize("name", [name for name in _NEEDED if name not in _MAY_BE_ABSENT])
def test_a_column_that_is_missing_is_a_fault_that_names_the_row(name: str) -> None:
    columns = {key: value for key, value in to_entity(FULL).items() if key != name}
    with pytest.raises(Misconfigured, match=f"{TENANT}/{columns['RowKey']}"):
        tenant_state_from([_stored(columns)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resource", "/another"),
        ("changeType", "deleted"),
        ("delegated", True),
        ("addedBy", "CLI"),
        ("consecutiveFailures", 0),
        ("consecutiveFailures", True),
        ("renewedDateTime", datetime(2026, 1, 1)),  # noqa: DTZ001  that is the point
    ],
    ids=str,
)
def test_a_value_that_cannot_be_the_rows_is_a_fault(name: str, value: Any) -> None:
    with pytest.raises(Misconfigured, match=TENANT):
        tenant_state_from([_stored(to_entity(FULL) | {name: value})])


def test_a_listing_of_another_account_than_its_key_says_is_a_fault() -> None:
    with pytest.raises(Misconfigured, match="listing-app"):
        tenant_state_from([_stored(to_entity(LISTING) | {"delegated": True})])


def test_activity_with_an_invalid_time_names_its_row() -> None:
    with pytest.raises(Misconfigured, match=f"heard-{SUBSCRIPTION}"):
        tenant_state_from([_stored(activity_keys(TENANT, SUBSCRIPTION) | {NOTIFICATION_COLUMN: "yesterday"})])


_VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.uuids()
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.builds(EntityProperty, st.integers(), st.just(EdmType.INT64))
)
_ENTITIES = st.sampled_from(
    [to_entity(FULL), to_entity(LISTING), activity_keys(TENANT, SUBSCRIPTION) | {NOTIFICATION_COLUMN: NOW}]
)
_KEYS = st.sampled_from(["subscription-", "heard-", "listing-app", "listing-", "", "-", "subscription-0"])


@pytest.mark.slow
@settings(max_examples=60)
@given(_ENTITIES, st.dictionaries(st.sampled_from([*_NEEDED, NOTIFICATION_COLUMN, "listedDateTime"]), _VALUES), _KEYS)
def test_whatever_an_entity_holds_it_is_read_or_a_fault(
    columns: dict[str, Any], edits: dict[str, Any], key: str
) -> None:
    for row_key in (columns["RowKey"], key):
        try:
            rows = tenant_state_from([_stored(columns | edits | {"RowKey": row_key})])
        except Misconfigured:
            continue
        assert all(to_entity(row)["RowKey"] == row_key for row in rows.tracked)
        assert all(to_entity(row)["RowKey"] == row_key for row in rows.accounts)


def test_a_moment_before_the_first_one_in_utc_is_a_fault() -> None:
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(Misconfigured):
        tenant_state_from([_stored(to_entity(ROW) | {"renewedDateTime": early})])
    assert OBSERVED.renewed_at.tzinfo is UTC
