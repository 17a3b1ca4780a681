"""The table of tracked subscriptions against Azurite: what is saved is loaded, and nobody overwrites anybody."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient, UpdateMode

from sandbox.azurite import Azurite
from shared.errors import Conflict, Misconfigured
from shared.subscriptions.subscription_table import TABLE, SubscriptionTable, to_entity
from shared.subscriptions.tracked import AccountStatus, Activity, MissedInterval, TenantState, TrackedSubscription
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, OBSERVED, ROW, WANTED, failure

pytestmark = pytest.mark.slow


@pytest.fixture
def tables(azurite: Azurite) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        yield tables


@pytest.fixture
def tracking(tables: TableServiceClient) -> SubscriptionTable:
    tables.create_table_if_not_exists(TABLE)
    return SubscriptionTable(tables)


def _tenant() -> str:
    """Return a partition of a test's own: the account is shared."""
    return str(uuid4())


def _row(tenant_id: str, resource: str = "/chats/getAllMessages") -> TrackedSubscription:
    """Return a row that has not been saved, of a subscription of its own."""
    desired = replace(WANTED, tenant_id=tenant_id, resource=resource)
    return replace(ROW, desired=desired, applied=replace(OBSERVED, subscription_id=str(uuid4())), etag=None)


def _id(row: TrackedSubscription) -> str:
    assert row.applied is not None
    return row.applied.subscription_id


