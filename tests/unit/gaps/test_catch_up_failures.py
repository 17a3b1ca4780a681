"""Gaps that are put off, refused or lost; with ports in memory that keep their contracts."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Misconfigured, NotFound, Unavailable
from shared.gaps.gap import GapCause, GapState
from tests.fakes.calls import raising, when
from tests.fakes.catch_up_fixture import DAY, IN_CHAT, ONE_CHAT, SECOND, USERS, CatchUpFixture
from tests.fakes.gap_values import BEFORE, DURING, GAP, LATER, SINCE, message, text
from tests.fakes.subscription_values import HOUR, MINUTE, NOW
from tests.sender import OTHER_TENANT, TENANT

# --- Put off


@pytest.mark.parametrize(
    ("pause", "counts"), [(15 * SECOND, {"recovered": 1}), (16 * SECOND, {"put off": 1}), (None, {"put off": 1})]
)
def test_a_pause_of_a_few_seconds_is_slept_through(pause: timedelta | None, counts: Mapping[str, int]) -> None:
    world = CatchUpFixture(GAP)
    world.has("a")
    world.before_reading = raising(Unavailable("429", retry_after=pause), times=1)
    began = world.clock.now()
    assert world.run() == counts
    assert world.clock.now() - began >= (pause if pause == 15 * SECOND else 0 * SECOND)


def test_postponed_gap_waits_longer_each_time() -> None:
    world = CatchUpFixture(GAP)
    world.has("a", a=Unavailable("no answer"))
    pauses: list[timedelta] = []
    for _ in range(6):
        assert world.run() == {"put off": 1}
        failure = world.gap().failure
        assert failure is not None
        pauses.append(failure.retry_at - failure.at)
        world.clock.pass_by(failure.retry_at - world.clock.now() - SECOND)
        assert world.run() == {}
        world.clock.pass_by(SECOND)
    assert all(later >= 1.5 * earlier for earlier, later in itertools.pairwise(pauses[:4]))
    assert max(pauses) <= HOUR
    world.has("a", a=[message()])
    assert world.run() == {"recovered": 1, "events": 1}
    assert world.gap().failure is None


def test_retry_after_pauses_its_tenant_only() -> None:
    other = replace(GAP, tenant_id=OTHER_TENANT, since=SINCE + 2 * MINUTE)
    world = CatchUpFixture(GAP, replace(GAP, since=SINCE + MINUTE), other)
    world.has("a")
    world.before_reading = when(TENANT, raising(Unavailable("429", retry_after=HOUR)))
    assert world.run(tenants=(TENANT, OTHER_TENANT)) == {"put off": 1, "recovered": 1}


def test_pause_of_a_tenant_lasts_beyond_the_run() -> None:
    world = CatchUpFixture(GAP, replace(GAP, subscription_key="1" * 32))
    world.has("a")
    world.before_reading = raising(Unavailable("429", retry_after=HOUR), times=1)
    assert world.run() == {"put off": 1, "to be continued": 1}
    assert world.run() == {}
    world.clock.pass_by(HOUR)
    assert world.run() == {"recovered": 2}


def test_unavailable_sink_does_not_advance_the_gap() -> None:
    world = CatchUpFixture(GAP)
    world.has("ab", a=[], b=[message()])
    world.before_publishing = raising(Unavailable("storage does not answer"))
    assert world.run() == {"put off": 1}
    *_, inner = world.gap().position
    assert (inner.item, world.gap().read, world.gap().recovered) == ("a", 1, 0)


# --- Refused and lost


def _reasons(world: CatchUpFixture) -> list[str]:
    return [json.loads(event.data)["reason"] for event in world.published if event.type.endswith("SubscriptionGap")]


def test_a_refusal_is_said_once_and_asked_about_for_a_week() -> None:
    world = CatchUpFixture(GAP)
    world.lists[USERS] = [Misconfigured("Graph answered 403 to GET /v1.0/users: no")]
    assert world.run() == {"refused": 1}
    for _ in range(7 * 24):
        world.clock.pass_by(HOUR)
        world.run()
    assert _reasons(world) == ["Graph answered 403 to GET /v1.0/users: no"]
    assert world.gap().state is GapState.UNRECOVERABLE
    world.has("a", a=[message()])
    world.clock.pass_by(HOUR)
    assert world.run() == {}


def test_a_permission_that_is_granted_in_time_recovers_everything() -> None:
    world = CatchUpFixture(GAP)
    world.lists[USERS] = [Misconfigured("Graph answered 403")]
    world.run()
    world.has("a", a=[message()])
    world.clock.pass_by(HOUR)
    assert world.run() == {"recovered": 1, "events": 1}
    assert (world.gap().state, world.gap().reason) == (GapState.RECOVERED, None)


def test_users_without_teams_do_not_stand_in_the_way() -> None:
    world = CatchUpFixture(GAP)
    world.has("abc", a=NotFound("Graph answered 404"), b=[message()], c=NotFound("Graph answered 404"))
    assert world.run() == {"recovered": 1, "events": 1}
    assert _reasons(world) == []


@pytest.mark.parametrize("refused", ["a", "b", "c", "ac"])
def test_users_whose_messages_graph_refuses_are_counted_and_said(refused: str) -> None:
    world = CatchUpFixture(GAP)
    world.has("abc", **{user: Misconfigured("Graph answered 403") for user in refused})
    assert world.run() == {"partial": 1}
    assert (world.gap().state, world.gap().skipped) == (GapState.PARTIAL, len(refused))
    assert _reasons(world) == [f"{len(refused)} lists or items could not be read: Graph answered 403"]


@pytest.mark.parametrize("users", ["a", "abcdefghij", "abcdefghijklm"])
def test_refused_everywhere_means_that_the_permission_is_missing(users: str) -> None:
    world = CatchUpFixture(GAP)
    world.has(users, **{user: Misconfigured("Graph answered 403") for user in users})
    assert world.run() == {"refused": 1}
    assert len(world.asked) == 1 + min(10, len(users))
    assert (world.gap().read, world.gap().state) == (0, GapState.REFUSED)


def test_gap_of_a_deleted_chat_is_unrecoverable() -> None:
    world = CatchUpFixture(replace(GAP, resource=ONE_CHAT))
    assert world.run() == {"unrecoverable": 1}
    assert _reasons(world) == [f"Graph answered 404 to GET {IN_CHAT}"]


def test_resource_without_a_list_is_unrecoverable_without_a_call(caplog: pytest.LogCaptureFixture) -> None:
    world = CatchUpFixture(replace(GAP, resource="/communications/callRecords"))
    assert world.run() == {"unrecoverable": 1}
    assert world.asked == []
    assert _reasons(world) == ["Graph has no list of past changes to this resource"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert world.run() == {}


@pytest.mark.parametrize(
    ("since", "until", "asked"),
    [(NOW - 300 * DAY, NOW - 241 * DAY, 0), (NOW - 300 * DAY, NOW - 239 * DAY, 2)],
    ids=["all of it", "its beginning"],
)
def test_what_is_older_than_eight_months_is_lost_and_said(since: Any, until: Any, asked: int) -> None:
    world = CatchUpFixture(replace(GAP, cause=GapCause.REPLACED, since=since, until=until))
    world.has("a", a=[message(created=NOW - 239 * DAY)])
    assert world.run()["unrecoverable"] == 1
    assert len(world.asked) == asked
    assert _reasons(world) == ["Graph goes back eight months only"]


def test_lost_gap_is_published_before_it_is_recorded() -> None:
    world = CatchUpFixture(replace(GAP, resource="/communications/callRecords"))
    world.before_publishing = raising(Unavailable("storage does not answer"))
    assert world.run() == {"failed": 1}
    assert world.gap().state is GapState.OPEN
    world.before_publishing = lambda: None
    assert world.run() == {"unrecoverable": 1}


def test_edited_and_deleted_messages_give_their_own_events() -> None:
    world = CatchUpFixture(GAP)
    gone = message("3", modified=LATER, deletedDateTime=text(LATER))
    world.has("a", a=[message("1", created=BEFORE, modified=DURING), message("2", modified=LATER), gone])
    world.run()
    assert world.reported() == [
        "ChatMessageUpdated 1",
        "ChatMessageCreated 2",
        "ChatMessageUpdated 2",
        "ChatMessageCreated 3",
        "ChatMessageDeleted 3",
    ]
