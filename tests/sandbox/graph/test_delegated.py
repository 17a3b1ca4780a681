"""Subscriptions of an app for a user who has signed in: whose they are, what they need, and presence."""

from dataclasses import replace
from typing import Any

import pytest
import requests

from sandbox.entra import Application
from sandbox.teams import User
from tests.sandbox.graph_keys import decrypt, rich, rsa_key
from tests.sandbox.graph_reader import bearer_of
from tests.sandbox.graph_world import APP, GUID, OTHER_APP, ROLES, SECRET, GraphWorld, error

pytestmark = pytest.mark.slow

SCOPES = ("Presence.Read.All", "Chat.Read", "TeamMember.Read.All")


@pytest.fixture
def signed_in(world: GraphWorld) -> GraphWorld:
    """Return a world in which users can sign in to both apps."""
    for app in (APP, OTHER_APP):
        _register(world, app=app)
    return world


@pytest.fixture
def ann(signed_in: GraphWorld) -> dict[str, str]:
    return bearer_of(signed_in, signed_in.ann)


@pytest.fixture
def bob(signed_in: GraphWorld) -> dict[str, str]:
    return bearer_of(signed_in, signed_in.bob)


def _register(world: GraphWorld, *, app: str = APP, **changes: tuple[str, ...]) -> None:
    application = Application(
        client_id=app,
        tenant_ids=(world.ann.tenant_id,),
        secret=SECRET,
        roles=ROLES,
        scopes=SCOPES,
        public_client=True,
    )
    world.entra.register(replace(application, **changes))  # type: ignore[arg-type]  # roles or scopes


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


def test_user_is_the_creator_of_a_delegated_subscription(signed_in: GraphWorld, ann: dict[str, str]) -> None:
    answer = _create(signed_in, ann, **_presence(signed_in, signed_in.bob))
    assert (answer.status_code, answer.json()["creatorId"]) == (201, signed_in.ann.id)
    assert answer.json()["applicationId"] == APP


def test_list_has_the_subscriptions_of_the_caller(
    signed_in: GraphWorld, ann: dict[str, str], bob: dict[str, str]
) -> None:
    """Source: https://learn.microsoft.com/en-us/graph/api/subscription-list."""
    presence, elsewhere = _presence(signed_in, signed_in.bob), bearer_of(signed_in, signed_in.ann, OTHER_APP)
    of_ann, of_bob, of_other_app = (
        _create(signed_in, headers, **presence).json()["id"] for headers in (ann, bob, elsewhere)
    )
    of_app = signed_in.subscribe()["id"]
    assert _ids(signed_in.call("GET", "v1.0/subscriptions", headers=ann)) == {of_ann}
    assert _ids(signed_in.call("GET", "v1.0/subscriptions", headers=bob)) == {of_bob}
    assert _ids(signed_in.call("GET", "v1.0/subscriptions")) == {of_ann, of_bob, of_app}
    assert _ids(signed_in.call("GET", "v1.0/subscriptions", app=OTHER_APP)) == {of_other_app}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_subscription_of_another_user_is_404(
    signed_in: GraphWorld, ann: dict[str, str], bob: dict[str, str], method: str
) -> None:
    one = _create(signed_in, ann, **_presence(signed_in, signed_in.bob)).json()["id"]
    body = {"expirationDateTime": signed_in.at(hours=1)} if method == "PATCH" else None
    of_app = signed_in.subscribe()["id"]
    for subscription, headers in ((one, bob), (of_app, ann)):
        assert signed_in.call(method, f"v1.0/subscriptions/{subscription}", body, headers=headers).status_code == 404
    assert signed_in.call(method, f"v1.0/subscriptions/{one}", body, headers=ann).ok


def test_only_the_user_reauthorizes_and_renews(signed_in: GraphWorld, ann: dict[str, str]) -> None:
    path = f"v1.0/subscriptions/{_create(signed_in, ann, **_presence(signed_in, signed_in.bob)).json()['id']}"
    assert signed_in.call("POST", f"{path}/reauthorize", headers=ann).status_code == 204
    expiration = {"expirationDateTime": signed_in.at(minutes=59)}
    assert error(signed_in.call("PATCH", path, expiration))[0] == 403
    assert signed_in.call("PATCH", path, expiration, headers=ann).status_code == 200


def test_presence_is_for_users_only(signed_in: GraphWorld) -> None:
    _register(signed_in, roles=("Presence.Read.All",))
    assert error(_create(signed_in, signed_in.bearer(), **_presence(signed_in, signed_in.bob)))[0] == 403


def test_all_chats_of_a_tenant_are_for_apps_only(signed_in: GraphWorld) -> None:
    _register(signed_in, scopes=("Chat.Read.All",))
    assert error(_create(signed_in, bearer_of(signed_in, signed_in.ann)))[0] == 403