def test_what_is_saved_is_loaded_in_every_part(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    full = replace(
        _row(tenant),
        failure=failure(retry_at=NOW + HOUR),
        missed_interval=MissedInterval(since=NOW - HOUR, until=NOW),
        added_by="cli",
    )
    bare = TrackedSubscription(desired=replace(WANTED, tenant_id=tenant, resource="/teams"))
    listing = AccountStatus(tenant_id=tenant, delegated=True, listed_at=NOW, failure=failure(retry_at=NOW))
    saved = [tracking.save(full), tracking.save(bare)]
    kept_listing = tracking.save(listing)
    loaded = tracking.load(tenant)
    assert sorted(loaded.tracked, key=lambda row: row.key) == sorted(saved, key=lambda row: row.key)
    assert loaded.accounts == (kept_listing,)
    assert [replace(row, etag=None) for row in saved] == [full, bare]


def test_microseconds_and_graphs_words_survive(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    moment = NOW.replace(microsecond=123_457)
    words = replace(failure(retry_at=moment), text="Grüße 👋 \u2028 'quoted' \"twice\" <>&\r\n")
    saved = tracking.save(replace(_row(tenant), failure=words))
    assert tracking.load(tenant).tracked == (saved,)


def test_what_is_none_again_is_gone_from_the_table(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = tracking.save(replace(_row(tenant), failure=failure(retry_at=NOW)))
    mended = tracking.save(replace(saved, failure=None, applied=None))
    assert tracking.load(tenant).tracked == (mended,)


def test_a_tenant_that_nobody_has_written_to_has_nothing(tracking: SubscriptionTable) -> None:
    tracking.save(_row(_tenant()))
    assert tracking.load(_tenant()) == TenantState()


def test_more_rows_than_a_page_has_come_all_of_them(tables: TableServiceClient) -> None:
    tenant, table = _tenant(), tables.get_table_client(TABLE)
    rows = [_row(tenant, f"/chats/{number}") for number in range(1001)]
    tables.create_table_if_not_exists(TABLE)
    for start in range(0, len(rows), 100):
        table.submit_transaction([("create", to_entity(row)) for row in rows[start : start + 100]])
    loaded = SubscriptionTable(tables).load(tenant)
    assert {row.key for row in loaded.tracked} == {row.key for row in rows}


# --- Two writers


def test_of_two_who_create_a_row_the_second_is_told(tracking: SubscriptionTable) -> None:
    row = _row(_tenant())
    tracking.save(row)
    with pytest.raises(Conflict):
        tracking.save(row)


def test_of_two_who_change_a_row_the_second_is_told_and_the_first_change_stays(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = tracking.save(_row(tenant))
    first = tracking.save(replace(saved, is_wanted=False))
    with pytest.raises(Conflict):
        tracking.save(replace(saved, missed_interval=MissedInterval(since=NOW)))
    with pytest.raises(Conflict):
        tracking.delete(saved)
    assert tracking.load(tenant).tracked == (first,)


def test_a_row_that_was_deleted_in_between_is_not_brought_back(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = tracking.save(_row(tenant))
    tracking.delete(saved)
    with pytest.raises(Conflict):
        tracking.save(saved)
    tracking.delete(saved)
    assert tracking.load(tenant) == TenantState()


def test_of_many_at_once_exactly_one_gets_the_row(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = tracking.save(_row(tenant))

    def attempt(number: int) -> bool:
        try:
            tracking.save(replace(saved, client_state_key_id=f"k{number}"))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_a_row_that_was_never_saved_can_be_removed(tracking: SubscriptionTable) -> None:
    tracking.delete(_row(_tenant()))


def test_a_row_that_somebody_has_spoilt_is_named(tables: TableServiceClient, tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = tracking.save(_row(tenant))
    spoilt = to_entity(saved) | {"isWanted": "yes"}
    tables.get_table_client(TABLE).update_entity(spoilt, mode=UpdateMode.REPLACE)
    with pytest.raises(Misconfigured, match=f"{tenant}/subscription-{saved.key}"):
        tracking.load(tenant)


# --- What is heard


def test_what_is_heard_stands_beside_what_was_heard_before_and_changes_no_etag(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = tracking.save(_row(tenant))
    events = [None, "reauthorizationRequired", "subscriptionRemoved", "missed"]
    for number, event in enumerate(events):
        tracking.record_activity(tenant, _id(saved), lifecycle_event=event, at=NOW + number * MINUTE)
    heard = Activity(
        notification_at=NOW,
        reauthorization_required_at=NOW + MINUTE,
        removed_at=NOW + 2 * MINUTE,
        missed_at=NOW + 3 * MINUTE,
    )
    assert tracking.load(tenant).tracked == (replace(saved, activity=heard),)
    tracking.save(saved)


def test_an_event_that_graph_has_not_documented_is_a_sign_of_life(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = tracking.save(_row(tenant))
    tracking.record_activity(tenant, _id(saved), lifecycle_event="somethingElse", at=NOW)
    assert tracking.load(tenant).tracked[0].activity == Activity(notification_at=NOW)


def test_what_was_heard_is_forgotten_once_and_again(tracking: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = tracking.save(_row(tenant))
    tracking.record_activity(tenant, _id(saved), lifecycle_event="missed", at=NOW)
    tracking.delete_activity(tenant, _id(saved))
    tracking.delete_activity(tenant, _id(saved))
    assert tracking.load(tenant).tracked == (saved,)


@pytest.mark.parametrize(
    "subscription_id",
    [
        "a/b",
        "a\\b",
        "a#b",
        "a?b",
        "a\x00b",
        "a\x1fb",
        "a\x85b",
        "a'b",
        "a%2Fb",
        "",
        ".",
        "x" * 2000,
        "\ud800",
        "ü",
        "👋",
    ],
    ids=ascii,
)
def test_a_hostile_subscription_id_is_heard_of_without_harm(tracking: SubscriptionTable, subscription_id: str) -> None:
    """Not all of them may stand in a key; a POST that names one must not be sent again for four hours."""
    tenant = _tenant()
    tracking.record_activity(tenant, subscription_id, lifecycle_event="missed", at=NOW)
    assert tracking.load(tenant) == TenantState()


@pytest.mark.parametrize("tenant_id", ["'", "' or PartitionKey ne '", "a b", "%27", "ü"])
def test_a_hostile_tenant_id_finds_nothing_of_others(tracking: SubscriptionTable, tenant_id: str) -> None:
    tracking.save(_row(_tenant()))
    assert tracking.load(tenant_id) == TenantState()


# --- A table that is missing


@pytest.fixture
def without_table(tables: TableServiceClient) -> SubscriptionTable:
    # Deleting what is not there does no harm, and tests of one process take turns.
    tables.delete_table(TABLE)
    return SubscriptionTable(tables)


def test_a_table_that_is_missing_is_empty(without_table: SubscriptionTable) -> None:
    assert without_table.load(_tenant()) == TenantState()


def test_a_table_that_is_missing_is_made_for_the_first_row(without_table: SubscriptionTable) -> None:
    tenant = _tenant()
    saved = without_table.save(_row(tenant))
    assert without_table.load(tenant).tracked == (saved,)


def test_a_table_that_is_missing_is_made_for_the_first_that_is_heard(without_table: SubscriptionTable) -> None:
    row = _row(_tenant())
    without_table.record_activity(row.desired.tenant_id, _id(row), lifecycle_event="missed", at=NOW)
    saved = without_table.save(row)
    assert without_table.load(row.desired.tenant_id).tracked == (replace(saved, activity=Activity(missed_at=NOW)),)


def test_a_table_that_is_missing_is_made_once_however_many_need_it_at_once(without_table: SubscriptionTable) -> None:
    tenant = _tenant()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: without_table.save(_row(tenant, f"/chats/{n}")), range(8)))
    assert len(without_table.load(tenant).tracked) == 8


def test_a_table_that_somebody_has_deleted_loses_no_change_without_a_word(
    tracking: SubscriptionTable, azurite: Azurite
) -> None:
    saved = tracking.save(_row(_tenant()))
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        tables.delete_table(TABLE)
    with pytest.raises(Conflict):
        tracking.save(saved)
    tracking.delete(saved)


def test_what_was_heard_is_forgotten_with_the_table_too(without_table: SubscriptionTable) -> None:
    without_table.delete_activity(_tenant(), "a-subscription")
