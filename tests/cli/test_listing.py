"""What an operator is told of a row."""

from datetime import timedelta
from typing import Any

import pytest

from cli.listed import document
from cli.listing import StatusContext, SubscriptionState, cells, last_run, needs_attention, state_of, warnings
from shared.subscriptions.tracked import AccountStatus, Activity, MissedInterval, TenantState
from tests.cli.rows import NOW, back, desired, failure, observed, row
from tests.sender import TENANT

MOMENT = StatusContext(now=NOW, overdue_after=timedelta(hours=1))


@pytest.mark.parametrize(
    ("changes", "state", "bad"),
    [
        ({}, SubscriptionState.ACTIVE, False),
        ({"applied": None}, SubscriptionState.PENDING, False),
        ({"applied": None, "failure": failure()}, SubscriptionState.FAILING, True),
        ({"failure": failure()}, SubscriptionState.FAILING, True),
        ({"applied": observed(expiration=NOW)}, SubscriptionState.LAPSED, True),
        ({"applied": observed(expiration=NOW), "failure": failure()}, SubscriptionState.LAPSED, True),
        ({"applied": observed(renewed_at=back(minutes=60))}, SubscriptionState.ACTIVE, False),
        ({"applied": observed(renewed_at=back(minutes=61))}, SubscriptionState.OVERDUE, True),
        ({"activity": Activity(removed_at=back(minutes=1))}, SubscriptionState.REMOVED, True),
        ({"activity": Activity(removed_at=back(minutes=6))}, SubscriptionState.ACTIVE, False),
        ({"activity": Activity(reauthorization_required_at=back(minutes=1))}, SubscriptionState.ACTIVE, False),
        (
            {"missed_interval": MissedInterval(since=back(hours=2), until=back(hours=1))},
            SubscriptionState.ACTIVE,
            False,
        ),
        ({"is_wanted": False}, SubscriptionState.UNWANTED, False),
        ({"is_wanted": False, "failure": failure()}, SubscriptionState.UNWANTED, True),
    ],
)
def test_the_worst_that_holds_is_the_state(changes: dict[str, Any], state: SubscriptionState, bad: bool) -> None:  # noqa: FBT001  a column of the table
    tracked = row(**changes)
    assert state_of(tracked, MOMENT) == state
    assert needs_attention(TenantState(tracked=(tracked,)), MOMENT) is bad


def test_a_list_that_cannot_be_had_is_bad() -> None:
    rows = TenantState(
        accounts=(AccountStatus(tenant_id=TENANT, delegated=True, failure=failure("nobody is signed in")),)
    )
    assert needs_attention(rows, MOMENT)
    [told] = warnings(rows, MOMENT)
    assert told.startswith("signed-in user: the subscriptions cannot be listed: failed once, last 1 min ago, ")
    assert told.endswith("next attempt in 3 min: nobody is signed in")


@pytest.mark.parametrize(
    ("properties", "content"),
    [
        ({}, "basic"),
        ({"fetch": True}, "fetched"),
        ({"include_resource_data": True}, "resource data"),
        ({"delegated": True}, "basic, as user"),
    ],
)
def test_the_columns_tell_content_and_times(properties: dict[str, Any], content: str) -> None:
    tracked = row(desired=desired(**properties), activity=Activity(notification_at=back(seconds=9)))
    assert cells(tracked, MOMENT) == ("/teams", "created", content, "active", "2 d 3 h", "5 min ago", "9 s ago")


def test_what_was_never_subscribed_has_no_times() -> None:
    assert cells(row(applied=None), MOMENT)[3:] == ("pending", "", "", "never")


def test_notes_tell_failures_gaps_and_what_graph_said_last() -> None:
    heard = Activity(reauthorization_required_at=back(hours=2), missed_at=back(hours=1))
    told = list(
        warnings(
            TenantState(
                tracked=(row(missed_interval=MissedInterval(since=back(hours=5)), failure=failure(), activity=heard),)
            ),
            MOMENT,
        )
    )
    assert told == [
        "/teams (created): failed once, last 1 min ago, next attempt in 3 min: Graph answered 403: no",
        "/teams (created): changes may be missing since 2026-11-21T07:00:00Z",
        "/teams (created): Graph sent missed 1 h ago",
    ]


def test_the_last_run_is_that_of_the_latest_list() -> None:
    listings = [
        AccountStatus(tenant_id=TENANT, delegated=False, listed_at=back(minutes=3)),
        AccountStatus(tenant_id=TENANT, delegated=True, listed_at=back(minutes=9)),
    ]
    assert last_run(TenantState(accounts=tuple(listings)), MOMENT) == "last checked 3 min ago"
    assert last_run(TenantState(), MOMENT) == "never checked"


def test_scripts_get_every_property_null_or_not() -> None:
    bare = document([(TENANT, TenantState(tracked=(row(applied=None, client_state_key_id=None),)))], MOMENT)
    full = document(
        [
            (
                TENANT,
                TenantState(
                    tracked=(
                        row(
                            failure=failure(),
                            missed_interval=MissedInterval(since=NOW),
                            activity=Activity(removed_at=NOW),
                        ),
                    )
                ),
            )
        ],
        MOMENT,
    )
    assert bare["subscriptions"][0].keys() == full["subscriptions"][0].keys()
    assert full["subscriptions"][0]["gap"] == {"startDateTime": "2026-11-21T12:00:00Z", "endDateTime": None}
    assert full["subscriptions"][0]["lifecycleEvent"] == "subscriptionRemoved"
