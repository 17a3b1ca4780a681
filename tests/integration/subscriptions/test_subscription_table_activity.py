"""The activity of subscriptions in the table, against Azurite: expirations, former subscriptions, recorded gaps."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from sandbox.azurite import Azurite
from shared.subscriptions.subscription_table import TABLE, SubscriptionTable
from shared.subscriptions.tracked import AccountStatus, Activity, MissedNotification
from tests.fakes.subscription_values import HOUR, NOW, OBSERVED, ROW, WANTED, failure

pytestmark = pytest.mark.slow

EXPIRATION = NOW + HOUR
EVENTS = ("reauthorizationRequired", "subscriptionRemoved", "missed")


@pytest.fixture
def table(azurite: Azurite) -> Iterator[SubscriptionTable]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        tables.create_table_if_not_exists(TABLE)
        yield SubscriptionTable(tables)


def test_recorded_expiration_is_replaced_by_the_next_event(table: SubscriptionTable) -> None:
    tenant, subscription_id = str(uuid4()), str(uuid4())
    row = replace(ROW, desired=replace(WANTED, tenant_id=tenant), etag=None)
    table.save(replace(row, applied=replace(OBSERVED, subscription_id=subscription_id)))
    for event in EVENTS:
        table.record_activity(tenant, subscription_id, event, NOW, EXPIRATION)
    (loaded,) = table.load(tenant).tracked
    activity = loaded.activity
    assert activity.removed_expiration == activity.missed_expiration == EXPIRATION
    assert activity.reauthorization_required_expiration == EXPIRATION
    # A merge keeps a column that has no value: the expiration of the event before must not stay.
    for event in EVENTS:
        table.record_activity(tenant, subscription_id, event, NOW + HOUR)
    (loaded,) = table.load(tenant).tracked
    later = NOW + HOUR
    assert loaded.activity == Activity(reauthorization_required_at=later, removed_at=later, missed_at=later)


def test_activity_without_a_row_is_that_of_a_former_subscription(table: SubscriptionTable) -> None:
    tenant, former = str(uuid4()), str(uuid4())
    table.save(replace(ROW, desired=replace(WANTED, tenant_id=tenant), etag=None))
    table.record_activity(tenant, former, None, NOW)
    table.record_activity(tenant, OBSERVED.subscription_id, None, NOW)
    assert table.load(tenant).former_activity == {former: Activity(notification_at=NOW)}
    table.delete_activity(tenant, former)
    assert table.load(tenant).former_activity == {}


@pytest.mark.parametrize("expiration", [EXPIRATION, None])
def test_recorded_missed_notification_is_loaded(table: SubscriptionTable, expiration: object) -> None:
    missed = MissedNotification(at=NOW, expiration=EXPIRATION if expiration else None)
    row = replace(ROW, desired=replace(WANTED, tenant_id=str(uuid4())), recorded_missed=missed, etag=None)
    saved = table.save(row)
    assert table.load(row.desired.tenant_id).tracked == (saved,)


def test_refused_account_is_loaded_as_such(table: SubscriptionTable) -> None:
    account = AccountStatus(tenant_id=str(uuid4()), delegated=False, failure=failure(retry_at=NOW), is_refused=True)
    saved = table.save(account)
    assert table.load(account.tenant_id).accounts == (saved,)
