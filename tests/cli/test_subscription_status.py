"""What ``subscriptions list`` shows of a row."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.subscription_status import (
    StatusContext,
    SubscriptionState,
    cells,
    last_run,
    list_document,
    needs_attention,
    state_of,
    warnings,
)
from shared.subscriptions.tracked import AccountStatus, Activity, MissedInterval, TenantState
from tests.cli.subscription_rows import APPLIED, before, desired, failure, row
from tests.fakes.subscription_values import NOW
from tests.sender import TENANT

CONTEXT = StatusContext(now=NOW, overdue_after=timedelta(hours=1))
EXPIRED = replace(APPLIED, expiration=NOW)
GAP = MissedInterval(since=before(hours=2), until=before(hours=1))


@pytest.mark.parametrize(
    ("changes", "state", "bad"),
    [
        ({}, SubscriptionState.ACTIVE, False),
        ({"applied": None}, SubscriptionState.PENDING, False),
        ({"applied": None, "failure": failure()}, SubscriptionState.FAILING, True),
        ({"failure": failure()}, SubscriptionState.FAILING, True),
        ({"applied": EXPIRED}, SubscriptionState.LAPSED, True),
        ({"applied": EXPIRED, "failure": failure()}, SubscriptionState.LAPSED, True),
        ({"applied": replace(APPLIED, renewed_at=before(minutes=60))}, SubscriptionState.ACTIVE, False),
        ({"applied": replace(APPLIED, renewed_at=before(minutes=61))}, SubscriptionState.OVERDUE, True),
        ({"activity": Activity(removed_at=before(minutes=1))}, SubscriptionState.REMOVED, True),
        ({"activity": Activity(removed_at=before(minutes=13))}, SubscriptionState.ACTIVE, False),
        ({"activity": Activity(reauthorization_required_at=before(minutes=1))}, SubscriptionState.ACTIVE, False),
        ({"missed_interval": GAP}, SubscriptionState.ACTIVE, False),
        ({"is_wanted": False}, SubscriptionState.UNWANTED, False),
        ({"is_wanted": False, "failure": failure()}, SubscriptionState.UNWANTED, True),
    ],
)
def test_state_is_the_most_serious_that_applies(changes: dict[str, Any], state: SubscriptionState, bad: bool) -> None:  # noqa: FBT001  a column of the table
    tracked = row(**changes)
    assert state_of(tracked, CONTEXT) == state
    assert needs_attention(TenantState(tracked=(tracked,)), CONTEXT) is bad


def test_account_whose_list_failed_needs_attention() -> None:
    account = AccountStatus(tenant_id=TENANT, delegated=True, failure=failure("no user is signed in"))
    state = TenantState(accounts=(account,))
    assert needs_attention(state, CONTEXT)
    [warning] = warnings(state, CONTEXT)
    assert warning.startswith("signed-in user: the subscriptions cannot be listed: failed once, last 1 min ago, ")
    assert warning.endswith("next attempt in 3 min: no user is signed in")


@pytest.mark.parametrize(
    ("properties", "content"),
    [
        ({}, "basic"),
        ({"fetch": True}, "fetched"),
        ({"include_resource_data": True}, "resource data"),
        ({"delegated": True}, "basic, as user"),
    ],
)
def test_cells_show_content_and_times(properties: dict[str, Any], content: str) -> None:
    tracked = row(desired=desired(**properties), activity=Activity(notification_at=before(seconds=9)))
    assert cells(tracked, CONTEXT) == ("/teams", "created", content, "active", "2 d 23 h", "12 min ago", "9 s ago")


def test_pending_row_has_no_times() -> None:
    assert cells(row(applied=None), CONTEXT)[3:] == ("pending", "", "", "never")


def test_warnings_show_failure_gap_and_last_lifecycle_event() -> None:
    activity = Activity(reauthorization_required_at=before(hours=2), missed_at=before(hours=1))
    lasting = MissedInterval(since=before(hours=5))
    tracked = row(missed_interval=lasting, failure=failure(), activity=activity)
    assert list(warnings(TenantState(tracked=(tracked,)), CONTEXT)) == [
        "/teams (created): failed once, last 1 min ago, next attempt in 3 min: Graph answered 403: no",
        "/teams (created): changes may be missing since 2026-11-21T04:30:00Z",
        "/teams (created): Graph sent missed 1 h ago",
    ]


def test_last_run_is_that_of_the_latest_list() -> None:
    app = AccountStatus(tenant_id=TENANT, delegated=False, listed_at=before(minutes=3))
    user = AccountStatus(tenant_id=TENANT, delegated=True, listed_at=before(minutes=9))
    assert last_run(TenantState(accounts=(app, user)), CONTEXT) == "last checked 3 min ago"
    assert last_run(TenantState(), CONTEXT) == "never checked"


def test_list_document_has_every_property_even_if_null() -> None:
    bare = row(applied=None, client_state_key_id=None)
    full = row(failure=failure(), missed_interval=MissedInterval(since=NOW), activity=Activity(removed_at=NOW))
    without, complete = list_document([(TENANT, TenantState(tracked=(bare, full)))], CONTEXT)["subscriptions"]
    assert without.keys() == complete.keys()
    assert complete["gap"] == {"startDateTime": "2026-11-21T09:30:00Z", "endDateTime": None}
    assert complete["lifecycleEvent"] == "subscriptionRemoved"
