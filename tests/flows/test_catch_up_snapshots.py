"""Chats, teams, channels and members that change while a subscription is lost: found by comparing snapshots.

Source: https://learn.microsoft.com/graph/api/teams-list and the other lists that ``shared.gaps.snapshot`` names
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from sandbox.serving import Fault
from sandbox.teams import Path, User
from shared.gaps.gap import GapState
from shared.gaps.graph_queries import needs_snapshot
from tests.flows.catch_up_steps import (
    all_of,
    gaps,
    lose_subscriptions,
    prove,
    publish_once,
    recreate_subscriptions,
    run_catch_up,
    subscribe,
)
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import Entry

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is subscribed to, what happens during the gap, and the types of the events expected of that."""

    entry: Entry
    happens: Callable[[], object]
    events: Sequence[str]


def _team(deployment: LoopbackDeployment) -> Path:
    ann, _ = deployment.people[deployment.tenant_id]
    return deployment.do(lambda: deployment.teams.teams.create(ann, "Sales"))


def _user(deployment: LoopbackDeployment, name: str) -> User:
    return deployment.do(lambda: deployment.teams.add_user(deployment.tenant_id, name))


def _all_teams(deployment: LoopbackDeployment) -> Scene:
    ann, _ = deployment.people[deployment.tenant_id]
    teams, stays, goes = deployment.teams.teams, _team(deployment), _team(deployment)
    made: list[Path] = []

    def happens() -> None:
        made.append(teams.create(ann, "New"))
        teams.rename(stays, "Marketing")
        teams.delete(goes)

    return Scene(entry=all_of("/teams"), happens=happens, events=["TeamCreated", "TeamDeleted", "TeamUpdated"])


def _one_team(deployment: LoopbackDeployment) -> Scene:
    team, other = _team(deployment), _team(deployment)

    def happens() -> None:
        deployment.teams.teams.rename(other, "Not subscribed to")
        deployment.teams.teams.rename(team, "Marketing")

    return Scene(entry=all_of(f"/teams/{team[1]}", "updated,deleted"), happens=happens, events=["TeamUpdated"])


def _channels(deployment: LoopbackDeployment, resource: str) -> Scene:
    team, channels = _team(deployment), deployment.teams.channels
    stays, goes = (deployment.do(partial(channels.create, team, name)) for name in ("Deals", "Old"))

    def happens() -> None:
        channels.create(team, "New")
        channels.rename(stays, "Big deals")
        channels.delete(goes)

    events = ["ChannelCreated", "ChannelDeleted", "ChannelUpdated"]
    return Scene(entry=all_of(resource.format(team=team[1])), happens=happens, events=events)


def _members_of_team(deployment: LoopbackDeployment, resource: str) -> Scene:
    _, bob = deployment.people[deployment.tenant_id]
    team, members = _team(deployment), deployment.teams.teams
    cara, dan = (_user(deployment, name) for name in ("Cara", "Dan"))
    rises, goes = (deployment.do(partial(members.add_member, team, user)) for user in (bob, cara))

    def happens() -> None:
        members.add_member(team, dan)
        members.set_roles(rises, ["owner"])
        members.remove_member(goes)

    events = ["ConversationMemberCreated", "ConversationMemberDeleted", "ConversationMemberUpdated"]
    return Scene(entry=all_of(resource.format(team=team[1])), happens=happens, events=events)


def _members_of_channel(deployment: LoopbackDeployment, resource: str) -> Scene:
    ann, bob = deployment.people[deployment.tenant_id]
    team, channels = _team(deployment), deployment.teams.channels
    deployment.do(lambda: deployment.teams.teams.add_member(team, bob))
    private = deployment.do(lambda: channels.create(team, "Board", membership_type="private"))
    goes = deployment.do(lambda: channels.add_member(private, ann))

    def happens() -> None:
        channels.add_member(private, bob)
        channels.remove_member(goes)

    events = ["ConversationMemberCreated", "ConversationMemberDeleted"]
    return Scene(entry=all_of(resource.format(team=team[1])), happens=happens, events=events)


def _members_of_chat(deployment: LoopbackDeployment, resource: str) -> Scene:
    cara, dan = (_user(deployment, name) for name in ("Cara", "Dan"))
    chat, chats = deployment.new_chat(), deployment.teams.chats
    deployment.new_chat()
    goes = deployment.do(lambda: chats.add_member(chat, cara))

    def happens() -> None:
        chats.add_member(chat, dan)
        chats.remove_member(goes)

    events = ["ConversationMemberCreated", "ConversationMemberDeleted"]
    return Scene(entry=all_of(resource.format(chat=chat[1]), "created,deleted"), happens=happens, events=events)


def _chats(deployment: LoopbackDeployment, resource: str, change_type: str = "created,updated") -> Scene:
    people, chats, chat = deployment.people[deployment.tenant_id], deployment.teams.chats, deployment.new_chat()
    deployment.new_chat()

    def happens() -> None:
        chats.create(people, topic="New")
        chats.rename(chat, "Dinner")

    events = ["ChatUpdated"] if change_type == "updated" else ["ChatCreated", "ChatUpdated"]
    entry = all_of(resource.format(chat=chat[1], user=people[0].id), change_type)
    return Scene(entry=entry, happens=happens, events=events)


