"""Whole runs: what is tracked is renewed by its id, whatever Graph's list shows."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import Misconfigured, NotFound, Unavailable
from shared.subscriptions.delivery import AFTER_OUTAGE
from shared.subscriptions.tracked import Activity, MissedCause, MissedInterval, TrackedSubscription, UpdateKind
from tests.fakes.apply_fixture import ApplyFixture
from tests.fakes.calls import raising, when
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, URL
from tests.sender import PREVIOUS_STATE_KEY, STATE_KEY, TENANT

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def _world(*entries: Mapping[str, object]) -> ReconcileFixture:
    world = ReconcileFixture(*(entries or (BASIC,)), tenants=[TENANT])
    world.run()
    world.calls.made.clear()
    return world


def _chats(count: int) -> list[Mapping[str, object]]:
    return [{"resource": f"/chats/19:{n:04}@thread.v2/messages", "changeType": "created"} for n in range(count)]


def _gap(row: TrackedSubscription) -> MissedInterval:
    assert row.missed_interval is not None
    return row.missed_interval


# --- Graph's list


def test_empty_list_for_hours_does_not_stop_renewals_by_id() -> None:
    """Row: Graph's list is empty for hours."""
    world = _world(RICH, BASIC)
    world.graph.unlisted = set(world.graph.stored)
    for _ in range(12):
        assert world.run(31 * MINUTE) == {"renewed": 2}
    assert set(world.graph.stored) == {"s0", "s1"}
    assert [row.missed_interval for row in world.table.tracked()] == [None, None]


@pytest.mark.parametrize("problem", [Unavailable("Graph's response has no list"), Unavailable("503")], ids=str)
def test_unavailable_list_does_not_stop_renewals(problem: Unavailable) -> None:
    """Row: r19_nonsense_lists. The list serves to find what no row names, and nothing else."""
    world = _world()
    world.graph.down = problem
    assert world.run(31 * MINUTE) == {"renewed": 1, "failed": 1}
    assert world.run(31 * MINUTE) == {"renewed": 1, "failed": 1}
    # Its own pause is over later.
    assert world.run(MINUTE) == {"postponed": 1}
    world.want(BASIC, RICH)
    assert "created" not in world.run(31 * MINUTE)
    world.want(RICH)
    assert world.run(MINUTE) == {"deleted": 1, "postponed": 1}
    world.graph.down = None
    assert world.run(HOUR) == {"created": 1}


def test_refused_account_is_left_alone_for_a_while() -> None:
    world = _world()
    world.graph.down = Misconfigured("Graph answered 401")
    assert world.run(31 * MINUTE) == {"failed": 1}
    assert world.run(MINUTE) == {"postponed": 1}
    world.graph.down = None
    assert world.run(5 * MINUTE) == {"renewed": 1}
    assert world.run(31 * MINUTE) == {"renewed": 1}


def test_many_conflicts_of_a_run_read_one_more_list() -> None:
    """Row: r34_a_list_for_each_conflict. Graph allows a page of its list in about a second."""
    world = _world(*_chats(30))
    world.table.rows.clear()
    world.graph.unlisted = set(world.graph.stored)
    world.calls.before = when("create", world.graph.unlisted.clear)
    assert world.run() == {"created": 30}
    assert world.calls.made.count("list") == 2
    world.assert_settled()


def test_list_failing_after_a_conflict_is_not_read_again() -> None:
    world = _world(*_chats(30))
    world.table.rows.clear()
    world.graph.unlisted = set(world.graph.stored)
    world.calls.before = when("create", lambda: setattr(world.graph, "down", Unavailable("503")))
    assert world.run() == {"failed": 30}
    assert world.calls.made.count("list") == 2


def test_overtaken_run_does_not_move_the_gap_past_a_loss() -> None:
    """Row: r14_listed_at_moves_on. Only accepted renewals say that a subscription lived."""
    world = _world()
    renewed = world.clock.now()
    world.clock.pass_by(10 * MINUTE)
    world.graph.stored.clear()
    world.clock.pass_by(30 * MINUTE)

    def touch(call: str) -> None:
        if call == "list":
            world.calls.after = lambda _call: None
            world.table.save(world.row("/teams"))

    world.calls.after = touch
    assert world.run() == {"left to another run": 1}
    assert world.run(5 * MINUTE) == {"renewed": 1}
    gap = world.row("/teams").missed_interval
    assert gap is not None
    assert gap.since == renewed


# --- Gone: a 404 to the id


