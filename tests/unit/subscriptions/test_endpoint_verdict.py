"""What a run does to subscriptions when the app's own URL answers the app, does not, or nobody can tell.

Row: a wrong NOTIFICATION_URL, or one that the app itself cannot reach, costs no subscription that lives.
"""

import pytest

from shared.errors import Misconfigured
from shared.notifications.probe import Verdict
from shared.subscriptions.tracked import AppliedSubscription
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture
from tests.fakes.subscription_values import MINUTE, URL
from tests.sender import TENANT

MESSAGES, TEAMS, CHATS = "/chats/getAllMessages", "/teams", "/chats"
THREE = (RICH, BASIC, {"resource": CHATS, "changeType": "created"})
MOVED = "https://moved.example/api/ReceiveNotification"
UNREACHABLE = Misconfigured("Graph answered 400: Subscription validation request failed")


def _world(verdict: Verdict) -> ReconcileFixture:
    """Return a world whose three subscriptions live, after which the endpoint's verdict is ``verdict``."""
    world = ReconcileFixture(*THREE, tenants=[TENANT])
    world.run()
    world.verdict = verdict
    world.calls.made.clear()
    return world


def _applied(world: ReconcileFixture, resource: str) -> AppliedSubscription:
    applied = world.row(resource).applied
    assert applied is not None
    return applied


def _refuse(world: ReconcileFixture, *resources: str) -> None:
    world.graph.refused = dict.fromkeys(resources, UNREACHABLE)


@pytest.mark.parametrize("verdict", Verdict)
def test_renewals_go_on_whatever_the_verdict_is(verdict: Verdict) -> None:
    world = _world(verdict)
    assert world.run(31 * MINUTE) == {"renewed": 3}


# --- Creations where nothing is deleted


@pytest.mark.parametrize("verdict", Verdict)
def test_creations_go_on_whatever_the_verdict_is_while_graph_accepts_them(verdict: Verdict) -> None:
    world = ReconcileFixture(*THREE, tenants=[TENANT])
    world.verdict = verdict
    assert world.run() == {"created": 3}


@pytest.mark.parametrize(("verdict", "tried"), [(Verdict.YES, 3), (Verdict.CANNOT_TELL, 1), (Verdict.NO, 1)])
def test_one_refused_creation_stops_the_others_unless_the_endpoint_answers(verdict: Verdict, tried: int) -> None:
    world = ReconcileFixture(*THREE, tenants=[TENANT])
    world.verdict = verdict
    _refuse(world, MESSAGES, TEAMS, CHATS)
    counts = world.run()
    assert (counts["failed"], counts.get("postponed", 0)) == (tried, 3 - tried)


# --- Replacements


def test_moved_url_that_does_not_answer_costs_no_subscription() -> None:
    world = _world(Verdict.NO)
    ids = world.graph.stored.keys()
    world.url = MOVED
    assert world.run(31 * MINUTE) == {"postponed": 3, "renewed": 3}
    assert world.graph.stored.keys() == ids
    assert world.run(5 * MINUTE) == {"postponed": 3}


def test_renewal_of_what_waits_to_be_replaced_proves_nothing() -> None:
    world = _world(Verdict.NO)
    created = _applied(world, TEAMS).proven_at
    world.url = MOVED
    for _ in range(3):
        world.run(31 * MINUTE)
    assert _applied(world, TEAMS).proven_at == created
    assert _applied(world, TEAMS).renewed_at > created + 90 * MINUTE
    world.verdict = Verdict.YES
    assert world.run(5 * MINUTE) == {"recreated": 3}
    interval = world.row(TEAMS).missed_interval
    assert interval is not None
    assert interval.since == created


def test_url_that_cannot_be_judged_costs_one_subscription_at_most() -> None:
    """One is tried; while its successor is refused, no other one is touched, in no run."""
    world = _world(Verdict.CANNOT_TELL)
    world.url = MOVED
    _refuse(world, MESSAGES, TEAMS, CHATS)
    assert world.run(MINUTE) == {"failed": 1, "postponed": 2}
    for _ in range(12):
        world.run(5 * MINUTE)
    assert len(world.graph.stored) == 2
    world.graph.refused = {}
    for _ in range(14):
        world.run(5 * MINUTE)
    world.assert_settled()


def test_url_that_cannot_be_judged_is_used_if_graph_accepts_it() -> None:
    world = _world(Verdict.CANNOT_TELL)
    world.url = MOVED
    assert world.run(MINUTE) == {"recreated": 3}