def test_delegated_permissions_differ_from_those_of_apps(signed_in: GraphWorld, ann: dict[str, str]) -> None:
    chat = {"resource": "/".join(["", *signed_in.new_chat(), "messages"])}
    assert _create(signed_in, ann, **chat).status_code == 201
    _register(signed_in, scopes=("Chat.ReadBasic", "Chat.Read.All"))
    refused = error(_create(signed_in, bearer_of(signed_in, signed_in.bob), **chat))
    assert refused[0] == 403
    assert "'Chat.Read,Chat.ReadWrite'" in refused[2]


def test_user_watches_only_what_the_user_can_see(signed_in: GraphWorld) -> None:
    world, eve = signed_in, signed_in.teams.add_user(signed_in.ann.tenant_id, "Eve Eames")
    headers = bearer_of(world, eve)
    team = world.do(lambda: world.teams.teams.create(world.ann, "Crew"))
    for path in ((*world.new_chat(), "messages"), ("users", world.ann.id, "chats", "getAllMessages")):
        assert error(_create(world, headers, resource="/".join(path)))[0] == 403
    members = {"resource": "/".join((*team, "members"))}
    assert error(_create(world, headers, **members))[0] == 403
    world.do(lambda: world.teams.teams.add_member(team, eve))
    assert _create(world, headers, **members).status_code == 201
    assert _create(world, headers, resource=f"users/{eve.id}/chats/getAllMessages").status_code == 201


def test_two_users_may_watch_the_same(signed_in: GraphWorld, ann: dict[str, str], bob: dict[str, str]) -> None:
    watched = _presence(signed_in) | {"resource": f"/communications/presences/{signed_in.bob.id}"}
    assert _create(signed_in, ann, **watched).status_code == 201
    assert error(_create(signed_in, ann, **watched))[0] == 409
    assert _create(signed_in, bob, **watched).status_code == 201


def test_app_has_one_presence_subscription_for_a_user(signed_in: GraphWorld, ann: dict[str, str]) -> None:
    presences = [_presence(signed_in, user) for user in (signed_in.bob, signed_in.ann)]
    first = _create(signed_in, ann, **presences[0]).json()["id"]
    assert error(_create(signed_in, ann, **presences[1]))[0] == 403
    elsewhere = bearer_of(signed_in, signed_in.ann, OTHER_APP)
    assert _create(signed_in, elsewhere, **presences[1]).status_code == 201
    signed_in.call("DELETE", f"v1.0/subscriptions/{first}", headers=ann)
    assert _create(signed_in, ann, **presences[1]).status_code == 201


@pytest.mark.parametrize(
    "query",
    ["", "?$filter=id eq 'a'", "?$filter=id in ()", f"?$filter=id in ({','.join([f"'{GUID}'"] * 651)})", "?$search=a"],
    ids=["none", "eq", "no user", "651 users", "search"],
)
def test_presences_need_a_filter_of_at_most_650_users(signed_in: GraphWorld, ann: dict[str, str], query: str) -> None:
    asked = _presence(signed_in) | {"resource": f"/communications/presences{query}"}
    assert error(_create(signed_in, ann, **asked))[0] == 400


def test_presence_subscription_lives_at_most_an_hour(signed_in: GraphWorld, ann: dict[str, str]) -> None:
    asked = _presence(signed_in, signed_in.bob) | {"expirationDateTime": signed_in.at(minutes=62)}
    assert error(_create(signed_in, ann, **asked))[0] == 400


def test_presence_is_reported_for_the_users_in_the_filter(signed_in: GraphWorld, ann: dict[str, str]) -> None:
    """Source: https://learn.microsoft.com/en-us/graph/changenotifications-for-presence."""
    watched = signed_in.bob
    assert _create(signed_in, ann, **_presence(signed_in, watched)).status_code == 201
    for user in (signed_in.ann, watched):
        signed_in.do(lambda user=user: signed_in.teams.samples.report("presence", user))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    signed_in.settle()
    (item,) = signed_in.receiver.items
    assert item["resource"] == f"communications/presences/{watched.id}"
    assert item["resourceData"] == {
        "@odata.type": "#Microsoft.Graph.presence",
        "@odata.id": f"users/{watched.id}/presence",
        "id": watched.id,
    }
    assert item["organizationId"] == watched.tenant_id
    assert "encryptedContent" not in item


def test_rich_presence_carries_its_content(signed_in: GraphWorld, ann: dict[str, str]) -> None:
    watched = {"resource": f"/communications/presences('{signed_in.bob.id}')", **rich()}
    created = _create(signed_in, ann, **(_presence(signed_in, signed_in.bob) | watched))
    assert created.status_code == 201, created.text
    signed_in.do(lambda: signed_in.teams.samples.report("presence", signed_in.bob))
    signed_in.settle()
    (item,) = signed_in.receiver.items
    opened = decrypt(item["encryptedContent"], rsa_key(2048))
    assert opened == {"id": signed_in.bob.id, "availability": "Available", "activity": "Available"}