def test_lost_subscription_with_another_id_is_adopted_next() -> None:
    """A 404 to the id, then a 409: the row must not name the dead id until it expires."""
    world = _world()
    world.graph.stored["other"] = world.graph.stored.pop("s0") | {"id": "other"}
    world.graph.unlisted = {"other"}
    assert world.run(31 * MINUTE) == {"failed": 1}
    assert world.row("/teams").living(world.clock.now()) is None
    world.graph.unlisted = set()
    assert world.run(5 * MINUTE) == {"adopted": 1}
    assert world.row("/teams").missed_interval == MissedInterval(since=NOW, until=world.clock.now() + AFTER_OUTAGE)
    world.assert_settled()


def test_expired_subscription_is_recreated_with_a_gap() -> None:
    world = _world()
    assert world.run(4 * DAY) == {"created": 1}
    assert world.row("/teams").missed_interval == MissedInterval(since=NOW, until=world.clock.now() + AFTER_OUTAGE)


# --- Replayed lifecycle notifications


def _record(world: ReconcileFixture, **activity: object) -> None:
    world.table.activities[TENANT, "s0"] = replace(world.table.activities.get((TENANT, "s0"), Activity()), **activity)  # type: ignore[arg-type]  # any column


@pytest.mark.slow
def test_replayed_removal_costs_one_get_a_run_until_renewal() -> None:
    """Row: Replayed lifecycle notifications, one subscriptionRemoved in every run for a day (r24)."""
    world = _world()
    first = world.graph.stored["s0"]["expirationDateTime"]
    expiration = world.row("/teams").applied
    assert expiration is not None
    renewals, checks, counts = 0, 0, dict[str, int]()
    for _ in range(24 * 12):
        _record(world, removed_at=world.clock.now() + MINUTE, removed_expiration=expiration.expiration)
        before = len(world.calls.made)
        counts = dict(world.run(5 * MINUTE))
        assert world.calls.made[before:].count("get") <= 1
        renewals, checks = renewals + counts.get("renewed", 0), checks + counts.get("checked", 0)
    assert (renewals, checks) == (48, 5)
    assert counts["lifecycle_copies"] == 1
    assert list(world.graph.stored) == ["s0"]
    assert world.graph.stored["s0"]["expirationDateTime"] > first
    assert world.row("/teams").missed_interval is None


@pytest.mark.slow
def test_missed_replayed_every_ten_minutes_is_one_gap() -> None:
    """Row: Replayed lifecycle notifications, missed every ten minutes."""
    world = _world()
    applied = world.row("/teams").applied
    assert applied is not None
    at = world.clock.now() + MINUTE
    gap = MissedInterval(since=NOW - 4 * HOUR, until=at, cause=MissedCause.MISSED)
    for number in range(6 * 24):
        _record(world, missed_at=at + number * 10 * MINUTE, missed_expiration=applied.expiration)
        world.run(10 * MINUTE)
    assert world.row("/teams").missed_interval == gap


def test_missed_twice_between_two_runs_is_one_gap_that_covers_both() -> None:
    """Row: missed twice between two runs. The row has the second only, and names the expiration of both."""
    world = _world()
    applied = world.row("/teams").applied
    assert applied is not None
    first, second = NOW + 5 * MINUTE, NOW + 3 * HOUR
    for missed_at in (first, second):
        _record(world, missed_at=missed_at, missed_expiration=applied.expiration)
    world.run(3 * HOUR)
    gap = world.row("/teams").missed_interval
    assert gap is not None
    assert gap.since <= first - 4 * HOUR
    assert gap.until is not None
    assert gap.until >= second


# --- subscriptionRemoved is answered by a GET


def _checked(problem: NotFound | Unavailable | Misconfigured | None) -> ApplyFixture:
    account = ApplyFixture()
    account.created()
    check = account.update(UpdateKind.CHECK)
    row = account.row
    if isinstance(problem, NotFound):
        account.graph.stored.clear()
    else:
        account.graph.down = problem
    account.clock.pass_by(HOUR)
    assert account.apply(check) is (None if isinstance(problem, NotFound) else problem)
    if not isinstance(problem, NotFound):
        assert account.row == row
        assert account.calls.made == ["get"]
    return account


def test_check_of_an_existing_subscription_changes_nothing() -> None:
    assert _checked(None).paced == 2


@pytest.mark.parametrize("problem", [Unavailable("503"), Misconfigured("not a subscription")], ids=str)
def test_failed_check_postpones_nothing(problem: Unavailable | Misconfigured) -> None:
    assert _checked(problem).row.failure is None


def test_check_answered_404_recreates_with_a_gap_since_renewal() -> None:
    account = _checked(NotFound("404"))
    assert account.observed.subscription_id == "s1"
    assert account.row.missed_interval == MissedInterval(since=NOW, until=NOW + HOUR + AFTER_OUTAGE)
    assert account.calls.made == ["get", "save", "save", "create", "save", "forget"]


