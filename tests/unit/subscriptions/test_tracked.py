"""Gaps, and the keys that distinguish subscriptions."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import (
    AccountStatus,
    MissedInterval,
    TenantState,
    TrackedSubscription,
    subscription_key,
)
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, ROW, WANTED
from tests.sender import OTHER_TENANT, TENANT

_MOMENTS = st.integers(-(10**6), 10**6).map(lambda minutes: NOW + minutes * MINUTE)
_LENGTHS = st.integers(0, 10**5).map(lambda minutes: minutes * MINUTE)


def _gap(since: datetime, length: timedelta | None) -> MissedInterval:
    return MissedInterval(since=since, until=None if length is None else since + length)


_GAPS = st.builds(_gap, _MOMENTS, st.none() | _LENGTHS)


@given(_GAPS, st.none() | _GAPS)
def test_joined_gaps_contain_both_and_nothing_outside_them(one: MissedInterval, other: MissedInterval | None) -> None:
    joined, parts = one.merged_with(other), [gap for gap in (one, other) if gap is not None]
    assert joined.since == min(gap.since for gap in parts)
    if any(gap.until is None for gap in parts):
        assert joined.until is None
    else:
        assert joined.until == max(gap.until for gap in parts if gap.until is not None)
    if other is not None:
        assert joined == other.merged_with(one)


@given(_GAPS)
def test_a_gap_ends_once(gap: MissedInterval) -> None:
    ended = gap.with_end(NOW)
    assert ended.since == gap.since
    assert ended.until == (NOW if gap.until is None else gap.until)
    assert ended.with_end(NOW + HOUR) == ended


@pytest.mark.parametrize(
    "other",
    [
        replace(WANTED, resource="chats/getAllMessages"),
        replace(WANTED, resource="/Chats/getallmessages/"),
        replace(WANTED, include_resource_data=False),
        replace(WANTED, include_resource_data=False, fetch=True),
        replace(WANTED, tenant_id=OTHER_TENANT),
    ],
    ids=["no slash", "another spelling", "without resource data", "to be fetched", "another tenant: another partition"],
)
def test_what_graph_would_refuse_beside_it_has_the_same_key(other: DesiredSubscription) -> None:
    assert subscription_key(other) == subscription_key(WANTED)


@pytest.mark.parametrize(
    "other",
    [
        replace(WANTED, resource="/teams/getAllMessages"),
        replace(WANTED, resource="/chats/getAllMessages?model=A"),
        replace(WANTED, change_types=frozenset({"created"})),
        replace(WANTED, delegated=True),
    ],
)
def test_what_may_stand_beside_it_has_another_key(other: DesiredSubscription) -> None:
    assert subscription_key(other) != subscription_key(WANTED)


@given(st.text())
def test_a_key_may_stand_in_any_table_whatever_the_resource(resource: str) -> None:
    key = TrackedSubscription(desired=replace(WANTED, resource=resource)).key
    assert len(key) == 32
    assert int(key, 16) >= 0


def test_a_lone_surrogate_in_a_resource_has_a_key_too() -> None:
    assert subscription_key(replace(WANTED, resource="/chats/\ud800")) != subscription_key(WANTED)


def test_each_account_has_its_own_rows_and_its_own_listing() -> None:
    users = replace(ROW, desired=replace(WANTED, delegated=True))
    listing = AccountStatus(tenant_id=TENANT, delegated=True, listed_at=NOW)
    rows = TenantState(tracked=(ROW, users), accounts=(listing,))
    assert rows.tracked_by(delegated=True) == (users,)
    assert rows.tracked_by(delegated=False) == (ROW,)
    assert rows.account(TENANT, delegated=True) == listing
    assert rows.account(TENANT, delegated=False) == AccountStatus(tenant_id=TENANT, delegated=False)
