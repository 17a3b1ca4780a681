"""Gaps recorded and filled, a run after the other; with ports in memory that keep their contracts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from shared.errors import Conflict, Misconfigured, Problem
from shared.gaps.gap import Gap, GapState, Step
from shared.subscriptions.tracked import MissedInterval
from tests.fakes.calls import Killed, raising, when
from tests.fakes.catch_up_fixture import DAY, IN_CHAT, ONE_CHAT, SECOND, USERS, CatchUpFixture, pages_of, window
from tests.fakes.gap_values import BEFORE, GAP, SINCE, UNTIL, message
from tests.fakes.subscription_values import MINUTE, NOW, ROW, WANTED
from tests.sender import OTHER_TENANT, TENANT

USER_PAGE = "/v1.0/users?$select=id&$top=999"
AT_Z = (Step(USER_PAGE, "z"),)

# --- Recorded


def _tracked(world: CatchUpFixture, gap: MissedInterval | None) -> None:
    [row] = world.tracking.tracked() or [replace(ROW, etag=None)]
    world.tracking.save(replace(row, missed_interval=gap))


def test_a_gap_that_has_ended_is_recorded_and_leaves_its_subscription() -> None:
    world = CatchUpFixture()
    _tracked(world, MissedInterval(since=SINCE, until=UNTIL))
    world.has("a", a=[message()])
    assert world.run() == {"recorded": 1, "recovered": 1, "events": 1}
    assert world.tracking.tracked()[0].missed_interval is None
    assert world.gap().state is GapState.RECOVERED
    assert world.run() == {}


def test_a_gap_that_lasts_stays_where_it_is() -> None:
    world = CatchUpFixture()
    _tracked(world, MissedInterval(since=SINCE))
    assert world.run() == {}
    assert world.tracking.tracked()[0].missed_interval == MissedInterval(since=SINCE)
    assert world.asked == []


def test_run_cut_short_before_the_gap_moves_loses_and_repeats_nothing() -> None:
    world = CatchUpFixture()
    _tracked(world, MissedInterval(since=SINCE, until=UNTIL))
    world.has("a", a=[message()])
    world.tracking._calls.before = when("save", raising(Killed()))
    with pytest.raises(Killed):
        world.run()
    assert len(world.gaps.rows) == 1
    world.tracking._calls.before = lambda _call: None
    assert world.run() == {"recorded": 1, "recovered": 1, "events": 1}
    assert len(world.gaps.rows) == 1


def test_a_row_that_another_run_has_in_hand_is_left_to_it() -> None:
    world = CatchUpFixture()
    _tracked(world, MissedInterval(since=SINCE, until=UNTIL))
    world.has("a")
    world.tracking._calls.before = when("save", raising(Conflict("another run")))
    assert world.run()["recorded"] == 0
    assert len(world.gaps.rows) == 1


def test_extended_gap_is_backfilled_from_its_beginning() -> None:
    known = Gap.from_tracked(replace(ROW, missed_interval=MissedInterval(since=SINCE, until=UNTIL)))
    assert known is not None
    world = CatchUpFixture(replace(known, state=GapState.RECOVERED, position=AT_Z, ended_at=NOW))
    _tracked(world, MissedInterval(since=SINCE, until=NOW))
    world.has("a", a=[message(created=UNTIL + 30 * MINUTE)])
    assert world.run() == {"recorded": 1, "recovered": 1, "events": 1}


def test_a_tenant_whose_table_is_down_does_not_stop_the_others() -> None:
    world = CatchUpFixture(GAP)
    world.has("a")
    world.tracking._calls.before = raising(Misconfigured("a row cannot be read"), times=1)
    assert world.run(tenants=(OTHER_TENANT, TENANT)) == {"failed": 1, "recovered": 1}


def test_finished_gap_is_deleted_after_a_month() -> None:
    world = CatchUpFixture(replace(GAP, state=GapState.RECOVERED, ended_at=NOW - 29 * DAY))
    world.run()
    assert len(world.gaps.rows) == 1
    world.clock.pass_by(DAY)
    world.run()
    assert world.gaps.rows == {}


# --- Filled


def test_message_seen_by_several_users_is_published_once() -> None:
    world = CatchUpFixture(GAP)
    world.has("ab", a=[message("1"), message("2")], b=[message("2"), message("3")])
    assert world.run() == {"recovered": 1, "events": 3}
    assert world.reported() == ["ChatMessageCreated 1", "ChatMessageCreated 2", "ChatMessageCreated 3"]


def test_what_is_no_id_is_not_asked_for() -> None:
    world = CatchUpFixture(GAP)
    world.lists[USERS] = [[{"id": ".."}, {"id": "a/b"}, {"id": None}, {}, {"id": "a"}]]
    world.lists[window("a")] = [[]]
    assert world.run() == {"partial": 1}
    assert len(world.asked) == 2
    assert world.gap().skipped == 4


def test_an_empty_tenant_has_nothing_to_recover() -> None:
    world = CatchUpFixture(GAP)
    world.has("")
    assert world.run() == {"recovered": 1}


def test_older_gaps_come_first() -> None:
    younger = replace(GAP, since=SINCE + MINUTE, resource=ONE_CHAT)
    world = CatchUpFixture(younger, replace(GAP, resource="/users/u/chats/getAllMessages"))
    world.lists = {IN_CHAT: [[]], window("u"): [[]]}
    world.run()
    assert unquote(world.asked[0]).startswith(window("u"))


def test_malformed_message_is_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    world = CatchUpFixture(GAP)
    world.has("a", a=[message("1", createdDateTime="yesterday"), message("2")])
    assert world.run() == {"partial": 1, "events": 1}
    assert "is malformed and left out: createdDateTime is not a time" in caplog.text


def test_a_link_that_leads_to_itself_does_not_keep_a_run_busy() -> None:
    world = CatchUpFixture(GAP)
    world.has("a")
    world.endless.add(window("a"))
    assert world.run() == {"put off": 1}


def test_gets_of_one_chat_are_a_second_apart_and_others_are_not() -> None:
    world = CatchUpFixture(replace(GAP, resource=ONE_CHAT))
    world.lists[IN_CHAT] = [[], [], []]
    began = world.clock.now()
    world.run()
    assert world.clock.now() - began == 2 * SECOND
    world = CatchUpFixture(GAP)
    world.has("abcdefghij")
    began = world.clock.now()
    world.run()
    assert world.clock.now() - began == 10 * timedelta(milliseconds=50)


# --- Cut short


def test_a_run_without_time_begins_nothing() -> None:
    world = CatchUpFixture(GAP)
    assert world.run(time=0 * SECOND) == {}
    assert world.asked == []


def test_next_run_resumes_at_the_user_and_page_of_the_last_one() -> None:
    world = CatchUpFixture(GAP)
    world.has("ab", a=[message("1")])
    pages_of(world, "b", [message("2")], [message("3")], [message("4")])
    world.took = SECOND
    assert world.run(time=3.5 * SECOND) == {"to be continued": 1, "events": 3}
    gap = world.gap()
    assert gap.position == (Step(USER_PAGE, "b"), Step(f"{window('b')}?page=2", "3"))
    assert (gap.read, gap.failure) == (1, None)
    world.asked.clear()
    assert world.run() == {"recovered": 1, "events": 1}
    assert world.asked == [USER_PAGE, f"{window('b')}?page=2"]
    assert [event[-1] for event in world.reported()] == ["1", "2", "3", "4"]
    assert world.gap().recovered == 4


@pytest.mark.parametrize("calls", range(9))
def test_a_run_that_is_killed_at_any_call_is_made_up_for(calls: int) -> None:
    world = CatchUpFixture(GAP)
    world.has("ab", a=[message("1")])
    pages_of(world, "b", [message("2")], [message("3")])
    left = iter(range(calls))

    def fate(*_of_whom: str) -> None:
        if next(left, None) is None:
            raise Killed

    world.before_reading = world.before_publishing = world.gaps.before_saving = fate
    with pytest.raises(Killed):
        world.run()
    world.before_reading = world.before_publishing = world.gaps.before_saving = lambda *_of_whom: None
    assert world.run()["recovered"] == 1
    assert {event[-1] for event in world.reported()} == {"1", "2", "3"}
    assert world.gap().state is GapState.RECOVERED


@pytest.mark.parametrize("pages", [1, 2])
def test_another_run_at_the_same_gap_is_given_way_to(pages: int) -> None:
    world = CatchUpFixture(GAP)
    world.has("ab")
    world.took = 11 * SECOND
    pages_of(world, "a", [message()], *[[]] * (pages - 1))
    world.before_publishing = lambda: world.gaps.rows.update({(TENANT, GAP.key): replace(world.gap(), etag="theirs")})
    assert world.run() == {"left to another run": 1, "events": 1}
    assert not [path for path in world.asked if path.startswith(window("b"))]


def test_expired_page_restarts_its_query() -> None:
    world = CatchUpFixture(replace(GAP, position=(Step(USER_PAGE, "b"), Step("/v1.0/forgotten?page=7", "2"))))
    world.has("ab", a=[message("1")], b=[message("2"), message("3")])
    assert world.run() == {"recovered": 1, "events": 1}
    assert world.reported() == ["ChatMessageCreated 3"]


# --- A channel


CHANNEL = "/v1.0/teams/3fa85f64-5717-4562-b3fc-2c963f66afa6/channels/19%3Ac%40thread.tacv2/messages"
IN_CHANNEL = replace(GAP, resource=CHANNEL.removeprefix("/v1.0").replace("%3A", ":").replace("%40", "@"))


def _in_channel(id_: str, **changes: Any) -> dict[str, Any]:
    return message(id_, **changes) | {"chatId": None, "channelIdentity": {"teamId": "t", "channelId": "c"}}


def test_answers_that_did_not_fit_are_fetched_page_by_page() -> None:
    world = CatchUpFixture(IN_CHANNEL)
    first = _in_channel("2", replyToId="1")
    root = _in_channel("1", created=BEFORE) | {
        "replies": [first],
        "replies@odata.nextLink": f"{CHANNEL}/1/replies?page=1",
    }
    world.lists = {
        f"{CHANNEL}/delta": [[root]],
        f"{CHANNEL}/1/replies": [[], [_in_channel("3", replyToId="1")], [_in_channel("4", replyToId="1")]],
    }
    assert world.run() == {"recovered": 1, "events": 3}
    assert [event.subject for event in world.published] == [
        f"teams/t/channels/c/messages/1/replies/{n}" for n in (2, 3, 4)
    ]


@pytest.mark.parametrize("problem", [None, Misconfigured("Graph answered 400")], ids=["404", "400"])
def test_without_delta_the_list_is_read(problem: Problem | None) -> None:
    world = CatchUpFixture(IN_CHANNEL)
    world.lists = {CHANNEL: [[_in_channel("1")]]}
    if problem is not None:
        world.lists[f"{CHANNEL}/delta"] = [problem]
    assert world.run() == {"recovered": 1, "events": 1}


def test_two_gaps_of_one_subscription_are_two_rows() -> None:
    world = CatchUpFixture()
    for since in (SINCE, SINCE + MINUTE):
        _tracked(world, MissedInterval(since=since, until=UNTIL))
        world.has("a")
        world.run()
    assert len(world.gaps.rows) == 2
    assert {row.resource for row in world.gaps.rows.values()} == {WANTED.resource}
