"""Adoption, deletion and the order of a plan: rule by rule."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from shared.subscriptions.plan import plan
from shared.subscriptions.tracked import (
    Create,
    Delete,
    MissedInterval,
    TrackedSubscription,
    Update,
    UpdateKind,
)
from tests.fakes.subscription_values import (
    HOUR,
    KEYED_URL,
    LISTED,
    NOW,
    OBSERVED,
    POLICY,
    RENEWED_AT,
    ROW,
    URL,
    WANTED,
)
from tests.unit.subscriptions.planning import BASIC, EXPIRATION, EXPIRED, EXPIRED_OBSERVED, only, plan_of

# --- Adoption


@pytest.mark.parametrize(
    ("row", "since"),
    [
        (None, NOW - HOUR),
        (TrackedSubscription(desired=WANTED, client_state_key_id="k1", etag="e1"), None),
        (EXPIRED, EXPIRED_OBSERVED.proven_at),
    ],
    ids=["its row is lost", "a run was killed after its creation", "its predecessor has expired"],
)
def test_own_subscription_unknown_to_its_row_is_adopted(
    row: TrackedSubscription | None, since: datetime | None
) -> None:
    stray = replace(LISTED, subscription_id="stray", resource="Chats/getAllMessages/")
    action = only(plan_of(row, stray))
    assert isinstance(action, Update)
    assert (action.kind, action.subscription, action.expiration) == (UpdateKind.ADOPT, stray, EXPIRATION)
    assert action.missed_interval == (MissedInterval(since=since) if since else None)


@pytest.mark.parametrize(
    "listed",
    [
        {"notification_url": f"{KEYED_URL}&fetch=v1.0"},
        {"lifecycle_notification_url": None},
        {"include_resource_data": False},
        {"notification_url": f"{URL}?key=k0"},
    ],
    ids=["another query", "no lifecycle URL", "no resource data", "signed with another key"],
)
def test_mismatched_subscription_is_recreated_and_not_adopted(listed: dict[str, Any]) -> None:
    row = TrackedSubscription(desired=WANTED)
    action = only(plan_of(row, replace(LISTED, subscription_id="stray", **listed)))
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
    assert plan_of(None, foreign) == plan_of(None, None)
    assert plan_of(None, foreign, desired=()) == ()
    assert plan([WANTED], [ROW], [LISTED, foreign], policy=POLICY, now=NOW) == ()


def test_a_second_subscription_beside_one_that_lives_is_not_adopted() -> None:
    second = replace(LISTED, subscription_id="second")
    assert plan([WANTED], [ROW], [LISTED, second], policy=POLICY, now=NOW) == ()


# --- What is wanted


def test_what_the_file_no_longer_names_is_deleted() -> None:
    deleted = Delete(tracked=replace(ROW, is_wanted=False), subscription=LISTED)
    assert plan_of(desired=()) == (deleted,)
    unwanted = replace(EXPIRED, is_wanted=False)
    assert plan_of(EXPIRED, listed=None, desired=()) == (Delete(tracked=unwanted, subscription=None),)


def test_what_an_operator_has_added_stays_until_an_operator_takes_it_away() -> None:
    row = replace(ROW, added_by="cli")
    assert plan_of(row, desired=()) == ()
    assert isinstance(only(plan_of(replace(row, is_wanted=False), desired=())), Delete)


def test_subscription_named_in_the_file_belongs_to_the_file() -> None:
    action = only(plan_of(replace(EXPIRED, added_by="cli", is_wanted=False), None))
    assert isinstance(action, Create)
    assert (action.tracked.added_by, action.tracked.is_wanted) == ("file", True)


def test_unfinished_creation_is_deleted_with_its_subscription() -> None:
    claim = TrackedSubscription(desired=WANTED, client_state_key_id="k1", etag="e1")
    made = replace(LISTED, subscription_id="made")
    action = Delete(tracked=replace(claim, is_wanted=False), subscription=made)
    assert plan_of(claim, made, desired=()) == (action,)


# --- The order


@pytest.mark.parametrize(
    ("change_types", "since"),
    [({"created"}, RENEWED_AT), ({"created", "updated", "deleted"}, RENEWED_AT), ({"deleted"}, None)],
)
def test_successor_on_a_path_comes_last_and_continues_common_change_types(
    change_types: set[str], since: datetime | None
) -> None:
    other = replace(WANTED, change_types=frozenset(change_types))
    deletion, creation = plan_of(desired=[other])
    assert isinstance(deletion, Delete)
    gap = MissedInterval(since=since) if since else None
    assert creation == Create(tracked=TrackedSubscription(desired=other), expiration=EXPIRATION, missed_interval=gap)


def test_deletion_on_another_path_comes_last_and_leaves_no_gap() -> None:
    creation, deletion = plan_of(desired=[BASIC])
    assert isinstance(deletion, Delete)
    assert creation == Create(tracked=TrackedSubscription(desired=BASIC), expiration=EXPIRATION)


def test_what_was_lost_before_a_deletion_makes_room_for_it_is_in_the_gap() -> None:
    other = replace(WANTED, change_types=frozenset({"deleted"}))
    lost = replace(ROW, desired=other, applied=replace(EXPIRED_OBSERVED, subscription_id="lost"))
    deletion, creation = plan([other], [ROW, lost], [LISTED], policy=POLICY, now=NOW)
    assert isinstance(deletion, Delete)
    gap = MissedInterval(since=EXPIRED_OBSERVED.proven_at)
    assert creation == Create(tracked=lost, expiration=EXPIRATION, missed_interval=gap)


def test_a_row_that_has_nothing_at_graph_makes_no_room_and_no_gap() -> None:
    other = replace(WANTED, change_types=frozenset({"deleted"}))
    deletion, creation = plan_of(EXPIRED, listed=None, desired=[other])
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
