"""Baselines: the first snapshot of a new subscription, without which a gap cannot be compared."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Misconfigured
from shared.gaps.gap import GapCause, GapState
from tests.fakes.calls import raising
from tests.fakes.catch_up_fixture import SECOND, CatchUpFixture
from tests.fakes.gap_values import DURING, GAP, text
from tests.fakes.subscription_values import MINUTE, NOW, ROW, WANTED
from tests.sender import TENANT
from tests.unit.gaps.snapshots import (
    ALL_CHANNELS,
    IN_TEAM,
    MEMBERS,
    OF_TEAM,
    OTHER,
    OWNER,
    TEAM,
    baseline_of,
    channels,
    page,
    published,
    record,
    row_of,
    subscribed,
)


def test_new_subscription_gets_a_baseline_and_no_events() -> None:
    world = subscribed(IN_TEAM)
    world.lists[OF_TEAM] = [page(a=OWNER, b={"createdDateTime": text(NOW)})]
    assert world.run() == {"noted": 1}
    assert (world.published, [known.id for known in world.known.notes]) == ([], ["a", "b"])
    [row] = world.gaps.rows.values()
    assert (row.is_baseline, row.state, row.since) == (True, GapState.BASELINED, row.until)
    asked = len(world.asked)
    world.gaps.before_saving = raising(AssertionError("nothing is to be saved"))
    assert world.run() == {}
    assert len(world.asked) == asked


def test_baseline_removes_stale_entries() -> None:
    world = subscribed(IN_TEAM)
    record(world, MEMBERS, stale={})
    world.lists[OF_TEAM] = [page(a=OWNER)]
    assert world.run() == {"noted": 1}
    assert world.known.there(TENANT, MEMBERS) == {"a"}
    assert world.published == []


@pytest.mark.parametrize(
    ("resource", "changes"),
    [
        ("/chats/getAllMessages", {}),
        ("/chats", {}),
        ("/communications/callRecords", {}),
        (f"/{MEMBERS}", {"delegated": True}),
        (f"/teams/{TEAM}/channels/getAllMembers?notifyOnIndirectMembershipUpdate=true", {}),
    ],
)
def test_resource_that_is_not_compared_has_no_baseline(resource: str, changes: dict[str, Any]) -> None:
    world = CatchUpFixture()
    wanted = replace(WANTED, resource=resource, **changes)
    world.tracking.save(replace(ROW, desired=wanted, etag=None))
    assert world.run() == {}
    assert world.asked == []


def test_subscription_not_yet_created_has_no_baseline() -> None:
    world = CatchUpFixture()
    world.tracking.save(replace(row_of(IN_TEAM), applied=None))
    assert world.run() == {}


def test_gaps_come_before_baselines() -> None:
    begun = replace(baseline_of(IN_TEAM), state=GapState.OPEN, ended_at=None)
    world = subscribed(IN_TEAM, begun, replace(GAP, since=NOW - MINUTE, until=NOW))
    world.has("a")
    world.lists[OF_TEAM] = [[]]
    assert world.run() == {"recovered": 1, "noted": 1}
    assert world.asked[-1].startswith(OF_TEAM)


def test_interrupted_baseline_is_resumed() -> None:
    world = subscribed(ALL_CHANNELS)
    world.lists = channels(c={})
    world.took = SECOND
    assert world.run(time=1.5 * SECOND) == {"to be continued": 1}
    assert world.run() == {"noted": 1}
    assert [known.collection for known in world.known.notes] == [
        f"teams/{OTHER}/channels",
        f"teams/{TEAM}/channels",
    ]


def test_refused_baseline_is_logged_and_not_published(caplog: pytest.LogCaptureFixture) -> None:
    world = subscribed(IN_TEAM)
    world.lists[OF_TEAM] = [Misconfigured("Graph answered 403")]
    assert world.run() == {"refused": 1}
    assert world.published == []
    assert "changes in a gap would be lost: Graph answered 403" in caplog.text
    world.lists[OF_TEAM] = [[]]
    world.clock.pass_by(10 * MINUTE)
    assert world.run() == {"noted": 1}


def test_gap_without_a_baseline_is_partly_recovered() -> None:
    world = CatchUpFixture(IN_TEAM)
    record(world, MEMBERS, goes={})
    world.lists[OF_TEAM] = [page(unknown={}, new={"createdDateTime": text(DURING)})]
    assert world.run() == {"unrecoverable": 1, "events": 2}
    *_, said = world.published
    assert published(world)[:2] == [
        f"ConversationMemberCreated {MEMBERS}/new",
        f"ConversationMemberDeleted {MEMBERS}/goes",
    ]
    assert json.loads(said.data)["reason"] == "there was no complete snapshot to compare with"


@pytest.mark.parametrize(("after", "state"), [(0, GapState.RECOVERED), (1, GapState.UNRECOVERABLE)])
def test_gap_that_began_before_its_baseline_was_complete_is_reported(after: int, state: GapState) -> None:
    late = replace(baseline_of(IN_TEAM), ended_at=IN_TEAM.since + after * SECOND)
    world = subscribed(IN_TEAM, IN_TEAM, late)
    # Somebody who joined in the gap, before the lists were read for the baseline.
    record(world, MEMBERS, joined=OWNER)
    world.lists[OF_TEAM] = [page(joined=OWNER, new={})]
    assert world.run() == {str(state): 1, "events": 1}
    found, *said = world.published
    assert found.subject == f"{MEMBERS}/new"
    reasons = [json.loads(event.data)["reason"] for event in said]
    assert reasons == ["the snapshot was not complete when it began"] * (state is GapState.UNRECOVERABLE)
    # What arrives late is found by the second comparison, as after any gap.
    assert [gap.cause for gap in world.gaps.rows.values()].count(GapCause.RECHECK) == 1


@pytest.mark.parametrize("done", [timedelta(days=1), timedelta(days=400)])
def test_baseline_is_deleted_with_its_subscription(done: timedelta) -> None:
    world = subscribed(IN_TEAM, replace(baseline_of(IN_TEAM), ended_at=NOW - done))
    world.run()
    assert len(world.gaps.rows) == 1
    [row] = world.tracking.tracked()
    world.tracking.delete(row)
    world.run()
    assert world.gaps.rows == {}


def test_baseline_is_taken_by_one_of_two_concurrent_runs() -> None:
    world = subscribed(IN_TEAM)
    world.lists[OF_TEAM] = [[]]

    def theirs() -> Iterator[None]:
        world.gaps.before_saving = lambda: None
        world.gaps.save(baseline_of(IN_TEAM))
        yield

    world.gaps.before_saving = lambda: next(theirs())
    assert world.run() == {}
    assert world.asked == []
