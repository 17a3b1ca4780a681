"""Edge cases of gaps and messages: lists of several pages, odd answers, two runs, and long reasons."""

from dataclasses import replace
from typing import Any

import pytest

from shared.errors import Conflict, Malformed, Misconfigured, Unavailable
from shared.gaps.gap import Gap, GapState
from shared.gaps.recovered_events import changes_from_item, event_from_change, message_and_replies
from shared.subscriptions.tracked import MissedInterval
from tests.fakes.calls import raising
from tests.fakes.catch_up_fixture import DAY, USERS, CatchUpFixture, pages_of
from tests.fakes.gap_values import AFTER, BEFORE, DURING, GAP, SINCE, UNTIL, message, text
from tests.fakes.subscription_values import MINUTE, NOW, ROW
from tests.sender import CLIENT_ID


def test_people_on_every_page_of_the_list_are_read() -> None:
    world = CatchUpFixture(GAP)
    world.lists[USERS] = [[{"id": "a"}], [{"id": "b"}]]
    for user in "ab":
        pages_of(world, user, [message(user)])
    assert world.run() == {"recovered": 1, "events": 2}


def test_postponed_gap_does_not_delay_the_others_of_its_tenant() -> None:
    world = CatchUpFixture(GAP, replace(GAP, subscription_key="1" * 32))
    world.has("a")
    world.before_reading = raising(Unavailable("no answer"), times=1)
    assert world.run() == {"put off": 1, "recovered": 1}


def test_gap_changed_by_another_run_does_not_delay_the_others() -> None:
    world = CatchUpFixture(GAP)
    world.has("a")
    world.tracking.save(replace(ROW, etag=None, missed_interval=MissedInterval(since=SINCE + MINUTE, until=UNTIL)))
    world.gaps.before_saving = raising(Conflict("another run has recorded it"), times=1)
    assert world.run() == {"recovered": 1}


def test_finished_gap_deleted_by_another_run_stops_nothing() -> None:
    done = replace(GAP, state=GapState.RECOVERED, ended_at=NOW - 31 * DAY)
    world = CatchUpFixture(done, replace(GAP, since=SINCE + MINUTE))
    world.has("a")
    world.gaps.before_removing = raising(Conflict("another run was faster"))
    assert world.run() == {"recovered": 1}


def test_the_reason_of_a_refusal_fits_into_a_row() -> None:
    world = CatchUpFixture(GAP)
    world.has("a", a=Misconfigured("no permission " * 1000))
    assert world.run() == {"refused": 1}
    assert len(world.gap().reason or "") == 1024


@pytest.mark.parametrize("replies", [7, "abc", {"id": "2"}, None, [None, 7]])
def test_malformed_replies_are_skipped(replies: Any) -> None:
    messages, more = message_and_replies(message() | {"replies": replies})
    assert ([each["id"] for each in messages], more) == (["1"], None)


@pytest.mark.parametrize(
    ("deleted", "modified", "expected"),
    [
        pytest.param(DURING, AFTER, ["deleted"], id="deleted in the gap, touched after it"),
        pytest.param(AFTER, DURING, ["deleted"], id="touched in the gap, and the deletion dated after it"),
        pytest.param(AFTER, AFTER, [], id="deleted after the gap"),
        pytest.param(BEFORE, BEFORE, [], id="deleted before the gap"),
    ],
)
def test_deletion_is_recognized_by_either_of_its_times(deleted: Any, modified: Any, expected: list[str]) -> None:
    gone = message(created=BEFORE, modified=modified, deletedDateTime=text(deleted))
    assert _change_types(gone) == expected


def _change_types(found: dict[str, Any], gap: Gap = GAP) -> list[str]:
    return [event.type.removeprefix("Microsoft.Graph.ChatMessage").lower() for event in _events(found, gap)]


def _events(found: dict[str, Any], gap: Gap = GAP) -> list[Any]:
    changes = changes_from_item(found, gap)
    return [event_from_change(change, gap, client_id=CLIENT_ID, recovered_at=NOW) for change in changes]


@pytest.mark.parametrize("changes", [{"chatId": ""}, {"id": ""}, {"channelIdentity": {"teamId": "", "channelId": "c"}}])
def test_an_id_without_a_character_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        _events(message() | changes)
