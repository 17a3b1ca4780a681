"""Graph's GETs of single things: by the path of a notification, with the permission of the thing, as they are now."""

from collections.abc import Iterator
from pathlib import Path as Folder
from urllib.parse import quote

import pytest

from sandbox.graph.paths import odata
from sandbox.teams import Path
from tests.sandbox.graph_world import APP, POWERLESS_APP, GraphWorld, graph_world

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Folder) -> Iterator[GraphWorld]:
    with graph_world(tmp_path) as it:
        it.graph.throttle.enabled = False
        yield it


def things(world: GraphWorld) -> list[Path]:
    teams = world.teams
    chat = teams.chats.create([world.ann, world.bob])
    team = teams.teams.create(world.ann, "Rockets")
    channel = teams.channels.create(team, "Secret", membership_type="shared")
    root = teams.messages.send(channel, world.ann, "x")
    entity = teams.get(chat, tenant_id=world.ann.tenant_id)
    assert entity is not None
    return [
        chat,
        (*chat, "members", entity["members"][0]["id"]),
        teams.messages.send(chat, world.ann, "x"),
        team,
        teams.teams.add_member(team, world.bob),
        channel,
        root,
        teams.messages.reply(root, world.bob, "y"),
        teams.channels.add_member(channel, world.bob),
    ]


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_everything_can_be_fetched_by_either_spelling_of_its_path(world: GraphWorld, version: str) -> None:
    for path in world.do(lambda: things(world)):
        by_notification = world.call("GET", f"{version}/{odata(path)}")
        by_segments = world.call("GET", f"{version}/{'/'.join(quote(part, safe='') for part in path)}")
        assert by_notification.status_code == 200, path
        assert by_notification.json() == by_segments.json()
        assert by_notification.json()["id"] == path[-1]


def test_everything_needs_its_permission(world: GraphWorld) -> None:
    for path in world.do(lambda: things(world)):
        answer = world.call("GET", f"v1.0/{odata(path)}", app=POWERLESS_APP)
        assert answer.status_code == 403
        message = answer.json()["error"]["message"]
        assert message.startswith("Missing role permissions on the request. API requires one of '")
        assert message.endswith("Roles on the request 'User.Read.All'.")
        assert world.call("GET", f"v1.0/{odata(path)}", headers={"Authorization": ""}).status_code == 401


def test_deleted_item_is_404(world: GraphWorld) -> None:
    paths = world.do(lambda: things(world))
    world.do(lambda: world.teams.chats.remove_member(paths[1]))
    world.do(lambda: world.teams.teams.delete(paths[3]))
    statuses = [world.call("GET", f"v1.0/{odata(path)}").status_code for path in paths]
    assert statuses == [200, 404, 200, *[404] * 6]


def test_softly_deleted_message_is_still_answered(world: GraphWorld) -> None:
    message = world.do(lambda: things(world))[2]
    world.do(lambda: world.teams.messages.delete(message))
    body = world.call("GET", f"v1.0/{odata(message)}").json()
    assert body["deletedDateTime"] is not None
    assert body["body"]["content"] == ""


def test_members_of_a_chat_come_only_if_asked_for(world: GraphWorld) -> None:
    chat = world.do(lambda: things(world))[0]
    assert "members" not in world.call("GET", f"v1.0/{odata(chat)}").json()
    assert len(world.call("GET", f"v1.0/{odata(chat)}?$expand=members").json()["members"]) == 2


def test_another_tenants_chat_is_404(world: GraphWorld) -> None:
    stranger = world.do(lambda: world.teams.add_user(world.teams.add_tenant(), "Dee Doe"))
    chat = world.do(lambda: world.teams.chats.create([stranger, world.ann]))
    assert world.call("GET", f"v1.0/{odata(chat)}").status_code == 404


@pytest.mark.parametrize("path", ["chats", "teams/getAllMessages", "chats/getAllMessages", "teams/x/y", "chatsx"])
def test_path_that_can_only_be_subscribed_to_cannot_be_fetched(world: GraphWorld, path: str) -> None:
    assert world.call("GET", f"v1.0/{path}", app=APP).status_code == 400


def test_one_chat_takes_one_get_a_second(world: GraphWorld) -> None:
    world.graph.throttle.enabled = True
    path, headers = world.do(lambda: things(world))[2], world.bearer()
    answers = [world.call("GET", f"v1.0/{odata(path)}", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "1"