SCENES: dict[str, Callable[[LoopbackDeployment], Scene]] = {
    "all teams": _all_teams,
    "a team": _one_team,
    "all channels": lambda deployment: _channels(deployment, "/teams/getAllChannels"),
    "channels of a team": lambda deployment: _channels(deployment, "/teams/{team}/channels"),
    "members of all teams": lambda deployment: _members_of_team(deployment, "/teams/getAllMembers"),
    "members of a team": lambda deployment: _members_of_team(deployment, "/teams/{team}/members"),
    "members of a team's channels": lambda deployment: _members_of_channel(
        deployment, "/teams/{team}/channels/getAllMembers"
    ),
    "members of all channels": lambda deployment: _members_of_channel(
        deployment, "/teams/getAllChannels/getAllMembers"
    ),
    "members of all chats": lambda deployment: _members_of_chat(deployment, "/chats/getAllMembers"),
    "members of a chat": lambda deployment: _members_of_chat(deployment, "/chats/{chat}/members"),
    "all chats": lambda deployment: _chats(deployment, "/chats"),
    "a chat": lambda deployment: _chats(deployment, "/chats/{chat}", "updated"),
    "chats of a user": lambda deployment: _chats(deployment, "/users/{user}/chats"),
}


def _types(deployment: LoopbackDeployment, *, recovered: bool) -> list[str]:
    events = [event for event in deployment.app.published if event.recovered is recovered]
    return sorted(event.type.removeprefix("Microsoft.Graph.") for event in events)


def _take_baseline(deployment: LoopbackDeployment, scene: Scene) -> None:
    subscribe(deployment, scene.entry)
    done = run_catch_up(deployment)
    assert done["noted"] == sum(gap.is_baseline for gap in gaps(deployment))
    assert run_catch_up(deployment) == {}
    assert deployment.app.published == []
    prove(deployment)


@pytest.mark.parametrize("make", SCENES.values(), ids=SCENES)
def test_changes_while_a_subscription_was_lost_are_recovered(
    deployment: LoopbackDeployment, make: Callable[[LoopbackDeployment], Scene]
) -> None:
    scene = make(deployment)
    _take_baseline(deployment, scene)
    lose_subscriptions(deployment)
    deployment.later(minutes=10)
    deployment.do(scene.happens)
    deployment.settle()
    recreate_subscriptions(deployment)
    assert run_catch_up(deployment) == {"recorded": 1, "recovered": 1, "events": len(scene.events)}
    assert _types(deployment, recovered=True) == scene.events
    assert run_catch_up(deployment) == {}
    assert len({event.id for event in deployment.app.published}) == len(deployment.app.published)


@pytest.mark.parametrize("make", SCENES.values(), ids=SCENES)
def test_changes_before_a_gap_are_not_recovered(
    deployment: LoopbackDeployment, make: Callable[[LoopbackDeployment], Scene]
) -> None:
    scene = make(deployment)
    _take_baseline(deployment, scene)
    deployment.do(scene.happens)
    deployment.settle()
    assert set(scene.events) <= set(_types(deployment, recovered=False))
    deployment.later(minutes=20)
    lose_subscriptions(deployment)
    recreate_subscriptions(deployment)
    done = run_catch_up(deployment)
    assert (done["recovered"], done["unrecoverable"]) == (1, 0)
    assert _types(deployment, recovered=True) == []


def test_member_who_joins_twice_in_two_gaps_is_reported_each_time(deployment: LoopbackDeployment) -> None:
    """The lists look the same both times, and without content the live deletions have no version to differ in."""
    cara = _user(deployment, "Cara")
    chat, chats = deployment.new_chat(), deployment.teams.chats
    subscribe(deployment, all_of(f"/chats/{chat[1]}/members", "created,deleted", rich=False))
    publish = publish_once(deployment).publish
    run_catch_up(deployment, publish=publish)
    prove(deployment)
    for _ in range(2):
        lose_subscriptions(deployment)
        deployment.later(minutes=10)
        member = deployment.do(lambda: chats.add_member(chat, cara))
        deployment.settle()
        recreate_subscriptions(deployment)
        assert run_catch_up(deployment, publish=publish)["recovered"] == 1
        deployment.later(minutes=1)
        deployment.do(partial(chats.remove_member, member))
        deployment.settle()
    assert deployment.event_types() == ["ConversationMemberCreated", "ConversationMemberDeleted"] * 2
    assert len({event.id for event in deployment.app.published}) == 4


@pytest.mark.parametrize("name", ["all channels", "members of a team"])
def test_baseline_that_graph_refuses_is_taken_later(deployment: LoopbackDeployment, name: str) -> None:
    subscribe(deployment, SCENES[name](deployment).entry)
    refusal = Fault(path=r"/teams/[^/?]+/(channels|members)", method="GET", status=403)
    with deployment.fault(deployment.graph_service, refusal):
        assert run_catch_up(deployment) == {"refused": 1}
    deployment.later(minutes=6)
    assert run_catch_up(deployment) == {"noted": 1}
    [baseline] = gaps(deployment)
    assert needs_snapshot(baseline)
    assert baseline.state is GapState.BASELINED
    assert deployment.app.published == []