# --- The key that signed


def test_table_lost_after_a_key_change_adopts_nothing() -> None:
    """Row: A fresh CLIENT_STATE_KEY while old subscriptions live; the table lost during a rotation."""
    world = ReconcileFixture(RICH, BASIC, tenants=[TENANT])
    world.key = PREVIOUS_STATE_KEY
    world.run()
    world.key = STATE_KEY
    world.table.rows.clear()
    assert world.run(10 * MINUTE) == {"recreated": 2}
    # The maximum lifetime (three days), less five minutes, was asked for ten minutes ago. An hour is the least.
    assert all(timedelta(0) <= _gap(row).since - (NOW - 50 * MINUTE) < SECOND for row in world.table.tracked())
    assert all(_gap(row).until is not None for row in world.table.tracked())
    assert world.run() == {}
    world.assert_settled()


def test_table_lost_during_a_rotation_adopts_what_known_keys_signed() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.key = PREVIOUS_STATE_KEY
    world.run()
    world.key, world.other_keys = STATE_KEY, [PREVIOUS_STATE_KEY]
    world.table.rows.clear()
    assert world.run(10 * MINUTE) == {"adopted": 1}
    row = world.row("/teams")
    assert row.applied is not None
    assert row.client_state_key_id == PREVIOUS_STATE_KEY.key_id
    # Nobody knows what it missed: an hour is the least.
    assert _gap(row).since <= NOW - 50 * MINUTE + SECOND
    assert row.applied.notification_url == f"{URL}?key={PREVIOUS_STATE_KEY.key_id}"
    # Then it is replaced by one that the other key signs.
    assert world.run() == {"recreated": 1}
    assert world.graph.sent[-1]["notificationUrl"] == f"{URL}?key={STATE_KEY.key_id}"
    assert world.run() == {}


def test_adopted_subscription_is_recorded_with_its_own_url() -> None:
    account = ApplyFixture()
    account.created()
    adoption = account.update(UpdateKind.ADOPT)
    former = replace(account.observed, subscription_id="former", notification_url="https://old.example/")
    assert account.apply(replace(adoption, tracked=replace(account.row, applied=former))) is None
    assert account.observed.notification_url == f"{URL}?key={STATE_KEY.key_id}"


@pytest.mark.parametrize(
    ("lifetime_left", "since"), [(timedelta(hours=30), 42 * HOUR), (3 * DAY, HOUR), (-DAY * 9000, 3 * DAY)]
)
def test_gap_of_an_untracked_subscription_begins_at_its_renewal(lifetime_left: timedelta, since: timedelta) -> None:
    """Graph's expirationDateTime, less the resource's maximum lifetime of three days; an hour at least."""
    world = ReconcileFixture(BASIC | {"resource": "/chats"}, tenants=[TENANT])
    expiration = (NOW + lifetime_left).isoformat()
    foreign = {"id": "x", "notificationUrl": URL, "resource": "/chats", "changeType": "created"}
    listed = foreign | {"expirationDateTime": expiration, "lifecycleNotificationUrl": URL}
    world.graph._end_what_has_expired = lambda: None  # type: ignore[method-assign]  # a list that is out of date
    world.graph.stored["x"] = listed
    assert world.run() == {"recreated": 1}
    assert _gap(world.row("/chats")).since == NOW - since


# --- Activity of former subscriptions


def test_activity_of_former_subscriptions_is_deleted(caplog: pytest.LogCaptureFixture) -> None:
    """Row: rows of former subscriptions (r32). A late notification brings the row of a former one back."""
    world = _world()
    _record(world, notification_at=NOW)
    for number in range(1500):
        world.table.activities[TENANT, f"made-up-{number}"] = Activity(removed_at=NOW)
    world.table.activities["another", "tenant's"] = Activity(removed_at=NOW)
    with caplog.at_level(logging.WARNING):
        world.run(HOUR)
        assert len(world.table.activities) == 1502
        world.run(HOUR + MINUTE)
        assert len(world.table.activities) == 502
        world.run(MINUTE)
    assert set(world.table.activities) == {(TENANT, "s0"), ("another", "tenant's")}
    assert caplog.messages == []


def test_activity_that_cannot_be_deleted_does_not_stop_a_run() -> None:
    world = _world()
    world.table.activities[TENANT, "former"] = Activity(removed_at=NOW)
    world.calls.before = when("forget", raising(Unavailable("the table does not answer")))
    assert world.run(3 * HOUR) == {"renewed": 1}
    assert isinstance(world.row("/teams"), TrackedSubscription)
