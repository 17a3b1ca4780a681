"""Subscriptions of an app for a user who has signed in: whose they are, what they ask for, and presence."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as Folder
from typing import Any

import pytest
import requests

from sandbox.entra import Account, Application
from sandbox.teams import User
from tests.sandbox.graph_keys import decrypt, rich, rsa_key
from tests.sandbox.graph_world import APP, GUID, OTHER_APP, ROLES, SECRET, GraphWorld, error, graph_world

pytestmark = pytest.mark.slow

SCOPES = ("Presence.Read.All", "Chat.Read", "TeamMember.Read.All")
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def world(tmp_path: Folder) -> Iterator[GraphWorld]:
    with graph_world(tmp_path) as world:
        for app in (APP, OTHER_APP):
            world.entra.register(_application(world, app))
        yield world


def _application(world: GraphWorld, app: str = APP) -> Application:
    tenant_ids = (world.ann.tenant_id,)
    return Application(
        client_id=app, tenant_ids=tenant_ids, secret=SECRET, roles=ROLES, scopes=SCOPES, public_client=True
    )


def _account(user: User) -> Account:
    return Account(object_id=user.id, tenant_id=user.tenant_id, name=user.display_name, username=user.email)


def _bearer(world: GraphWorld, user: User, app: str = APP) -> dict[str, str]:
    """Return the header of an app for which a user has signed in."""

    def post(endpoint: str, **form: str) -> Any:
        url = f"{world.login.url}/{user.tenant_id}/oauth2/v2.0/{endpoint}"
        return requests.post(url, data={"client_id": app, **form}, timeout=5, verify=str(world.tls.ca_file)).json()

    flow = post("devicecode", scope="https://graph.microsoft.com/.default")
    world.entra.approve(flow["user_code"], _account(user))
    token = post("token", grant_type=GRANT, device_code=flow["device_code"])["access_token"]
    return {"Authorization": f"Bearer {token}"}


def _create(world: GraphWorld, headers: dict[str, str], **changes: Any) -> requests.Response:
    return world.call("POST", "v1.0/subscriptions", world.body(**changes), headers=headers)


def _presence(world: GraphWorld, *users: User) -> dict[str, Any]:
    return {
        "changeType": "updated",
        "resource": f"/communications/presences?$filter=id in ({','.join(f"'{user.id}'" for user in users)})",
        "expirationDateTime": world.at(hours=1),
    }


def _ids(answer: requests.Response) -> set[str]:
    return {each["id"] for each in answer.json()["value"]}


def _show(world: GraphWorld, user: User, availability: str) -> None:
    names = {"user": user.id}
    world.do(lambda: world.teams.others.occur("presence", user.tenant_id, names, availability=availability))
    world.settle()


def test_a_subscription_is_its_users_and_names_the_user_as_its_creator(world: GraphWorld) -> None:
    answer = _create(world, _bearer(world, world.ann), **_presence(world, world.bob))
    assert (answer.status_code, answer.json()["creatorId"]) == (201, world.ann.id)
    assert answer.json()["applicationId"] == APP


def test_a_list_has_what_the_app_made_for_this_user_and_the_app_itself_sees_all(world: GraphWorld) -> None:
    """Source: https://learn.microsoft.com/en-us/graph/api/subscription-list."""
    ann, bob = _bearer(world, world.ann), _bearer(world, world.bob)
    anns = _create(world, ann, **_presence(world, world.bob)).json()["id"]
    bobs = _create(world, bob, **_presence(world, world.bob)).json()["id"]
    apps = world.subscribe()["id"]
    strangers = _create(world, _bearer(world, world.ann, OTHER_APP), **_presence(world, world.bob)).json()["id"]
    assert _ids(world.call("GET", "v1.0/subscriptions", headers=ann)) == {anns}
    assert _ids(world.call("GET", "v1.0/subscriptions", headers=bob)) == {bobs}
    assert _ids(world.call("GET", "v1.0/subscriptions")) == {anns, bobs, apps}
    assert _ids(world.call("GET", "v1.0/subscriptions", app=OTHER_APP)) == {strangers}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_the_subscription_of_another_user_is_not_there(world: GraphWorld, method: str) -> None:
    ann, bob = _bearer(world, world.ann), _bearer(world, world.bob)
    one = _create(world, ann, **_presence(world, world.bob)).json()["id"]
    body = {"expirationDateTime": world.at(hours=1)} if method == "PATCH" else None
    others = world.subscribe()["id"]
    for subscription, headers in ((one, bob), (others, ann)):
        assert world.call(method, f"v1.0/subscriptions/{subscription}", body, headers=headers).status_code == 404
    assert world.call(method, f"v1.0/subscriptions/{one}", body, headers=ann).ok


def test_a_users_subscription_can_be_reauthorized_and_renewed_by_the_user(world: GraphWorld) -> None:
    ann = _bearer(world, world.ann)
    one = _create(world, ann, **_presence(world, world.bob)).json()["id"]
    assert world.call("POST", f"v1.0/subscriptions/{one}/reauthorize", headers=ann).status_code == 204
    expiration = {"expirationDateTime": world.at(minutes=59)}
    assert error(world.call("PATCH", f"v1.0/subscriptions/{one}", expiration))[0] == 403
    assert world.call("PATCH", f"v1.0/subscriptions/{one}", expiration, headers=ann).status_code == 200


