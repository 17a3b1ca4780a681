"""Lifecycle notifications: what each calls for, and what a copy of one cannot cause.

Whoever has seen one POST can post it again for a day. Delivery rules: sections 1 and 4.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.subscriptions.lifecycle import has_copy
from shared.subscriptions.plan import plan
from shared.subscriptions.tracked import (
    Action,
    Activity,
    Create,
    MissedCause,
    MissedInterval,
    MissedNotification,
    TrackedSubscription,
    Update,
    UpdateKind,
)
from tests.fakes.subscription_values import HOUR, LISTED, MINUTE, NOW, OBSERVED, POLICY, RENEWED_AT, ROW, URL, WANTED

CURRENT = OBSERVED.expiration
BEFORE = CURRENT - 30 * MINUTE
SINCE = RENEWED_AT + MINUTE


def _plan(row: TrackedSubscription, *, now: datetime = NOW) -> Sequence[Action]:
    return plan([row.desired], [row], [LISTED], policy=POLICY, now=now)


def _verbs(activity: Activity, *, now: datetime = NOW) -> list[str]:
    return [action.verb for action in _plan(replace(ROW, activity=activity), now=now)]


# --- subscriptionRemoved


@pytest.mark.parametrize(
    ("removed_at", "expiration", "verbs"),
    [
        (SINCE, CURRENT, ["check"]),
        (SINCE, CURRENT - timedelta(milliseconds=500), ["check"]),
        (SINCE, None, ["check"]),
        (SINCE, BEFORE, []),
        (RENEWED_AT, CURRENT, []),
    ],
    ids=[
        "it names the expiration of the last renewal",
        "without the fraction of a second",
        "it names none",
        "a copy from before the last renewal",
        "it came before the last renewal, which settles it",
    ],
)
def test_reported_removal_is_checked_unless_it_is_a_copy(
    removed_at: datetime, expiration: datetime | None, verbs: list[str]
) -> None:
    assert _verbs(Activity(removed_at=removed_at, removed_expiration=expiration)) == verbs


def test_reported_removal_is_not_checked_if_a_renewal_is_due() -> None:
    activity = Activity(removed_at=NOW, removed_expiration=CURRENT)
    assert _verbs(activity, now=RENEWED_AT + 30 * MINUTE) == ["renew"]


def test_recreation_has_a_gap_since_renewal_reported_or_not() -> None:
    moved = replace(OBSERVED, notification_url="https://old.example/?key=k1")
    for removed_at in (SINCE, None):
        row = replace(ROW, applied=moved, activity=Activity(removed_at=removed_at))
        (action,) = _plan(row)
        assert isinstance(action, Update)
        assert (action.kind, action.missed_interval) == (UpdateKind.RECREATE, MissedInterval(since=RENEWED_AT))


# --- reauthorizationRequired


@pytest.mark.parametrize(("expiration", "verbs"), [(CURRENT, ["renew"]), (None, ["renew"]), (BEFORE, [])])
def test_reauthorization_request_renews_unless_it_is_a_copy(expiration: datetime | None, verbs: list[str]) -> None:
    activity = Activity(reauthorization_required_at=SINCE, reauthorization_required_expiration=expiration)
    assert _verbs(activity) == verbs
    assert _verbs(activity, now=RENEWED_AT + 9 * MINUTE) == []


# --- missed


def _missed(
    row: TrackedSubscription = ROW, *, at: datetime, expiration: datetime | None = CURRENT
) -> TrackedSubscription:
    return replace(row, activity=Activity(missed_at=at, missed_expiration=expiration))


@pytest.mark.parametrize("at", [SINCE, RENEWED_AT, RENEWED_AT - 3 * HOUR], ids=["after", "during", "parked across"])
def test_missed_is_recorded_during_a_renewal_or_parked_across_one(at: datetime) -> None:
    """Row: missed during a renewal, or parked across one. r10: a renewal after it swallowed it."""
    (action,) = _plan(_missed(at=at, expiration=BEFORE))
    assert isinstance(action, Update)
    assert action.kind is UpdateKind.RENEW
    assert action.missed_interval == MissedInterval(since=at - 4 * HOUR, until=at, cause=MissedCause.MISSED)
    assert action.tracked.recorded_missed == MissedNotification(at=at, expiration=BEFORE)


RECORDED = replace(ROW, recorded_missed=MissedNotification(at=NOW - 3 * HOUR, expiration=BEFORE))


@pytest.mark.parametrize(
    ("row", "is_recorded"),
    [
        (_missed(RECORDED, at=NOW, expiration=BEFORE), False),
        (_missed(RECORDED, at=NOW, expiration=CURRENT), True),
        (_missed(replace(RECORDED, recorded_missed=MissedNotification(at=NOW - 59 * MINUTE)), at=NOW), False),
        (_missed(replace(RECORDED, recorded_missed=MissedNotification(at=NOW - HOUR)), at=NOW), True),
        (_missed(RECORDED, at=NOW, expiration=None), True),
        (_missed(RECORDED, at=NOW - 3 * HOUR, expiration=None), False),
    ],
    ids=[
        "a copy",
        "another one",
        "another one within the hour",
        "another one an hour later",
        "another one that names no expiration",
        "the same one that names no expiration",
    ],
)
def test_missed_leaves_one_gap_an_hour_and_a_copy_leaves_none(row: TrackedSubscription, *, is_recorded: bool) -> None:
    assert len(_plan(row)) == is_recorded


def test_missed_is_not_lost_when_the_subscription_is_replaced() -> None:
    at = RENEWED_AT - 3 * HOUR
    since = at - 4 * HOUR
    expired = replace(OBSERVED, expiration=NOW)
    moved = replace(OBSERVED, notification_url=f"{URL}?key=k2")
    for applied, kind in ((expired, Create), (moved, Update)):
        (action,) = plan([WANTED], [_missed(replace(ROW, applied=applied), at=at)], [], policy=POLICY, now=NOW)
        assert isinstance(action, kind)
        assert isinstance(action, Create | Update)
        assert action.missed_interval == MissedInterval(since=since)


# --- Copies are counted


@pytest.mark.parametrize(
    ("row", "is_copy"),
    [
        (replace(ROW, activity=Activity(removed_at=SINCE, removed_expiration=BEFORE)), True),
        (replace(ROW, activity=Activity(removed_at=SINCE, removed_expiration=CURRENT)), False),
        (replace(ROW, activity=Activity(removed_at=RENEWED_AT, removed_expiration=BEFORE)), False),
        (
            replace(
                ROW,
                activity=Activity(reauthorization_required_at=SINCE, reauthorization_required_expiration=BEFORE),
            ),
            True,
        ),
        (_missed(RECORDED, at=NOW, expiration=BEFORE), True),
        (_missed(RECORDED, at=NOW - 3 * HOUR, expiration=BEFORE), False),
        (_missed(RECORDED, at=NOW, expiration=CURRENT), False),
        (ROW, False),
    ],
    ids=["removed", "removed now", "removed before", "reauthorize", "missed", "missed once", "missed again", "nothing"],
)
def test_copies_are_distinguished_from_new_notifications(row: TrackedSubscription, *, is_copy: bool) -> None:
    assert has_copy(row) == is_copy
