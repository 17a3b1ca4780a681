"""Chats, teams, channels and members that change while a subscription is lost: found by listing and comparing.

Source: https://learn.microsoft.com/graph/api/teams-list and the other lists that ``shared.gaps.snapshot`` names
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from sandbox.serving import Fault
from sandbox.teams import Path
from shared.events.cloud_events import CloudEvent
from shared.events.publish_once import Publish, PublishOnce
from shared.gaps.gap import GapState
from shared.gaps.graph_queries import needs_snapshot
from shared.timing import Deadline
from tests.flows.app import App
from tests.flows.catching_up import caught_up, found_again, gaps, lost, subscribed
from tests.flows.wishes import Entry
from tests.flows.world import World

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is watched, what people do while nobody hears of it, and what is to be told of that."""

    entry: Entry
    happens: Callable[[], object]
    told: Sequence[str]


def _entry(resource: str, change_type: str = "created,updated,deleted") -> Entry:
    return {"resource": resource, "changeType": change_type, "includeResourceData": True}


def _team(world: World) -> Path:
    ann, _ = world.people[world.tenant_id]
    return world.do(lambda: world.teams.teams.create(ann, "Sales"))


def _all_teams(world: World) -> Scene:
    ann, _ = world.people[world.tenant_id]
    teams, stays, goes = world.teams.teams, _team(world), _team(world)
    made: list[Path] = []

    def happens() -> None:
        made.append(teams.create(ann, "New"))
        teams.rename(stays, "Marketing")
        teams.delete(goes)

    return Scene(entry=_entry("/teams"), happens=happens, told=["TeamCreated", "TeamDeleted", "TeamUpdated"])


def _one_team(world: World) -> Scene:
    team, other = _team(world), _team(world)

    def happens() -> None:
        world.teams.teams.rename(other, "Nobody hears of it")
        world.teams.teams.rename(team, "Marketing")

    return Scene(entry=_entry(f"/teams/{team[1]}", "updated,deleted"), happens=happens, told=["TeamUpdated"])


def _channels(world: World, resource: str) -> Scene:
    team, channels = _team(world), world.teams.channels
    stays, goes = (world.do(lambda name=name: channels.create(team, name)) for name in ("Deals", "Old"))  # type: ignore[misc]  # a default

    def happens() -> None:
        channels.create(team, "New")
        channels.rename(stays, "Big deals")
        channels.delete(goes)

    told = ["ChannelCreated", "ChannelDeleted", "ChannelUpdated"]
    return Scene(entry=_entry(resource.format(team=team[1])), happens=happens, told=told)


def _members_of_team(world: World, resource: str) -> Scene:
    _, bob = world.people[world.tenant_id]
    team, members = _team(world), world.teams.teams
    cara, dan = (world.do(lambda name=name: world.teams.add_user(world.tenant_id, name)) for name in ("Cara", "Dan"))  # type: ignore[misc]  # a default
    rises, goes = (world.do(lambda user=user: members.add_member(team, user)) for user in (bob, cara))  # type: ignore[misc]  # a default

    def happens() -> None:
        members.add_member(team, dan)
        members.set_roles(rises, ["owner"])
        members.remove_member(goes)

    told = ["ConversationMemberCreated", "ConversationMemberDeleted", "ConversationMemberUpdated"]
    return Scene(entry=_entry(resource.format(team=team[1])), happens=happens, told=told)


def _members_of_channel(world: World, resource: str) -> Scene:
    ann, bob = world.people[world.tenant_id]
    team, channels = _team(world), world.teams.channels
    world.do(lambda: world.teams.teams.add_member(team, bob))
    private = world.do(lambda: channels.create(team, "Board", membership_type="private"))
    goes = world.do(lambda: channels.add_member(private, ann))

    def happens() -> None:
        channels.add_member(private, bob)
        channels.remove_member(goes)

    told = ["ConversationMemberCreated", "ConversationMemberDeleted"]
    return Scene(entry=_entry(resource.format(team=team[1])), happens=happens, told=told)


def _members_of_chat(world: World, resource: str) -> Scene:
    cara, dan = (world.do(lambda name=name: world.teams.add_user(world.tenant_id, name)) for name in ("Cara", "Dan"))  # type: ignore[misc]  # a default
    chat, chats = world.new_chat(), world.teams.chats
    world.new_chat()
    goes = world.do(lambda: chats.add_member(chat, cara))

    def happens() -> None:
        chats.add_member(chat, dan)
        chats.remove_member(goes)

    told = ["ConversationMemberCreated", "ConversationMemberDeleted"]
    return Scene(entry=_entry(resource.format(chat=chat[1]), "created,deleted"), happens=happens, told=told)


def _chats(world: World, resource: str, change_type: str = "created,updated") -> Scene:
    people, chats, chat = world.people[world.tenant_id], world.teams.chats, world.new_chat()
    world.new_chat()

    def happens() -> None:
        chats.create(people, topic="New")
        chats.rename(chat, "Dinner")

    told = ["ChatUpdated"] if change_type == "updated" else ["ChatCreated", "ChatUpdated"]
    entry = _entry(resource.format(chat=chat[1], user=people[0].id), change_type)
    return Scene(entry=entry, happens=happens, told=told)


