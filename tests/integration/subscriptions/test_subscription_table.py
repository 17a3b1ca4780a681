"""The table of subscriptions against Azurite: what is saved is loaded, and no run overwrites the change of another."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from shared.errors import Conflict
from shared.subscriptions.subscription_table import TABLE, SubscriptionTable, to_entity
from shared.subscriptions.tracked import AccountStatus, Activity, MissedInterval, TenantState, TrackedSubscription
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, ROW, WANTED, failure
from tests.sender import SUBSCRIPTION

pytestmark = pytest.mark.slow


@pytest.fixture
def tenant_id() -> str:
    """A partition of a test's own: the account is shared."""
    return str(uuid4())


@pytest.fixture
def table(tables: TableServiceClient) -> SubscriptionTable:
    tables.create_table_if_not_exists(TABLE)
    return SubscriptionTable(tables)


@pytest.fixture
def missing_table(tables: TableServiceClient) -> SubscriptionTable:
    # Deleting what is not there does no harm, and tests of one process take turns.
    tables.delete_table(TABLE)
    return SubscriptionTable(tables)


def _row(tenant_id: str, resource: str = "/chats/getAllMessages") -> TrackedSubscription:
    """Return a row that has not been saved."""
    return replace(ROW, desired=replace(WANTED, tenant_id=tenant_id, resource=resource), etag=None)


def test_saved_rows_are_loaded_with_every_field(table: SubscriptionTable, tenant_id: str) -> None:
    words = "Grüße 👋 \u2028 'quoted' \"twice\" <>&\r\n"
    full = replace(
        _row(tenant_id),
        failure=replace(failure(retry_at=NOW.replace(microsecond=123_457)), text=words),
        missed_interval=MissedInterval(since=NOW - HOUR, until=NOW),
        added_by="cli",
    )
    bare = TrackedSubscription(desired=replace(WANTED, tenant_id=tenant_id, resource="/teams"))
    status = AccountStatus(tenant_id=tenant_id, delegated=True, listed_at=NOW, failure=failure(retry_at=NOW))
    saved, saved_status = [table.save(full), table.save(bare)], table.save(status)
    loaded = table.load(tenant_id)
    assert sorted(loaded.tracked, key=lambda row: row.key) == sorted(saved, key=lambda row: row.key)
    assert loaded.accounts == (saved_status,)
    assert [replace(row, etag=None) for row in saved] == [full, bare]


def test_field_that_is_none_again_is_removed(table: SubscriptionTable, tenant_id: str) -> None:
    saved = table.save(replace(_row(tenant_id), failure=failure(retry_at=NOW)))
    changed = table.save(replace(saved, failure=None, applied=None))
    assert table.load(tenant_id).tracked == (changed,)


def test_tenant_without_rows_has_none(table: SubscriptionTable, tenant_id: str) -> None:
    table.save(_row(str(uuid4())))
    table.delete(_row(tenant_id))
    assert table.load(tenant_id) == TenantState()


def test_more_rows_than_a_page_are_all_loaded(
    tables: TableServiceClient, table: SubscriptionTable, tenant_id: str
) -> None:
    client = tables.get_table_client(TABLE)
    rows = [_row(tenant_id, f"/chats/{number}") for number in range(1001)]
    for start in range(0, len(rows), 100):
        client.submit_transaction([("create", to_entity(row)) for row in rows[start : start + 100]])
    assert {row.key for row in table.load(tenant_id).tracked} == {row.key for row in rows}


def test_second_writer_of_a_row_gets_a_conflict(table: SubscriptionTable, tenant_id: str) -> None:
    row = _row(tenant_id)
    saved = table.save(row)
    with pytest.raises(Conflict):
        table.save(row)
    first = table.save(replace(saved, is_wanted=False))
    with pytest.raises(Conflict):
        table.save(replace(saved, missed_interval=MissedInterval(since=NOW)))
    with pytest.raises(Conflict):
        table.delete(saved)
    assert table.load(tenant_id).tracked == (first,)


def test_row_deleted_in_between_is_not_recreated(table: SubscriptionTable, tenant_id: str) -> None:
    saved = table.save(_row(tenant_id))
    table.delete(saved)
    with pytest.raises(Conflict):
        table.save(saved)
    table.delete(saved)
    assert table.load(tenant_id) == TenantState()


