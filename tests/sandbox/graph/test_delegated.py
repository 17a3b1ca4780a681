"""Subscriptions of an app for a user who has signed in: whose they are, what they need, and presence."""

from typing import Any

import pytest
import requests

from sandbox.entra import Application
from sandbox.teams import User
from tests.sandbox.graph_keys import decrypt, rich, rsa_key
from tests.sandbox.graph_reader import bearer_of
from tests.sandbox.graph_world import APP, GUID, OTHER_APP, ROLES, SECRET, GraphWorld, error

pytestmark = pytest.mark.slow


@pytest.fixture
def world(world: GraphWorld) -> GraphWorld:
    """Return a world in which users can sign in to both apps."""
    for app in (APP, OTHER_APP):
        world.entra.register(
            Application(
                client_id=app,
                tenant_ids=(world.ann.tenant_id,),
                secret=SECRET,
                roles=ROLES,
                scopes=("Presence.Read.All", "Chat.Read", "TeamMember.Read.All"),
                public_client=True,
            )
        )
    return world


@pytest.fixture
def ann(world: GraphWorld) -> dict[str, str]:
    return bearer_of(world, world.ann)


@pytest.fixture
def bob(world: GraphWorld) -> dict[str, str]:
    return bearer_of(world, world.bob)


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


def test_user_is_the_creator_of_a_delegated_subscription(world: GraphWorld, ann: dict[str, str]) -> None:
    answer = _create(world, ann, **_presence(world, world.bob))
    assert (answer.status_code, answer.json()["creatorId"]) == (201, world.ann.id)
    assert answer.json()["applicationId"] == APP


def test_list_has_the_subscriptions_of_the_caller(world: GraphWorld, ann: dict[str, str], bob: dict[str, str]) -> None:
    """Source: https://learn.microsoft.com/en-us/graph/api/subscription-list."""
    presence, elsewhere = _presence(world, world.bob), bearer_of(world, world.ann, OTHER_APP)
    of_ann, of_bob, of_other_app = (
        _create(world, headers, **presence).json()["id"] for headers in (ann, bob, elsewhere)
    )
    of_app = world.subscribe()["id"]
    assert _ids(world.call("GET", "v1.0/subscriptions", headers=ann)) == {of_ann}
    assert _ids(world.call("GET", "v1.0/subscriptions", headers=bob)) == {of_bob}
    assert _ids(world.call("GET", "v1.0/subscriptions")) == {of_ann, of_bob, of_app}
    assert _ids(world.call("GET", "v1.0/subscriptions", app=OTHER_APP)) == {of_other_app}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_subscription_of_another_user_is_404(
    world: GraphWorld, ann: dict[str, str], bob: dict[str, str], method: str
) -> None:
    one = _create(world, ann, **_presence(world, world.bob)).json()["id"]
    body = {"expirationDateTime": world.at(hours=1)} if method == "PATCH" else None
    of_app = world.subscribe()["id"]
    for subscription, headers in ((one, bob), (of_app, ann)):
        assert world.call(method, f"v1.0/subscriptions/{subscription}", body, headers=headers).status_code == 404
    assert world.call(method, f"v1.0/subscriptions/{one}", body, headers=ann).ok


def test_only_the_user_reauthorizes_and_renews(world: GraphWorld, ann: dict[str, str]) -> None:
    path = f"v1.0/subscriptions/{_create(world, ann, **_presence(world, world.bob)).json()['id']}"
    assert world.call("POST", f"{path}/reauthorize", headers=ann).status_code == 204
    expiration = {"expirationDateTime": world.at(minutes=59)}
    assert error(world.call("PATCH", path, expiration))[0] == 403
    assert world.call("PATCH", path, expiration, headers=ann).status_code == 200


def test_user_watches_only_what_the_user_can_see(world: GraphWorld) -> None:
    eve = world.teams.add_user(world.ann.tenant_id, "Eve Eames")
    headers = bearer_of(world, eve)
    team = world.do(lambda: world.teams.teams.create(world.ann, "Crew"))
    for path in ((*world.new_chat(), "messages"), ("users", world.ann.id, "chats", "getAllMessages")):
        assert error(_create(world, headers, resource="/".join(path)))[0] == 403
    members = {"resource": "/".join((*team, "members"))}
    assert error(_create(world, headers, **members))[0] == 403
    world.do(lambda: world.teams.teams.add_member(team, eve))
    assert _create(world, headers, **members).status_code == 201
    assert _create(world, headers, resource=f"users/{eve.id}/chats/getAllMessages").status_code == 201


def test_two_users_may_watch_the_same(world: GraphWorld, ann: dict[str, str], bob: dict[str, str]) -> None:
    watched = _presence(world) | {"resource": f"/communications/presences/{world.bob.id}"}
    assert _create(world, ann, **watched).status_code == 201
    assert error(_create(world, ann, **watched))[0] == 409
    assert _create(world, bob, **watched).status_code == 201


def test_app_has_one_presence_subscription_for_a_user(world: GraphWorld, ann: dict[str, str]) -> None:
    presences = [_presence(world, user) for user in (world.bob, world.ann)]
    first = _create(world, ann, **presences[0]).json()["id"]
    assert error(_create(world, ann, **presences[1]))[0] == 403
    elsewhere = bearer_of(world, world.ann, OTHER_APP)
    assert _create(world, elsewhere, **presences[1]).status_code == 201
    world.call("DELETE", f"v1.0/subscriptions/{first}", headers=ann)
    assert _create(world, ann, **presences[1]).status_code == 201


@pytest.mark.parametrize(
    "query",
    ["", "?$filter=id eq 'a'", "?$filter=id in ()", f"?$filter=id in ({','.join([f"'{GUID}'"] * 651)})", "?$search=a"],
    ids=["none", "eq", "no user", "651 users", "search"],
)
def test_presences_need_a_filter_of_at_most_650_users(world: GraphWorld, ann: dict[str, str], query: str) -> None:
    asked = _presence(world) | {"resource": f"/communications/presences{query}"}
    assert error(_create(world, ann, **asked))[0] == 400


def test_presence_is_reported_for_the_users_in_the_filter(world: GraphWorld, ann: dict[str, str]) -> None:
    """Source: https://learn.microsoft.com/en-us/graph/changenotifications-for-presence."""
    watched = world.bob
    assert _create(world, ann, **_presence(world, watched)).status_code == 201
    for user in (world.ann, watched):
        world.do(lambda user=user: world.teams.samples.report("presence", user))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    world.settle()
    (item,) = world.receiver.items
    assert item["resource"] == f"communications/presences/{watched.id}"
    assert item["resourceData"] == {
        "@odata.type": "#Microsoft.Graph.presence",
        "@odata.id": f"users/{watched.id}/presence",
        "id": watched.id,
    }
    assert item["organizationId"] == watched.tenant_id
    assert "encryptedContent" not in item


def test_rich_presence_carries_its_content(world: GraphWorld, ann: dict[str, str]) -> None:
    watched = {"resource": f"/communications/presences('{world.bob.id}')", **rich()}
    created = _create(world, ann, **(_presence(world, world.bob) | watched))
    assert created.status_code == 201, created.text
    world.do(lambda: world.teams.samples.report("presence", world.bob))
    world.settle()
    (item,) = world.receiver.items
    opened = decrypt(item["encryptedContent"], rsa_key(2048))
    assert opened == {"id": world.bob.id, "availability": "Available", "activity": "Available"}