def test_presence_is_for_users_only(world: GraphWorld) -> None:
    world.entra.register(replace(_application(world), roles=("Presence.Read.All",)))
    assert error(_create(world, world.bearer(), **_presence(world, world.bob)))[0] == 403


def test_a_tenants_chats_are_for_apps_only(world: GraphWorld) -> None:
    world.entra.register(replace(_application(world), scopes=("Chat.Read.All",)))
    assert error(_create(world, _bearer(world, world.ann)))[0] == 403


def test_delegated_permissions_are_others_than_the_apps(world: GraphWorld) -> None:
    chat = {"resource": "/".join(["", *world.new_chat(), "messages"])}
    assert _create(world, _bearer(world, world.ann), **chat).status_code == 201
    world.entra.register(replace(_application(world), scopes=("Chat.ReadBasic", "Chat.Read.All")))
    refused = error(_create(world, _bearer(world, world.bob), **chat))
    assert refused[0] == 403
    assert "'Chat.Read,Chat.ReadWrite'" in refused[2]


def test_a_user_watches_only_what_the_user_can_see(world: GraphWorld) -> None:
    eve = world.teams.add_user(world.ann.tenant_id, "Eve Eames")
    headers = _bearer(world, eve)
    team = world.do(lambda: world.teams.teams.create(world.ann, "Crew"))
    for path in ((*world.new_chat(), "messages"), ("users", world.ann.id, "chats", "getAllMessages")):
        assert error(_create(world, headers, resource="/".join(path)))[0] == 403
    members = {"resource": "/".join((*team, "members"))}
    assert error(_create(world, headers, **members))[0] == 403
    world.do(lambda: world.teams.teams.add_member(team, eve))
    assert _create(world, headers, **members).status_code == 201
    assert _create(world, headers, resource=f"users/{eve.id}/chats/getAllMessages").status_code == 201


def test_what_one_user_watches_is_no_duplicate_for_another(world: GraphWorld) -> None:
    ann = _bearer(world, world.ann)
    watched = {"resource": f"/communications/presences/{world.bob.id}", "changeType": "updated"}
    watched["expirationDateTime"] = world.at(hours=1)
    assert _create(world, ann, **watched).status_code == 201
    assert error(_create(world, ann, **watched))[0] == 409
    assert _create(world, _bearer(world, world.bob), **watched).status_code == 201


def test_an_app_has_one_presence_subscription_for_a_user(world: GraphWorld) -> None:
    ann = _bearer(world, world.ann)
    first = _create(world, ann, **_presence(world, world.bob)).json()["id"]
    assert error(_create(world, ann, **_presence(world, world.ann)))[0] == 403
    assert _create(world, _bearer(world, world.ann, OTHER_APP), **_presence(world, world.ann)).status_code == 201
    world.call("DELETE", f"v1.0/subscriptions/{first}", headers=ann)
    assert _create(world, ann, **_presence(world, world.ann)).status_code == 201


@pytest.mark.parametrize(
    "query",
    ["", "?$filter=id eq 'a'", "?$filter=id in ()", f"?$filter=id in ({','.join([f"'{GUID}'"] * 651)})", "?$search=a"],
    ids=["none", "eq", "nobody", "651", "search"],
)
def test_presences_need_a_filter_of_at_most_650_users(world: GraphWorld, query: str) -> None:
    asked = _presence(world) | {"resource": f"/communications/presences{query}"}
    assert error(_create(world, _bearer(world, world.ann), **asked))[0] == 400


def test_presence_lives_an_hour(world: GraphWorld) -> None:
    asked = _presence(world, world.bob) | {"expirationDateTime": world.at(minutes=62)}
    assert error(_create(world, _bearer(world, world.ann), **asked))[0] == 400


def test_a_change_of_presence_is_told_to_whoever_watches_that_user(world: GraphWorld) -> None:
    """Source: https://learn.microsoft.com/en-us/graph/changenotifications-for-presence."""
    assert _create(world, _bearer(world, world.ann), **_presence(world, world.bob)).status_code == 201
    _show(world, world.ann, "Busy")
    _show(world, world.bob, "Busy")
    (item,) = world.receiver.items
    assert item["resource"] == f"communications/presences/{world.bob.id}"
    assert item["resourceData"] == {
        "@odata.type": "#Microsoft.Graph.presence",
        "@odata.id": f"users/{world.bob.id}/presence",
        "id": world.bob.id,
    }
    assert item["organizationId"] == world.bob.tenant_id
    assert "encryptedContent" not in item


def test_a_rich_change_of_presence_carries_it(world: GraphWorld) -> None:
    watched = {"resource": f"/communications/presences('{world.bob.id}')", **rich()}
    created = _create(world, _bearer(world, world.ann), **(_presence(world, world.bob) | watched))
    assert created.status_code == 201, created.text
    _show(world, world.bob, "DoNotDisturb")
    (item,) = world.receiver.items
    opened = decrypt(item["encryptedContent"], rsa_key(2048))
    assert opened == {"id": world.bob.id, "availability": "DoNotDisturb", "activity": "Available"}
