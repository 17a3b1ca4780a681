"""What is to be watched, what is tracked and what lives at Graph, compared: rule by rule."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.graph.subscription import GraphSubscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.tracked import (
    Action,
    Activity,
    Create,
    Delete,
    MissedInterval,
    TrackedSubscription,
    Update,
    UpdateKind,
)
from tests.fakes.subscription_values import (
    HOUR,
    LIFETIME,
    LISTED,
    LISTED_AT,
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

EXPIRATION = NOW + LIFETIME
BASIC = replace(WANTED, resource="/teams", change_types=frozenset({"created"}), include_resource_data=False)


def _plan(
    row: TrackedSubscription | None = ROW,
    listed: GraphSubscription | None = LISTED,
    *,
    desired: Sequence[DesiredSubscription] = (WANTED,),
    policy: RenewalPolicy = POLICY,
    now: datetime = NOW,
) -> Sequence[Action]:
    return plan(desired, [row] if row else [], [listed] if listed else [], policy=policy, now=now)


def _only(actions: Sequence[Action]) -> Action:
    assert len(actions) == 1
    return actions[0]


def test_what_is_settled_needs_no_action() -> None:
    assert _plan() == ()
    assert _plan(None, None, desired=()) == ()


def test_missing_subscription_is_created_for_the_whole_lifetime() -> None:
    assert _plan(None, None) == (Create(tracked=TrackedSubscription(desired=WANTED), expiration=EXPIRATION),)


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
    action = _only(_plan(None, None, desired=desired, policy=replace(POLICY, lifetime=lifetime)))
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
    assert _plan(row) == ((renewal,) if is_due else ())


@pytest.mark.parametrize(("left", "is_due"), [(30 * MINUTE + timedelta(seconds=1), False), (30 * MINUTE, True)])
def test_subscription_ending_early_is_renewed_before_its_end(left: timedelta, *, is_due: bool) -> None:
    assert bool(_plan(listed=replace(LISTED, expiration=NOW + left))) == is_due


@pytest.mark.parametrize(("age", "is_due"), [(27 * MINUTE, False), (28 * MINUTE, True)])
def test_what_lives_shortly_is_renewed_halfway(age: timedelta, *, is_due: bool) -> None:
    desired = replace(BASIC, resource="/communications/presences/8ea0e38b-efb3-4757-924a-5f94061cf8c2")
    observed = replace(OBSERVED, include_resource_data=False, certificate_id=None, renewed_at=NOW - age)
    row = replace(ROW, desired=desired, applied=observed)
    listed = replace(LISTED, expiration=NOW + 55 * MINUTE - age)
    assert bool(_plan(row, listed, desired=[desired])) == is_due


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
    assert [action.verb for action in _plan(row)] == ([UpdateKind.RENEW] if is_due else [])


def test_force_renews_what_is_not_due_and_heeds_no_pause() -> None:
    row = replace(ROW, failure=failure(retry_at=NOW + HOUR))
    assert _only(_plan(row, policy=replace(POLICY, force=True))).verb == UpdateKind.RENEW


# --- Pauses


@pytest.mark.parametrize("change", [{"is_wanted": False, "added_by": "cli"}, {"applied": None}, {}])
def test_a_row_in_its_pause_is_left_alone(change: dict[str, Any]) -> None:
    row = replace(ROW, failure=failure(retry_at=NOW + timedelta(seconds=1)), **change)
    desired = [] if change.get("is_wanted") is False else [WANTED]
    assert _plan(row, None, desired=desired) == ()
    assert len(_plan(replace(row, failure=failure(retry_at=NOW)), None, desired=desired)) == 1


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
    assert _plan(row, policy=replace(POLICY, certificate_id=current)) == ((action,) if rotates else ())


def test_without_resource_data_there_is_no_certificate_to_rotate() -> None:
    desired = replace(WANTED, include_resource_data=False)
    row = replace(ROW, desired=desired, applied=replace(OBSERVED, include_resource_data=False, certificate_id=None))
    assert _plan(row, desired=[desired]) == ()


# --- What a PATCH cannot change


@pytest.mark.parametrize(
    ("changes", "desired"),
    [
        ({"applied": replace(OBSERVED, notification_url="https://old.example/")}, WANTED),
        ({"applied": replace(OBSERVED, include_resource_data=False)}, WANTED),
        ({}, replace(WANTED, include_resource_data=False)),
        ({}, replace(WANTED, include_resource_data=False, fetch=True)),
        ({"client_state_key_id": "k0"}, WANTED),
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
    action = _only(_plan(replace(ROW, **changes), desired=[desired]))
    row = replace(ROW, desired=desired, **changes)
    assert action == Update(
        kind=UpdateKind.RECREATE,
        tracked=row,
        subscription=LISTED,
        expiration=EXPIRATION,
        missed_interval=MissedInterval(since=NOW),
    )


def test_a_client_state_of_an_unknown_key_is_not_taken_for_an_old_one() -> None:
    assert _plan(replace(ROW, client_state_key_id=None)) == ()


# --- Loss, and the gap that it leaves


@pytest.mark.parametrize(
    ("row", "listed_at", "since"),
    [
        (ROW, LISTED_AT, LISTED_AT),
        (ROW, None, RENEWED_AT),
        (ROW, RENEWED_AT - MINUTE, RENEWED_AT),
        (replace(ROW, applied=replace(OBSERVED, expiration=NOW - HOUR)), LISTED_AT, NOW - HOUR),
        (replace(ROW, failure=failure(retry_at=NOW)), LISTED_AT, RENEWED_AT),
    ],
    ids=[
        "seen alive in the last list",
        "never listed",
        "renewed since the last list",
        "it had ended by itself",
        "not looked for in its back-off",
    ],
)
def test_lost_subscription_is_recreated_with_a_gap(
    row: TrackedSubscription, listed_at: datetime | None, since: datetime
) -> None:
    action = _only(_plan(row, None, policy=replace(POLICY, listed_at=listed_at)))
    assert action == Create(tracked=row, expiration=EXPIRATION, missed_interval=MissedInterval(since=since))


def test_removed_subscription_is_recreated_even_while_listed() -> None:
    row = replace(ROW, activity=Activity(removed_at=RENEWED_AT + MINUTE))
    action = _only(_plan(row))
    gap = MissedInterval(since=RENEWED_AT)
    assert action == Update(
        kind=UpdateKind.RECREATE, tracked=row, subscription=LISTED, expiration=EXPIRATION, missed_interval=gap
    )
    assert _plan(replace(ROW, activity=Activity(removed_at=RENEWED_AT))) == ()


@pytest.mark.parametrize(
    ("missed_at", "gap"),
    [
        (RENEWED_AT + MINUTE, MissedInterval(since=RENEWED_AT + MINUTE - 4 * HOUR, until=RENEWED_AT + MINUTE)),
        (RENEWED_AT, None),
    ],
)
def test_missed_event_leaves_a_gap_and_is_answered_once(missed_at: datetime, gap: MissedInterval | None) -> None:
    row = replace(ROW, activity=Activity(missed_at=missed_at))
    action = Update(kind=UpdateKind.RENEW, tracked=row, subscription=LISTED, expiration=EXPIRATION, missed_interval=gap)
    assert _plan(row) == ((action,) if gap else ())


@pytest.mark.parametrize(
    ("age", "renew_after", "has_gap"),
    [
        (4 * HOUR, 30 * MINUTE, False),
        (4 * HOUR + MINUTE, 30 * MINUTE, True),
        (23 * HOUR, 12 * HOUR, False),
        (25 * HOUR, 12 * HOUR, True),
    ],
)
def test_late_renewal_leaves_a_gap(age: timedelta, renew_after: timedelta, *, has_gap: bool) -> None:
    row = replace(ROW, applied=replace(OBSERVED, renewed_at=NOW - age))
    action = _only(_plan(row, policy=replace(POLICY, renew_after=renew_after)))
    assert isinstance(action, Update)
    assert action.kind is UpdateKind.RENEW
    assert action.missed_interval == (MissedInterval(since=NOW - age, until=NOW) if has_gap else None)


# --- Adoption


@pytest.mark.parametrize("row", [None, TrackedSubscription(desired=WANTED, client_state_key_id="k1"), ROW])
def test_own_subscription_unknown_to_its_row_is_adopted(
    row: TrackedSubscription | None,
) -> None:
    stray = replace(LISTED, subscription_id="stray", resource="Chats/getAllMessages/")
    action = _only(_plan(row, stray))
    assert isinstance(action, Update)
    assert (action.kind, action.subscription, action.expiration) == (UpdateKind.ADOPT, stray, EXPIRATION)
    assert action.missed_interval == (MissedInterval(since=LISTED_AT) if row and row.applied else None)


@pytest.mark.parametrize(
    ("listed", "row"),
    [
        ({"notification_url": f"{URL}?fetch=v1.0"}, TrackedSubscription(desired=WANTED)),
        ({"lifecycle_notification_url": None}, TrackedSubscription(desired=WANTED)),
        ({"include_resource_data": False}, TrackedSubscription(desired=WANTED)),
        ({}, TrackedSubscription(desired=WANTED, client_state_key_id="k0")),
    ],
    ids=["another query", "no lifecycle URL", "no resource data", "signed with another key"],
)
def test_mismatched_subscription_is_recreated_and_not_adopted(listed: dict[str, Any], row: TrackedSubscription) -> None:
    action = _only(_plan(row, replace(LISTED, subscription_id="stray", **listed)))
    assert action.verb == UpdateKind.RECREATE


@pytest.mark.parametrize(
    "changes",
    [
        {"notification_url": "https://another.example/api/ReceiveNotification"},
        {"resource": "teams/getAllMessages"},
        {"change_types": frozenset({"created"})},
    ],
    ids=["another deployment's", "another resource", "other changes"],
)
def test_what_others_own_is_left_alone_and_does_not_count_as_ours(changes: dict[str, Any]) -> None:
    foreign = replace(LISTED, subscription_id="foreign", expiration=NOW, **changes)
    assert _plan(None, foreign) == _plan(None, None)
    assert _plan(None, foreign, desired=()) == ()
    assert plan([WANTED], [ROW], [LISTED, foreign], policy=POLICY, now=NOW) == ()


def test_a_second_subscription_beside_one_that_lives_is_not_adopted() -> None:
    second = replace(LISTED, subscription_id="second")
    assert plan([WANTED], [ROW], [LISTED, second], policy=POLICY, now=NOW) == ()


# --- What is wanted


def test_what_the_file_no_longer_names_is_deleted() -> None:
    deleted = Delete(tracked=replace(ROW, is_wanted=False), subscription=LISTED)
    assert _plan(desired=()) == (deleted,)
    assert _plan(listed=None, desired=()) == (replace(deleted, subscription=None),)


def test_what_an_operator_has_added_stays_until_an_operator_takes_it_away() -> None:
    row = replace(ROW, added_by="cli")
    assert _plan(row, desired=()) == ()
    assert isinstance(_only(_plan(replace(row, is_wanted=False), desired=())), Delete)


def test_subscription_named_in_the_file_belongs_to_the_file() -> None:
    action = _only(_plan(replace(ROW, added_by="cli", is_wanted=False), None))
    assert isinstance(action, Create)
    assert (action.tracked.added_by, action.tracked.is_wanted) == ("file", True)


def test_unfinished_creation_is_deleted_with_its_subscription() -> None:
    claim = TrackedSubscription(desired=WANTED, client_state_key_id="k1", etag="e1")
    made = replace(LISTED, subscription_id="made")
    action = Delete(tracked=replace(claim, is_wanted=False), subscription=made)
    assert _plan(claim, made, desired=()) == (action,)


# --- The order


def test_deletion_on_the_same_path_precedes_creation_and_leaves_a_gap() -> None:
    other = replace(WANTED, change_types=frozenset({"deleted"}))
    deletion, creation = _plan(desired=[other])
    assert isinstance(deletion, Delete)
    assert creation == Create(
        tracked=TrackedSubscription(desired=other), expiration=EXPIRATION, missed_interval=MissedInterval(since=NOW)
    )


def test_deletion_on_another_path_comes_last_and_leaves_no_gap() -> None:
    creation, deletion = _plan(desired=[BASIC])
    assert isinstance(deletion, Delete)
    assert creation == Create(tracked=TrackedSubscription(desired=BASIC), expiration=EXPIRATION)


def test_what_was_lost_before_a_deletion_makes_room_for_it_is_in_the_gap() -> None:
    other = replace(WANTED, change_types=frozenset({"deleted"}))
    lost = replace(ROW, desired=other, applied=replace(OBSERVED, subscription_id="lost"))
    deletion, creation = plan([other], [ROW, lost], [LISTED], policy=POLICY, now=NOW)
    assert isinstance(deletion, Delete)
    assert creation == Create(tracked=lost, expiration=EXPIRATION, missed_interval=MissedInterval(since=LISTED_AT))


def test_a_row_that_has_nothing_at_graph_makes_no_room_and_no_gap() -> None:
    other = replace(WANTED, change_types=frozenset({"deleted"}))
    deletion, creation = _plan(listed=None, desired=[other])
    assert isinstance(deletion, Delete)
    assert creation == Create(tracked=TrackedSubscription(desired=other), expiration=EXPIRATION)


def test_what_delivers_nothing_comes_first_and_then_what_ends_soonest() -> None:
    resources = ["/teams", "/chats", "/chats/getAllMembers"]
    old = replace(OBSERVED, renewed_at=NOW - HOUR, include_resource_data=False, certificate_id=None)
    rows = [
        replace(ROW, desired=replace(BASIC, resource=path), applied=replace(old, subscription_id=path))
        for path in resources
    ]
    listed = [
        replace(LISTED, subscription_id=path, expiration=NOW + hours * HOUR)
        for path, hours in zip(resources, (30, 10, 20), strict=True)
    ]
    desired = [row.desired for row in rows]
    actions = plan([*desired, WANTED], rows, listed, policy=POLICY, now=NOW)
    assert [action.tracked.desired.resource for action in actions] == [
        "/chats/getAllMessages", "/chats", "/chats/getAllMembers", "/teams"
    ]  # fmt: skip