SCENES: dict[str, Callable[[World], Scene]] = {
    "all teams": _all_teams,
    "a team": _one_team,
    "all channels": lambda world: _channels(world, "/teams/getAllChannels"),
    "channels of a team": lambda world: _channels(world, "/teams/{team}/channels"),
    "members of all teams": lambda world: _members_of_team(world, "/teams/getAllMembers"),
    "members of a team": lambda world: _members_of_team(world, "/teams/{team}/members"),
    "members of a team's channels": lambda world: _members_of_channel(world, "/teams/{team}/channels/getAllMembers"),
    "members of all channels": lambda world: _members_of_channel(world, "/teams/getAllChannels/getAllMembers"),
    "members of all chats": lambda world: _members_of_chat(world, "/chats/getAllMembers"),
    "members of a chat": lambda world: _members_of_chat(world, "/chats/{chat}/members"),
    "all chats": lambda world: _chats(world, "/chats"),
    "a chat": lambda world: _chats(world, "/chats/{chat}", "updated"),
    "chats of a user": lambda world: _chats(world, "/users/{user}/chats"),
}


def _recovered(world: World) -> list[str]:
    events = [event for event in world.app.published if event.recovered]
    return sorted(event.type.removeprefix("Microsoft.Graph.") for event in events)


def _begun(world: World, scene: Scene) -> None:
    """Have the app watch, and know what is there."""
    subscribed(world, scene.entry)
    done = caught_up(world)
    assert done["noted"] == sum(gap.is_baseline for gap in gaps(world))
    assert caught_up(world) == {}
    assert _recovered(world) == []


@pytest.mark.parametrize("make", SCENES.values(), ids=SCENES)
def test_what_happens_while_a_subscription_is_lost_is_told_once_it_is_back(
    world: World, make: Callable[[World], Scene]
) -> None:
    scene = make(world)
    _begun(world, scene)
    lost(world)
    world.later(minutes=10)
    world.do(scene.happens)
    world.settle()
    found_again(world)
    assert caught_up(world) == {"recorded": 1, "recovered": 1, "events": len(scene.told)}
    assert _recovered(world) == scene.told
    assert caught_up(world) == {}
    assert len({event.id for event in world.app.published}) == len(world.app.published)


@pytest.mark.parametrize("make", SCENES.values(), ids=SCENES)
def test_what_came_live_is_not_told_again_after_a_gap(world: World, make: Callable[[World], Scene]) -> None:
    scene = make(world)
    _begun(world, scene)
    world.do(scene.happens)
    world.settle()
    live = [event.type.removeprefix("Microsoft.Graph.") for event in world.app.published]
    assert set(scene.told) <= set(live)
    world.later(minutes=20)
    lost(world)
    found_again(world)
    done = caught_up(world)
    assert (done["recovered"], done["unrecoverable"]) == (1, 0)
    assert _recovered(world) == []


def test_who_comes_and_goes_and_comes_again_is_told_every_time(world: World) -> None:
    """Twice unnoticed, and to the same looks; what is told in between has no content to be told from others by."""
    cara = world.do(lambda: world.teams.add_user(world.tenant_id, "Cara"))
    chat, chats = world.new_chat(), world.teams.chats
    subscribed(world, {"resource": f"/chats/{chat[1]}/members", "changeType": "created,deleted"})
    table = world.app.clients.publication_table()
    published = PublishOnce(table, _into(world.app), window=timedelta(hours=4), now=world.clock.now)
    caught_up(world, publish=published.publish)
    for _ in range(2):
        lost(world)
        world.later(minutes=10)
        member = world.do(lambda: chats.add_member(chat, cara))
        world.settle()
        found_again(world)
        assert caught_up(world, publish=published.publish)["recovered"] == 1
        world.later(minutes=1)
        world.do(lambda member=member: chats.remove_member(member))  # type: ignore[misc]  # a default
        world.settle()
    told = [(event.type.removeprefix("Microsoft.Graph.ConversationMember"), event.id) for event in world.app.published]
    assert [change for change, _ in told] == ["Created", "Deleted"] * 2
    assert len({id_ for _, id_ in told}) == 4


def _into(app: App) -> Publish:
    def publish(events: Sequence[CloudEvent], _deadline: Deadline, sent: Callable[[CloudEvent], None]) -> None:
        for event in events:
            app.published.append(event)
            sent(event)

    return publish


@pytest.mark.parametrize("name", ["all channels", "members of a team"])
def test_as_long_as_graph_refuses_the_lists_it_is_said_and_asked_again(world: World, name: str) -> None:
    scene = SCENES[name](world)
    subscribed(world, scene.entry)
    refusal = Fault(path=r"/teams/[^/?]+/(channels|members)", method="GET", status=403)
    with world.fault(world.graph_service, refusal):
        assert caught_up(world) == {"refused": 1}
    world.later(minutes=6)
    assert caught_up(world) == {"noted": 1}
    [baseline] = gaps(world)
    assert needs_snapshot(baseline)
    assert baseline.state is GapState.BASELINED
    assert world.app.published == []
