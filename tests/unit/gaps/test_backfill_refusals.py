"""What Graph refuses and what cannot be understood costs nothing else; and gaps that an operator asks for."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import Misconfigured, NotFound, Problem, Refused, Unavailable
from shared.gaps.gap import GapCause, GapState
from tests.fakes.catch_up_fixture import IN_CHAT, ONE_CHAT, SECOND, USERS, CatchUpFixture, window
from tests.fakes.chats_fixture import chats_world
from tests.fakes.gap_values import DURING, GAP, SINCE, UNTIL, message, text
from tests.fakes.subscription_values import HOUR, MINUTE
from tests.sender import CHAT, OTHER_TENANT, TENANT

# --- What Graph refuses


def _users_world(refused: Mapping[int, Problem], users: int = 200) -> CatchUpFixture:
    """Return a world of users with a message each, but for those whom Graph refuses."""
    world = CatchUpFixture(GAP)
    world.lists[USERS] = [[{"id": f"{number:04}"} for number in range(users)]]
    for number in range(users):
        found = refused.get(number, [message(f"{number:04}")])
        world.lists[window(f"{number:04}")] = [found if isinstance(found, Problem) else list(found)]
    return world


def _reasons(world: CatchUpFixture) -> Sequence[str]:
    return [json.loads(event.data)["reason"] for event in world.published if event.type.endswith("SubscriptionGap")]


@pytest.mark.parametrize(
    "problem", [Misconfigured("Graph answered 403"), Refused("Graph answered 402")], ids=["403", "402"]
)
def test_ten_refused_users_in_a_row_leave_the_gap_partial(problem: Problem) -> None:
    world = _users_world(dict.fromkeys(range(100, 110), problem))
    assert world.run() == {"partial": 1, "events": 190}
    gap = world.gap()
    assert (gap.state, gap.read, gap.skipped) == (GapState.PARTIAL, 190, 10)
    assert _reasons(world) == [f"10 lists or items could not be read: {problem}"]


def test_refused_users_at_the_beginning_are_no_missing_permission() -> None:
    """Ten are refused at first, so an operator is told; the next attempt goes on behind them, and begins anew."""
    world = _users_world(dict.fromkeys(range(15), Misconfigured("Graph answered 403")))
    assert world.run() == {"refused": 1}
    world.clock.pass_by(HOUR)
    assert world.run() == {"partial": 1, "events": 185}
    assert world.gap().skipped == 15


def test_many_refused_users_at_the_beginning_cost_one_more_attempt() -> None:
    world = _users_world(dict.fromkeys(range(60), Misconfigured("Graph answered 403")), users=61)
    assert world.run() == {"refused": 1}
    world.clock.pass_by(HOUR)
    assert world.run() == {"partial": 1, "events": 1}


def test_permission_that_is_granted_between_attempts_leaves_nobody_out() -> None:
    refused = dict.fromkeys(range(200), Misconfigured("Graph answered 403"))
    world = _users_world(refused)
    assert world.run() == {"refused": 1}
    world.lists |= _users_world({}).lists
    world.clock.pass_by(HOUR)
    assert world.run() == {"recovered": 1, "events": 200}
    assert (world.gap().skipped, world.gap().reason) == (0, None)


@pytest.mark.slow
def test_permission_that_is_missing_for_all_stays_refused_for_a_week() -> None:
    world = _users_world(dict.fromkeys(range(30), Misconfigured("Graph answered 403")), users=30)
    for _ in range(6 * 4):
        world.run()
        world.clock.pass_by(6 * HOUR)
        assert world.gap().state is GapState.REFUSED
    for _ in range(2 * 4):
        world.run()
        world.clock.pass_by(6 * HOUR)
    assert world.gap().state is GapState.UNRECOVERABLE
    assert _reasons(world) == ["Graph answered 403"]


def test_one_list_that_graph_refuses_for_good_is_lost_at_once() -> None:
    world = CatchUpFixture(replace(GAP, resource=ONE_CHAT))
    world.lists[IN_CHAT] = [Refused("Graph answered 423")]
    assert world.run() == {"unrecoverable": 1}
    assert _reasons(world) == ["Graph answered 423"]


@pytest.mark.parametrize("problem", [Misconfigured("403 federated chat"), Refused("410 gone")], ids=["403", "410"])
def test_one_refused_chat_of_a_user_concerns_that_chat_alone(problem: Problem) -> None:
    world, gap = chats_world(3)
    world.lists["/v1.0/chats/19%3A00001%40thread.v2/members"] = [problem]
    assert world.run()["partial"] == 1
    assert world.gap_of(gap).skipped == 1
    assert len([path for path in world.asked if path.endswith("/members")]) == 3


@pytest.mark.parametrize(
    "unreadable",
    [message("2", createdDateTime=None), message("2", chatId=None), message("2", createdDateTime="yesterday")],
    ids=["no time", "no place", "a time that is none"],
)
def test_one_unreadable_message_leaves_the_gap_partial(unreadable: dict[str, Any]) -> None:
    world = CatchUpFixture(GAP)
    world.has("a", a=[message("1"), unreadable, message("3")])
    assert world.run() == {"partial": 1, "events": 2}
    assert world.reported()[:2] == ["ChatMessageCreated 1", "ChatMessageCreated 3"]
    assert (world.gap().skipped, len(_reasons(world))) == (1, 1)


def test_storage_that_refuses_is_no_refusal_of_graph() -> None:
    world = _users_world({}, users=3)
    world.before_publishing = _raising(Misconfigured("the role Storage Queue Data Contributor is missing"))
    assert world.run() == {"put off": 1}
    assert (world.gap().state, world.gap().skipped) == (GapState.OPEN, 0)
    world.before_publishing = lambda: None
    world.clock.pass_by(HOUR)
    assert world.run() == {"recovered": 1, "events": 3}


def _raising(problem: Problem) -> Callable[..., None]:
    def raises(*_of_whom: object) -> None:
        raise problem

    return raises


# --- Nothing blocks: a tenant that is throttled or refused


@pytest.mark.parametrize(
    "problem",
    [Unavailable("429", retry_after=HOUR), Unavailable("503"), Misconfigured("403"), NotFound("404"), Refused("400")],
    ids=["throttled", "unavailable", "refused", "not found", "refused for good"],
)
def test_trouble_of_one_tenant_delays_no_other(problem: Problem) -> None:
    gaps = [replace(GAP, subscription_key=f"{number:032}") for number in range(40)]
    other = replace(GAP, tenant_id=OTHER_TENANT, since=UNTIL - MINUTE)
    world = CatchUpFixture(*gaps, other)
    world.has("a", a=[message("1", created=UNTIL - SECOND)])

    def before(tenant_id: str) -> None:
        if tenant_id == TENANT:
            raise problem

    world.before_reading = before
    world.run(time=SECOND, tenants=(TENANT, OTHER_TENANT))
    assert world.gap_of(other).state is GapState.RECOVERED


def test_sink_that_refuses_to_report_one_loss_stops_no_other_gap() -> None:
    lost = replace(GAP, resource="/communications/callRecords", subscription_key="1" * 32, since=SINCE - HOUR)
    world = CatchUpFixture(lost, GAP)
    world.has("a")
    world.before_publishing = _raising(Unavailable("storage does not answer"))
    assert world.run() == {"failed": 1, "recovered": 1}


# --- On demand


def test_requested_gap_publishes_what_was_published_before() -> None:
    """A consumer that lost yesterday's events wants them again, although the app knows that it published them."""
    asked = replace(GAP, cause=GapCause.REQUESTED)
    world = CatchUpFixture(asked)
    world.has("a", a=[message("1")])
    assert world.run() == {"recovered": 1, "events": 1}
    assert (len(world.again), world.published) == (1, [])


def test_requested_gap_of_chats_is_not_thinned_by_the_snapshot() -> None:
    chat = {"id": CHAT, "chatType": "group", "topic": "Lunch", "createdDateTime": text(DURING)}
    chat["lastUpdatedDateTime"] = text(DURING)
    world = CatchUpFixture(replace(GAP, resource="/users/u/chats"))
    world.lists["/v1.0/users/u/chats"] = [[chat]]
    assert world.run()["events"] == 1
    asked = replace(GAP, resource="/users/u/chats", cause=GapCause.REQUESTED)
    world.gaps.save(asked)
    assert world.run()["events"] == 1
    assert [event.id for event in world.again] == [event.id for event in world.published]
