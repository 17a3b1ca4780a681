"""Peers' holes 12 and 13: what is lost with a subscription, or missed, is fetched, and told with the live events' ids.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from sandbox.serving import Fault
from sandbox.teams import Path
from shared.events.cloud_events import CloudEvent
from shared.events.publish_once import PublishOnce
from shared.gaps.backfill import GraphLists
from shared.gaps.gap import GapState
from shared.graph.client import Page
from shared.timing import Deadline
from tests.flows.catching_up import (
    CHANGES,
    all_of,
    caught_up,
    found_again,
    gaps,
    lost,
    subscribed,
    told,
    write_edit_and_delete,
)
from tests.flows.killing import Killed
from tests.flows.wishes import CALLS
from tests.flows.world import World
from tests.sandbox.graph_world import ROLES

pytestmark = pytest.mark.slow


def _chat(world: World) -> tuple[str, Path]:
    chat = world.new_chat()
    return f"/chats/{chat[1]}/messages", chat


def _user(world: World) -> tuple[str, Path]:
    ann, _ = world.people[world.tenant_id]
    return f"/users/{ann.id}/chats/getAllMessages", world.new_chat()


def _all_chats(world: World) -> tuple[str, Path]:
    return "/chats/getAllMessages", world.new_chat()


def _new_channel(world: World) -> Path:
    ann, _ = world.people[world.tenant_id]
    team = world.do(lambda: world.teams.teams.create(ann, "Sales"))
    return world.do(lambda: world.teams.channels.create(team, "Deals"))


def _channel(world: World) -> tuple[str, Path]:
    channel = _new_channel(world)
    return f"/{'/'.join(channel)}/messages", channel


def _all_teams(world: World) -> tuple[str, Path]:
    return "/teams/getAllMessages", _new_channel(world)


PLACES = [
    pytest.param(_chat, id="a chat"),
    pytest.param(_user, id="a user"),
    pytest.param(_all_chats, id="all chats"),
    pytest.param(_channel, id="a channel"),
    pytest.param(_all_teams, id="all teams"),
]


def _gap(world: World, resource: str, place: Path, *, rich: bool = True) -> None:
    old = world.send("old", chat=place)
    subscribed(world, all_of(resource, rich=rich))
    lost(world)
    write_edit_and_delete(world, place, old=old)
    found_again(world)


@pytest.mark.parametrize("rich", [pytest.param(True, id="rich"), pytest.param(False, id="basic")])
@pytest.mark.parametrize("make", PLACES)
def test_what_happened_while_a_subscription_was_lost_is_told_once_it_is_back(
    world: World,
    make: Callable[[World], tuple[str, Path]],
    rich: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    resource, place = make(world)
    _gap(world, resource, place, rich=rich)
    assert told(world) == []
    assert caught_up(world) == {"recorded": 1, "recovered": 1, "events": len(CHANGES)}
    assert told(world) == CHANGES
    assert [(gap.state, gap.recovered) for gap in gaps(world)] == [(GapState.RECOVERED, len(CHANGES))]
    assert [row.missed_interval for row in world.rows()] == [None]
    assert caught_up(world) == {}
    assert len({event.id for event in world.app.published}) == len(world.app.published)


def test_without_catching_up_all_of_it_is_missed(world: World) -> None:
    _gap(world, *_all_chats(world))
    world.later(hours=3)
    assert world.texts() == []


@pytest.mark.parametrize("make", PLACES)
def test_what_is_recovered_has_the_very_ids_of_the_live_events(
    world: World, make: Callable[[World], tuple[str, Path]]
) -> None:
    """Beside a subscription that is lost, another one of the same messages goes on: it tells what would have come."""
    resource, place = make(world)
    old = world.send("old", chat=place)
    # What is missed is looked for four hours back.
    world.later(hours=5)
    subscribed(world, all_of(resource))
    [own] = world.subscriptions()
    write_edit_and_delete(world, place, old=old)
    live = {event.id: event for event in world.app.published}
    world.do(lambda: world.graph.announce_missed(own.id))
    world.settle()
    world.app.published.clear()
    world.run()
    assert caught_up(world)["recovered"] == 1
    found = {event.id: event for event in world.app.published if event.recovered}
    assert found.keys() <= live.keys()
    assert len(found) == len(CHANGES)
    for id_, event in found.items():
        as_it_was = live[id_]
        assert (event.type, event.source, event.subject) == (as_it_was.type, as_it_was.source, as_it_was.subject)
        data, then = json.loads(event.data), json.loads(as_it_was.data)
        assert data["resource"] == then["resource"]
        assert data["resourceData"] == then["resourceData"]
        assert data["content"]["id"] == then["content"]["id"]
        assert json.loads(event.to_json())["recovered"] is True


def test_what_has_come_live_is_not_told_again(world: World) -> None:
    resource, chat = _all_chats(world)
    old = world.send("old", chat=chat)
    world.later(hours=5)
    subscribed(world, all_of(resource))
    write_edit_and_delete(world, chat, old=old)
    live, again = list(world.app.published), list[CloudEvent]()

    def publish(events: Sequence[CloudEvent], deadline: Deadline, sent: Callable[[CloudEvent], None]) -> None:
        deadline.raise_if_passed()
        again.extend(events)
        for event in events:
            sent(event)

    table = world.app.clients.publication_table()
    published = PublishOnce(table, publish, window=timedelta(hours=4), now=world.app.time.now)
    published.publish(live, Deadline.after(timedelta(seconds=20)))
    while not published.is_idle():
        time.sleep(0.01)
    again.clear()
    world.do(lambda: world.graph.announce_missed(world.graph.subscriptions()[0].id))
    world.settle()
    world.run()
    assert caught_up(world, publish=published.publish) == {"recorded": 1, "recovered": 1, "events": len(CHANGES)}
    assert again == []


def test_an_app_that_was_down_for_longer_than_graph_tries_reads_what_it_missed(world: World) -> None:
    resource, chat = _all_chats(world)
    old = world.send("old", chat=chat)
    subscribed(world, all_of(resource))
    with world.fault(world.endpoint_service, Fault(status=503)):
        write_edit_and_delete(world, chat, old=old)
        world.later(hours=5)
        assert world.graph.lost != ()
    world.run()
    assert caught_up(world)["recovered"] == 1
    assert told(world) == CHANGES


def test_what_was_written_in_the_gap_and_edited_after_it_is_told_as_it_is(world: World) -> None:
    resource, chat = _all_chats(world)
    subscribed(world, all_of(resource))
    lost(world)
    written = world.send("first", chat=chat)
    found_again(world)
    world.later(minutes=20)
    world.do(lambda: world.teams.messages.edit(written, "second"))
    world.settle()
    assert world.texts() == ["second"]
    caught_up(world)
    assert told(world) == [("Created", "second")]


def test_answers_in_a_channel_are_found_by_their_own_time(world: World) -> None:
    resource, channel = _channel(world)
    ann, _ = world.people[world.tenant_id]
    root = world.send("old", chat=channel)
    subscribed(world, all_of(resource))
    lost(world)
    world.later(minutes=10)
    reply = world.do(lambda: world.teams.messages.reply(root, ann, "late"))
    found_again(world)
    caught_up(world)
    assert told(world) == [("Created", "late")]
    assert [event.subject for event in world.app.published if event.recovered] == ["/".join(reply)]


def test_a_graph_without_the_delta_of_a_channel_is_asked_for_its_list(world: World) -> None:
    _gap(world, *_channel(world))
    with world.fault(world.graph_service, Fault(path="/messages/delta$", status=404)):
        assert caught_up(world)["recovered"] == 1
    assert told(world) == CHANGES


def test_pages_that_are_small_or_empty_are_read_to_the_last_one(world: World) -> None:
    world.graph.paging.hollow, world.graph.paging.most = True, 1
    _gap(world, *_all_chats(world))
    assert caught_up(world)["recovered"] == 1
    assert told(world) == CHANGES


# --- Cut short


def test_a_run_that_is_cut_short_is_gone_on_with_where_it_was(world: World) -> None:
    world.graph.paging.most = 2
    _gap(world, *_chat(world))
    done = caught_up(world, time=timedelta(seconds=0.9))
    assert done["to be continued"] == 1
    assert 0 < done["events"] < len(CHANGES)
    first = len(world.graph_service.requests)
    assert caught_up(world)["recovered"] == 1
    assert "skiptoken" in world.graph_service.requests[first].path_qs
    assert told(world) == CHANGES
    assert gaps(world)[0].recovered == len(CHANGES)


@dataclass(frozen=True)
class _Fated:
    graph: GraphLists
    left: Iterator[int]

    def get_page(self, path: str) -> Page:
        if next(self.left, None) is None:
            raise Killed
        return self.graph.get_page(path)

    def get_item(self, path: str) -> Mapping[str, Any]:
        return self.graph.get_item(path)


@pytest.mark.parametrize("reads", range(6))
def test_a_run_that_is_killed_is_made_up_for_by_the_next(world: World, reads: int) -> None:
    """A page for the list of two users, two pages for the messages of each."""
    world.graph.paging.most = 3
    _gap(world, *_all_chats(world))
    left = iter(range(reads))
    if reads < 5:
        with pytest.raises(Killed):
            caught_up(world, around_graph=lambda graph: _Fated(graph, left))
    caught_up(world)
    assert told(world) == CHANGES
    assert [gap.state for gap in gaps(world)] == [GapState.RECOVERED]


def test_a_place_that_graph_has_forgotten_is_begun_anew(world: World) -> None:
    world.graph.paging.most = 2
    _gap(world, *_channel(world))
    assert caught_up(world, time=timedelta(seconds=0.9))["to be continued"] == 1
    world.do(world.graph.paging.reset)
    assert caught_up(world)["recovered"] == 1
    assert told(world) == CHANGES


# --- Put off, refused


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_pause_is_slept_through_and_a_long_one_left_to_a_later_run(world: World, status: int) -> None:
    _gap(world, *_all_chats(world))
    short = Fault(path="getAllMessages", status=status, headers={"Retry-After": "7"}, times=1)
    long = Fault(path="getAllMessages", status=status, headers={"Retry-After": "900"}, times=1)
    with world.fault(world.graph_service, long):
        assert caught_up(world) == {"recorded": 1, "put off": 1}
    asked = len(world.graph_service.requests)
    world.later(minutes=14)
    assert caught_up(world) == {}
    assert len(world.graph_service.requests) == asked
    world.later(minutes=2)
    with world.fault(world.graph_service, short):
        assert caught_up(world)["recovered"] == 1
    assert told(world) == CHANGES


def test_an_outage_is_waited_for(world: World) -> None:
    _gap(world, *_all_chats(world))
    with world.fault(world.graph_service, Fault(drop=True)):
        assert caught_up(world) == {"recorded": 1, "put off": 1}
    world.later(minutes=6)
    assert caught_up(world)["recovered"] == 1
    assert told(world) == CHANGES


def test_a_permission_that_is_missing_is_said_once_and_asked_for_again(world: World) -> None:
    _gap(world, *_all_chats(world))
    world.grant(*world.tenant_ids, roles=ROLES)
    world.app.restart()
    assert caught_up(world) == {"recorded": 1, "refused": 1}
    world.later(minutes=6)
    assert caught_up(world) == {"refused": 1}
    said = [event for event in world.app.published if event.type == "Microsoft.Graph.SubscriptionGap"]
    assert len(said) == 1
    assert "User.Read.All" in json.loads(said[0].data)["reason"]
    [gap] = gaps(world)
    assert gap.state == GapState.REFUSED
    assert "User.Read.All" in (gap.reason or "")
    world.grant(*world.tenant_ids, roles=(*ROLES, "User.Read.All"))
    world.app.restart()
    world.later(hours=1)
    assert caught_up(world)["recovered"] == 1
    assert told(world) == CHANGES


def test_what_graph_cannot_tell_is_said_to_be_lost(world: World) -> None:
    subscribed(world, CALLS)
    lost(world)
    found_again(world)
    since = world.rows()[0].missed_interval
    assert since is not None
    assert caught_up(world) == {"recorded": 1, "unrecoverable": 1}
    [event] = world.app.published
    assert event.type == "Microsoft.Graph.SubscriptionGap"
    assert json.loads(event.data)["resource"] == CALLS["resource"]
    assert caught_up(world) == {}


def test_nothing_is_read_where_there_is_no_gap(world: World) -> None:
    resource, chat = _all_chats(world)
    subscribed(world, all_of(resource))
    world.send("live", chat=chat)
    asked = len(world.graph_service.requests)
    assert caught_up(world) == {}
    assert len(world.graph_service.requests) == asked