def test_one_of_many_simultaneous_changes_succeeds(table: SubscriptionTable, tenant_id: str) -> None:
    saved = table.save(_row(tenant_id))

    def attempt(number: int) -> bool:
        try:
            table.save(replace(saved, client_state_key_id=f"k{number}"))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


# --- Activity


def test_activity_is_added_to_earlier_activity_and_changes_no_etag(table: SubscriptionTable, tenant_id: str) -> None:
    saved = table.save(_row(tenant_id))
    for number, event in enumerate([None, "reauthorizationRequired", "subscriptionRemoved", "missed"]):
        table.record_activity(tenant_id, SUBSCRIPTION, lifecycle_event=event, at=NOW + number * MINUTE)
    activity = Activity(
        notification_at=NOW,
        reauthorization_required_at=NOW + MINUTE,
        removed_at=NOW + 2 * MINUTE,
        missed_at=NOW + 3 * MINUTE,
    )
    assert table.load(tenant_id).tracked == (replace(saved, activity=activity),)
    table.save(saved)


def test_unknown_lifecycle_event_counts_as_a_notification(table: SubscriptionTable, tenant_id: str) -> None:
    table.save(_row(tenant_id))
    table.record_activity(tenant_id, SUBSCRIPTION, lifecycle_event="somethingElse", at=NOW)
    assert table.load(tenant_id).tracked[0].activity == Activity(notification_at=NOW)


def test_activity_can_be_deleted_twice(table: SubscriptionTable, tenant_id: str) -> None:
    saved = table.save(_row(tenant_id))
    table.record_activity(tenant_id, SUBSCRIPTION, lifecycle_event="missed", at=NOW)
    table.delete_activity(tenant_id, SUBSCRIPTION)
    table.delete_activity(tenant_id, SUBSCRIPTION)
    assert table.load(tenant_id).tracked == (saved,)


@pytest.mark.parametrize(
    "subscription_id",
    [f"a{each}b" for each in "/\\#?\x00\x1f\x85'"] + ["a%2Fb", "", ".", "x" * 2000, "\ud800", "ü", "👋"],
    ids=ascii,
)
def test_hostile_subscription_id_records_no_activity(
    table: SubscriptionTable, tenant_id: str, subscription_id: str
) -> None:
    """Not all of them may stand in a key; a POST that names one must not be sent again for four hours."""
    table.record_activity(tenant_id, subscription_id, lifecycle_event="missed", at=NOW)
    assert table.load(tenant_id) == TenantState()


@pytest.mark.parametrize("hostile_id", ["'", "' or PartitionKey ne '", "a b", "%27", "ü"])
def test_hostile_tenant_id_loads_no_rows_of_other_tenants(
    table: SubscriptionTable, tenant_id: str, hostile_id: str
) -> None:
    table.save(_row(tenant_id))
    assert table.load(hostile_id) == TenantState()


# --- A table that is missing


def test_missing_table_is_empty(missing_table: SubscriptionTable, tenant_id: str) -> None:
    missing_table.delete_activity(tenant_id, "a-subscription")
    assert missing_table.load(tenant_id) == TenantState()


def test_missing_table_is_created_by_the_first_activity(missing_table: SubscriptionTable, tenant_id: str) -> None:
    row = _row(tenant_id)
    missing_table.record_activity(tenant_id, SUBSCRIPTION, lifecycle_event="missed", at=NOW)
    saved = missing_table.save(row)
    assert missing_table.load(tenant_id).tracked == (replace(saved, activity=Activity(missed_at=NOW)),)


def test_missing_table_is_created_by_simultaneous_first_rows(missing_table: SubscriptionTable, tenant_id: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: missing_table.save(_row(tenant_id, f"/chats/{number}")), range(8)))
    assert len(missing_table.load(tenant_id).tracked) == 8


def test_change_after_the_table_was_deleted_is_a_conflict(
    tables: TableServiceClient, table: SubscriptionTable, tenant_id: str
) -> None:
    saved = table.save(_row(tenant_id))
    tables.delete_table(TABLE)
    with pytest.raises(Conflict):
        table.save(saved)
    table.delete(saved)
