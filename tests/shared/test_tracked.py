"""Gaps, and what tells one subscription from another."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.subscriptions.desired import Desired
from shared.subscriptions.tracked import Gap, Listing, Rows, Tracked, key_of
from tests.sender import OTHER_TENANT, TENANT
from tests.shared.tracked_values import HOUR, MINUTE, NOW, ROW, WANTED

_MOMENTS = st.integers(-(10**6), 10**6).map(lambda minutes: NOW + minutes * MINUTE)
_LENGTHS = st.integers(0, 10**5).map(lambda minutes: minutes * MINUTE)


def _gap(since: datetime, length: timedelta | None) -> Gap:
    return Gap(since=since, until=None if length is None else since + length)


_GAPS = st.builds(_gap, _MOMENTS, st.none() | _LENGTHS)


@settings(max_examples=50)
@given(_GAPS, st.none() | _GAPS)
def test_joined_gaps_contain_both_and_nothing_outside_them(one: Gap, other: Gap | None) -> None:
    joined, parts = one.joined(other), [gap for gap in (one, other) if gap is not None]
    assert joined.since == min(gap.since for gap in parts)
    if any(gap.until is None for gap in parts):
        assert joined.until is None
    else:
        assert joined.until == max(gap.until for gap in parts if gap.until is not None)
    if other is not None:
        assert joined == other.joined(one)


@settings(max_examples=50)
@given(_GAPS)
def test_a_gap_ends_once(gap: Gap) -> None:
    ended = gap.ended(NOW)
    assert ended.since == gap.since
    assert ended.until == (NOW if gap.until is None else gap.until)
    assert ended.ended(NOW + HOUR) == ended


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
def test_what_graph_would_refuse_beside_it_has_the_same_key(other: Desired) -> None:
    assert key_of(other) == key_of(WANTED)


@pytest.mark.parametrize(
    "other",
    [
        replace(WANTED, resource="/teams/getAllMessages"),
        replace(WANTED, resource="/chats/getAllMessages?model=A"),
        replace(WANTED, change_types=frozenset({"created"})),
        replace(WANTED, delegated=True),
    ],
)
def test_what_may_stand_beside_it_has_another_key(other: Desired) -> None:
    assert key_of(other) != key_of(WANTED)


@given(st.text())
def test_a_key_may_stand_in_any_table_whatever_the_resource(resource: str) -> None:
    key = Tracked(desired=replace(WANTED, resource=resource)).key
    assert len(key) == 32
    assert int(key, 16) >= 0


def test_a_lone_surrogate_in_a_resource_has_a_key_too() -> None:
    assert key_of(replace(WANTED, resource="/chats/\ud800")) != key_of(WANTED)


def test_each_account_has_its_own_rows_and_its_own_listing() -> None:
    users = replace(ROW, desired=replace(WANTED, delegated=True))
    listing = Listing(tenant_id=TENANT, delegated=True, listed_at=NOW)
    rows = Rows(tracked=(ROW, users), listings=(listing,))
    assert rows.of(delegated=True) == (users,)
    assert rows.of(delegated=False) == (ROW,)
    assert rows.listing(TENANT, delegated=True) == listing
    assert rows.listing(TENANT, delegated=False) == Listing(tenant_id=TENANT, delegated=False)
