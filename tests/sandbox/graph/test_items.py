"""Graph's GETs of single items: by the path of a notification, with the permission of the item, as they are now."""

from urllib.parse import quote

import pytest

from sandbox.graph.paths import odata
from sandbox.teams import Path
from tests.sandbox.graph_world import APP, POWERLESS_APP, GraphWorld

pytestmark = pytest.mark.slow


def items(tenant: GraphWorld) -> list[Path]:
    teams = tenant.teams
    chat = teams.chats.create([tenant.ann, tenant.bob])
    team = teams.teams.create(tenant.ann, "Rockets")
    channel = teams.channels.create(team, "Secret", membership_type="shared")
    root = teams.messages.send(channel, tenant.ann, "x")
    entity = teams.get(chat, tenant_id=tenant.ann.tenant_id)
    assert entity is not None
    return [
        chat,
        (*chat, "members", entity["members"][0]["id"]),
        teams.messages.send(chat, tenant.ann, "x"),
        team,
        teams.teams.add_member(team, tenant.bob),
        channel,
        root,
        teams.messages.reply(root, tenant.bob, "y"),
        teams.channels.add_member(channel, tenant.bob),
    ]


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_everything_can_be_fetched_by_either_spelling_of_its_path(tenant: GraphWorld, version: str) -> None:
    for path in tenant.do(lambda: items(tenant)):
        by_notification = tenant.call("GET", f"{version}/{odata(path)}")
        by_segments = tenant.call("GET", f"{version}/{'/'.join(quote(part, safe='') for part in path)}")
        assert by_notification.status_code == 200, path
        assert by_notification.json() == by_segments.json()
        assert by_notification.json()["id"] == path[-1]


def test_everything_needs_its_permission(tenant: GraphWorld) -> None:
    for path in tenant.do(lambda: items(tenant)):
        answer = tenant.call("GET", f"v1.0/{odata(path)}", app=POWERLESS_APP)
        assert answer.status_code == 403
        message = answer.json()["error"]["message"]
        assert message.startswith("Missing role permissions on the request. API requires one of '")
        assert message.endswith("Roles on the request 'Mail.Read'.")
        assert tenant.call("GET", f"v1.0/{odata(path)}", headers={"Authorization": ""}).status_code == 401


def test_deleted_item_is_404(tenant: GraphWorld) -> None:
    paths = tenant.do(lambda: items(tenant))
    tenant.do(lambda: tenant.teams.chats.remove_member(paths[1]))
    tenant.do(lambda: tenant.teams.teams.delete(paths[3]))
    statuses = [tenant.call("GET", f"v1.0/{odata(path)}").status_code for path in paths]
    assert statuses == [200, 404, 200, *[404] * 6]


def test_members_of_a_chat_come_only_if_asked_for(tenant: GraphWorld) -> None:
    chat = tenant.do(lambda: items(tenant))[0]
    assert "members" not in tenant.call("GET", f"v1.0/{odata(chat)}").json()
    assert len(tenant.call("GET", f"v1.0/{odata(chat)}?$expand=members").json()["members"]) == 2


def test_another_tenants_chat_is_404(tenant: GraphWorld) -> None:
    stranger = tenant.do(lambda: tenant.teams.add_user(tenant.teams.add_tenant(), "Dee Doe"))
    chat = tenant.do(lambda: tenant.teams.chats.create([stranger, tenant.ann]))
    assert tenant.call("GET", f"v1.0/{odata(chat)}").status_code == 404


@pytest.mark.parametrize("path", ["chats", "teams/getAllMessages", "chats/getAllMessages", "teams/x/y", "chatsx"])
def test_path_that_can_only_be_subscribed_to_cannot_be_fetched(tenant: GraphWorld, path: str) -> None:
    assert tenant.call("GET", f"v1.0/{path}", app=APP).status_code == 400


def test_one_chat_takes_one_get_a_second(tenant: GraphWorld) -> None:
    tenant.graph.throttle.enabled = True
    path, headers = tenant.do(lambda: items(tenant))[2], tenant.bearer()
    answers = [tenant.call("GET", f"v1.0/{odata(path)}", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "1"