def test_refused_replacement_renews_the_others_that_are_due() -> None:
    world = _world(Verdict.YES)
    world.url = MOVED
    _refuse(world, MESSAGES)
    counts = world.run(31 * MINUTE)
    # The first one is refused, so the others wait; they are renewed instead, for the token expires.
    assert (counts["failed"], counts["postponed"], counts["renewed"]) == (1, 2, 2)


@pytest.mark.parametrize("verdict", [Verdict.NO, Verdict.YES])
def test_changed_change_type_replaces_only_where_the_endpoint_answers(verdict: Verdict) -> None:
    """Graph has a quota per path, so the predecessor is deleted first."""
    world = _world(verdict)
    proven_at = _applied(world, TEAMS).proven_at
    world.want(RICH, {"resource": TEAMS, "changeType": "created,updated"}, THREE[2])
    counts = world.run(MINUTE)
    assert counts == ({"deleted": 1, "created": 1} if verdict is Verdict.YES else {"postponed": 2})
    if verdict is Verdict.YES:
        interval = world.row(TEAMS).missed_interval
        assert interval is not None
        assert interval.since == proven_at


def test_successor_is_on_record_before_its_predecessor_is_deleted() -> None:
    world = _world(Verdict.YES)
    world.want(RICH, {"resource": TEAMS, "changeType": "created,updated"}, THREE[2])
    recorded = list[bool]()

    def look(call: str) -> None:
        if call == "delete":
            rows = [row for row in world.table.tracked() if "updated" in row.desired.change_types]
            recorded.append(any(row.desired.resource == TEAMS and row.missed_interval is not None for row in rows))

    world.calls.before = look
    world.run(MINUTE)
    assert recorded == [True]


# --- The table is lost


def test_subscription_added_by_command_survives_the_loss_of_the_table() -> None:
    world = _world(Verdict.YES)
    world.want(RICH)
    for row in world.table.tracked():
        if row.desired.resource != MESSAGES:
            world.table.save(row.__replace__(added_by="cli"))
    world.run(MINUTE)
    assert len(world.graph.stored) == 3
    world.table.rows.clear()
    assert world.run(MINUTE) == {"adopted": 3}
    added = {row.desired.resource: row.added_by for row in world.table.tracked()}
    assert added == {MESSAGES: "file", TEAMS: "cli", CHATS: "cli"}
    intervals = [row.missed_interval for row in world.table.tracked()]
    assert all(interval and interval.since <= world.clock.now() - 50 * MINUTE for interval in intervals)
    assert world.run(MINUTE) == {}


def test_only_the_run_after_the_loss_tracks_what_no_entry_names() -> None:
    world = _world(Verdict.YES)
    world.want(RICH)
    assert world.run(MINUTE) == {"deleted": 2}
    # Graph's list shows what was deleted for hours.
    world.graph.stored["stale"] = dict(next(iter(world.graph.stored.values()))) | {"id": "stale", "resource": "teams"}
    assert world.run(MINUTE) == {}
    assert [row.desired.resource for row in world.table.tracked()] == [MESSAGES]


@pytest.mark.parametrize("url", [f"{URL}?key=foreign", "https://other.example/?key=k1"])
def test_foreign_subscription_is_not_tracked_after_the_loss_of_the_table(url: str) -> None:
    world = _world(Verdict.YES)
    world.want(RICH)
    foreign = _applied(world, TEAMS).subscription_id
    world.graph.stored[foreign]["notificationUrl"] = url
    world.table.rows.clear()
    assert world.run(MINUTE) == {"adopted": 2}
    assert foreign in world.graph.stored
    assert {row.desired.resource for row in world.table.tracked()} == {MESSAGES, CHATS}


def test_listed_subscription_that_is_gone_does_not_come_back() -> None:
    world = _world(Verdict.YES)
    world.want(RICH)
    world.table.rows.clear()
    list_stale = world.graph.list_subscriptions
    stale = list(list_stale())
    for id_ in [id_ for id_, each in world.graph.stored.items() if each["resource"] != MESSAGES]:
        del world.graph.stored[id_]
    world.graph.list_subscriptions = lambda: stale  # type: ignore[method-assign]  # Graph's list is hours old
    world.run(MINUTE)
    assert [row.desired.resource for row in world.table.tracked()] == [MESSAGES]
    assert len(world.graph.stored) == 1
