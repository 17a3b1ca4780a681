"""What is to be watched, what is tracked and what lives at Graph, compared: rule by rule."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import (
    Activity,
    Create,
    MissedCause,
    MissedInterval,
    TrackedSubscription,
    Update,
    UpdateKind,
)
from tests.fakes.subscription_values import (
    HOUR,
    LIFETIME,
    LISTED,
    MINUTE,
    NOW,
    OBSERVED,
    POLICY,
    RENEWED_AT,
    ROW,
    URL,
    WANTED,
    failure,
)
from tests.unit.subscriptions.planning import BASIC, EXPIRATION, EXPIRED, EXPIRED_OBSERVED, only, plan_of

SECOND = timedelta(seconds=1)


def test_what_is_settled_needs_no_action() -> None:
    assert plan_of() == ()
    assert plan_of(None, None, desired=()) == ()


def test_missing_subscription_is_created_for_the_whole_lifetime() -> None:
    assert plan_of(None, None) == (Create(tracked=TrackedSubscription(desired=WANTED), expiration=EXPIRATION),)


@pytest.mark.parametrize(
    ("resource", "lifetime", "expected"),
    [
        ("/chats/getAllMessages", timedelta(days=3), LIFETIME),
        ("/chats/getAllMessages", 2 * HOUR, 2 * HOUR),
        ("/communications/presences/8ea0e38b-efb3-4757-924a-5f94061cf8c2", timedelta(days=3), 55 * MINUTE),
        ("/not/in/the/catalogue", timedelta(days=3), timedelta(days=3)),
    ],
    ids=["Graph's maximum, less what clocks differ", "as set", "a resource that lives shortly", "an unknown one"],
)
def test_a_lifetime_is_what_is_set_and_never_over_graphs_maximum(
    resource: str, lifetime: timedelta, expected: timedelta
) -> None:
    desired = [replace(WANTED, resource=resource, include_resource_data=False)]
    action = only(plan_of(None, None, desired=desired, policy=replace(POLICY, lifetime=lifetime)))
    assert isinstance(action, Create)
    assert action.expiration == NOW + expected


# --- When to renew


@pytest.mark.parametrize(
    ("age", "is_due"),
    [
        (30 * MINUTE - timedelta(seconds=1), False),
        (30 * MINUTE, True),
        (-HOUR, False),
    ],
    ids=["not old enough", "old enough", "a clock that was turned back"],
)
def test_a_subscription_is_renewed_once_its_last_renewal_is_old_enough(age: timedelta, *, is_due: bool) -> None:
    row = replace(ROW, applied=replace(OBSERVED, renewed_at=NOW - age))
    renewal = Update(kind=UpdateKind.RENEW, tracked=row, subscription=LISTED, expiration=EXPIRATION)
    assert plan_of(row) == ((renewal,) if is_due else ())


@pytest.mark.parametrize(("left", "is_due"), [(30 * MINUTE + timedelta(seconds=1), False), (30 * MINUTE, True)])
def test_subscription_ending_early_is_renewed_before_its_end(left: timedelta, *, is_due: bool) -> None:
    assert bool(plan_of(replace(ROW, applied=replace(OBSERVED, expiration=NOW + left)))) == is_due


@pytest.mark.parametrize(("age", "is_due"), [(27 * MINUTE, False), (28 * MINUTE, True)])
def test_what_lives_shortly_is_renewed_halfway(age: timedelta, *, is_due: bool) -> None:
    desired = replace(BASIC, resource="/communications/presences/8ea0e38b-efb3-4757-924a-5f94061cf8c2")
    plain = replace(OBSERVED, include_resource_data=False, certificate_id=None)
    observed = replace(plain, renewed_at=NOW - age, expiration=NOW + 55 * MINUTE - age)
    row = replace(ROW, desired=desired, applied=observed)
    assert bool(plan_of(row, desired=[desired])) == is_due


@pytest.mark.parametrize(
    ("required_at", "renewed_at", "is_due"),
    [
        (NOW - MINUTE, NOW - 10 * MINUTE, True),
        (NOW - MINUTE, NOW - 10 * MINUTE + timedelta(seconds=1), False),
        (RENEWED_AT - MINUTE, RENEWED_AT, False),
    ],
    ids=["asked for", "within ten minutes of the last renewal", "before the last renewal, which was the answer"],
)
def test_reauthorization_renews_but_not_within_ten_minutes(
    required_at: datetime, renewed_at: datetime, *, is_due: bool
) -> None:
    activity = Activity(reauthorization_required_at=required_at)
    row = replace(ROW, activity=activity, applied=replace(OBSERVED, renewed_at=renewed_at))
    assert [action.verb for action in plan_of(row)] == ([UpdateKind.RENEW] if is_due else [])


def test_force_renews_what_is_not_due_and_heeds_no_pause() -> None:
    row = replace(ROW, failure=failure(retry_at=NOW + HOUR))
    assert only(plan_of(row, policy=replace(POLICY, force=True))).verb == UpdateKind.RENEW


# --- Pauses


@pytest.mark.parametrize("change", [{"is_wanted": False, "added_by": "cli"}, {"applied": None}, {}])
def test_a_row_in_its_pause_is_left_alone(change: dict[str, Any]) -> None:
    row = replace(EXPIRED, failure=failure(retry_at=NOW + timedelta(seconds=1)), **change)
    desired = [] if change.get("is_wanted") is False else [WANTED]
    assert plan_of(row, None, desired=desired) == ()
    assert len(plan_of(replace(row, failure=failure(retry_at=NOW)), None, desired=desired)) == 1


# --- Certificates


@pytest.mark.parametrize(
    ("certificate_id", "current", "rotates"),
    [("c0", "c1", True), (None, "c1", True), ("c0", None, False), ("c1", "c1", False)],
    ids=["another version", "not known", "the vault is out of reach", "the same"],
)
def test_current_certificate_is_rotated_in_at_the_next_run(
    certificate_id: str | None, current: str | None, *, rotates: bool
) -> None:
    row = replace(ROW, applied=replace(OBSERVED, certificate_id=certificate_id))
    action = Update(kind=UpdateKind.ROTATE, tracked=row, subscription=LISTED, expiration=EXPIRATION)
    assert plan_of(row, policy=replace(POLICY, certificate_id=current)) == ((action,) if rotates else ())


def test_without_resource_data_there_is_no_certificate_to_rotate() -> None:
    desired = replace(WANTED, include_resource_data=False)
    row = replace(ROW, desired=desired, applied=replace(OBSERVED, include_resource_data=False, certificate_id=None))
    assert plan_of(row, desired=[desired]) == ()


# --- What a PATCH cannot change


@pytest.mark.parametrize(
    ("changes", "desired"),
    [
        ({"applied": replace(OBSERVED, notification_url="https://old.example/?key=k1")}, WANTED),
        ({"applied": replace(OBSERVED, include_resource_data=False)}, WANTED),
        ({}, replace(WANTED, include_resource_data=False)),
        ({}, replace(WANTED, include_resource_data=False, fetch=True)),
        ({"client_state_key_id": "k2", "applied": replace(OBSERVED, notification_url=f"{URL}?key=k2")}, WANTED),
    ],
    ids=[
        "another URL",
        "resource data are wanted",
        "resource data are unwanted",
        "they are to be fetched",
        "another key",
    ],
)
def test_property_that_cannot_be_changed_needs_a_new_subscription(
    changes: dict[str, Any], desired: DesiredSubscription
) -> None:
    action = only(plan_of(replace(ROW, **changes), desired=[desired]))
    row = replace(ROW, desired=desired, **changes)
    assert action == Update(
        kind=UpdateKind.RECREATE,
        tracked=row,
        subscription=LISTED,
        expiration=EXPIRATION,
        missed_interval=MissedInterval(since=RENEWED_AT),
    )


# --- Loss, and the gap that it leaves


def test_expired_subscription_is_recreated_with_a_gap_since_its_renewal() -> None:
    action = only(plan_of(EXPIRED, None))
    gap = MissedInterval(since=EXPIRED_OBSERVED.proven_at)
    assert action == Create(tracked=EXPIRED, expiration=EXPIRATION, missed_interval=gap)


@pytest.mark.parametrize(("left", "has_gap"), [(5 * MINUTE, False), (5 * MINUTE - SECOND, True), (-HOUR, True)])
def test_renewal_when_its_token_has_nearly_expired_leaves_a_gap(left: timedelta, *, has_gap: bool) -> None:
    observed = replace(OBSERVED, proven_at=NOW - HOUR, token_expires_at=NOW + left)
    action = only(plan_of(replace(ROW, applied=observed)))
    assert isinstance(action, Update)
    assert action.kind is UpdateKind.RENEW
    lapsed = MissedInterval(since=NOW - HOUR, until=NOW + 20 * MINUTE, cause=MissedCause.LAPSED)
    assert action.missed_interval == (lapsed if has_gap else None)


@pytest.mark.parametrize(("left", "is_due"), [(10 * MINUTE, True), (10 * MINUTE + SECOND, False)])
def test_subscription_is_renewed_before_its_token_expires(left: timedelta, *, is_due: bool) -> None:
    assert bool(plan_of(replace(ROW, applied=replace(OBSERVED, token_expires_at=NOW + left)))) is is_due
