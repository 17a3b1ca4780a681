"""``python -m cli gaps`` beside a running app in the sandbox."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.commands.gaps import cells
from cli.json_documents import GapsDocument, RecordedGapDocument
from sandbox.serving import Fault
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap, GapCause, GapState
from tests.cli.operator import Operator, matches
from tests.fakes.gap_values import GAP
from tests.fakes.subscription_values import NOW, failure
from tests.flows.catch_up_steps import all_of, gaps, lose_subscriptions, recreate_subscriptions, run_catch_up, subscribe
from tests.flows.entries import CALLS, TEAMS
from tests.sandbox.graph_world import ROLES

pytestmark = pytest.mark.slow


def _listed(operator: Operator) -> list[RecordedGapDocument]:
    return matches(GapsDocument, operator.run("gaps", "list", "--json").stdout)["gaps"]


def _an_hour_ago() -> str:
    return (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def _gap(operator: Operator, roles: tuple[str, ...] = ROLES) -> None:
    """Make a gap of messages, and let the app fill it if ``roles`` suffice."""
    world = operator.world
    subscribe(world, all_of("/chats/getAllMessages"))
    lose_subscriptions(world)
    world.send("unnoticed")
    recreate_subscriptions(world)
    world.grant(*world.tenant_ids, roles=roles)
    world.app.restart()
    run_catch_up(world)


def test_app_without_gaps_has_none_to_list_or_retry(operator: Operator) -> None:
    ran = operator.run("gaps", "list")
    assert (ran.exit_code, ran.stdout) == (0, "No gaps.\n")
    assert _listed(operator) == []
    assert operator.run("gaps", "retry").stdout == "No gap is refused, partial or unrecoverable.\n"


def test_recovered_gap_is_listed_and_exits_0(operator: Operator) -> None:
    _gap(operator, (*ROLES, "User.Read.All"))
    ran = operator.run("gaps", "list")
    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[1].split()[:4] == ["/chats/getAllMessages", "replaced", "recovered", "1"]
    [gap] = _listed(operator)
    assert (gap["state"], gap["recovered"], gap["failure"]) == ("recovered", 1, None)


def test_refused_gap_exits_1_and_is_retried_on_request(operator: Operator) -> None:
    world = operator.world
    _gap(operator)
    ran = operator.run("gaps", "list")
    assert ran.exit_code == 1
    assert "refused" in ran.stdout
    assert "User.Read.All" in ran.stdout
    world.grant(*world.tenant_ids, roles=(*ROLES, "User.Read.All"))
    world.app.restart()
    assert run_catch_up(world) == {}
    ran = operator.run("gaps", "retry")
    assert (ran.exit_code, ran.stdout.count("the next run retries the gap of ")) == (0, 1)
    assert run_catch_up(world)["recovered"] == 1
    assert world.texts() == ["unnoticed"]


def test_unrecoverable_gap_exits_1_with_its_reason(operator: Operator) -> None:
    world = operator.world
    subscribe(world, CALLS)
    lose_subscriptions(world)
    recreate_subscriptions(world)
    run_catch_up(world)
    assert operator.run("gaps", "list").exit_code == 1
    [gap] = _listed(operator)
    assert (gap["state"], gap["reason"]) == ("unrecoverable", "Graph has no list of past changes to this resource")


def test_baseline_is_listed_only_while_graph_refuses_it(operator: Operator) -> None:
    world = operator.world
    subscribe(world, TEAMS)
    with world.fault(world.graph_service, Fault(path="^/v1.0/teams", method="GET", status=403)):
        assert run_catch_up(world) == {"refused": 1}
    [gap] = _listed(operator)
    assert (gap["baseline"], gap["state"]) == (True, "refused")
    ran = operator.run("gaps", "list")
    assert ran.exit_code == 1
    assert "/teams has no baseline: Graph answered 403" in " ".join(ran.stdout.split())
    assert operator.run("gaps", "retry").exit_code == 0
    assert run_catch_up(world) == {"noted": 1}
    assert _listed(operator) == []


def test_changes_lost_by_a_consumer_are_published_again_on_request(operator: Operator) -> None:
    world = operator.world
    subscribe(world, all_of("/chats/getAllMessages"))
    world.send("lost by the consumer")
    world.settle()
    assert world.texts() == ["lost by the consumer"]
    ran = operator.run("gaps", "add", "/chats/getAllMessages", "--since", _an_hour_ago())
    assert (ran.exit_code, ran.stdout.count("publishes them again")) == (0, 1)
    # The command's clock is that of the machine, and the deployment's is ahead of it.
    [gap] = gaps(world)
    world.app.clients.gap_table().save(replace(gap, until=world.app.time.now()))
    again = list[CloudEvent]()
    assert run_catch_up(world, publish=lambda events, _deadline: again.extend(events))["recovered"] == 1
    assert [event.recovered for event in again] == [True]
    assert [gap["cause"] for gap in _listed(operator)] == ["requested"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("/chats/getAllMessages", "--since", "2020-01-01"), "eight months"),
        (("/chats/19:x@thread.v2/messages", "--since", "2 h"), "is not a time"),
    ],
)
def test_request_that_cannot_be_met_exits_2(operator: Operator, arguments: tuple[str, ...], why: str) -> None:
    ran = operator.run("gaps", "add", *arguments)
    assert ran.exit_code == 2
    assert why in " ".join((ran.stdout + ran.stderr).split())


def test_request_for_an_unwatched_resource_exits_2(operator: Operator) -> None:
    ran = operator.run("gaps", "add", "/chats/getAllMessages", "--since", _an_hour_ago())
    assert (ran.exit_code, "no subscription watches it" in ran.stderr) == (2, True)


def test_tenant_that_is_not_served_exits_2(operator: Operator) -> None:
    assert operator.run("gaps", "list", "--tenant", "another").exit_code == 2


@pytest.mark.parametrize(
    ("gap", "next_attempt"),
    [
        (GAP, "at the next run"),
        (replace(GAP, failure=failure(retry_at=NOW + timedelta(minutes=5))), "in 5 min"),
        (replace(GAP, failure=failure(retry_at=NOW)), "at the next run"),
        (replace(GAP, state=GapState.RECOVERED), ""),
        (replace(GAP, state=GapState.PARTIAL), ""),
        (replace(GAP, cause=GapCause.RECHECK, due_at=NOW + timedelta(hours=4)), "in 4 h"),
        (replace(GAP, cause=GapCause.RECHECK, due_at=NOW), "at the next run"),
        (replace(GAP, due_at=NOW, failure=failure(retry_at=NOW + timedelta(hours=1))), "in 1 h"),
    ],
)
def test_cells_show_the_next_attempt(gap: Gap, next_attempt: str) -> None:
    name, cause = "/chats/getAllMessages", gap.cause.value
    assert cells(gap, NOW) == (name, cause, gap.state.value, "0", "2 h ago", "1 h", next_attempt)
