"""What Graph posts: the collection, its items, their content and their tokens."""

from datetime import datetime

import pytest

from sandbox.entra import Application
from tests.sandbox.graph_keys import decrypt, rich, rsa_key
from tests.sandbox.graph_world import APP, CHANGE_TRACKING, OTHER_APP, SECRET, GraphWorld

pytestmark = pytest.mark.slow


def test_basic_notification_has_ids_only(world: GraphWorld) -> None:
    made = world.subscribe()
    (message,) = world.send("hello")
    ((path, body),) = world.receiver.posts
    assert path == "/hook?code=a%2Bb%7e", "the query comes back as it was given"
    resource = f"chats('{message[1]}')/messages('{message[3]}')"
    expires = body["value"][0].pop("subscriptionExpirationDateTime")
    assert datetime.fromisoformat(expires) == datetime.fromisoformat(made["expirationDateTime"])
    assert body == {
        "value": [
            {
                "subscriptionId": made["id"],
                "tenantId": world.ann.tenant_id,
                "clientState": "s3cret",
                "changeType": "created",
                "resource": resource,
                "resourceData": {
                    "id": message[3],
                    "@odata.type": "#Microsoft.Graph.chatMessage",
                    "@odata.id": resource,
                },
            }
        ]
    }


@pytest.mark.parametrize("bits", [2048, 4096])
def test_rich_notification_carries_the_resource_sealed(world: GraphWorld, bits: int) -> None:
    world.subscribe(**rich(bits))
    (message,) = world.send("hällo 👋")
    (item,) = world.receiver.items
    entity = world.teams.get(message, tenant_id=world.ann.tenant_id)
    assert decrypt(item["encryptedContent"], rsa_key(bits)) == entity
    assert item["encryptedContent"]["encryptionCertificateId"] == f"c{bits}"


def test_large_message_arrives_whole(world: GraphWorld) -> None:
    world.subscribe(**rich())
    world.send("x" * 100_000)
    sealed = world.receiver.items[0]["encryptedContent"]
    assert decrypt(sealed, rsa_key(2048))["body"]["content"] == "x" * 100_000


def test_validation_tokens_are_of_version_1_and_2_in_turn(world: GraphWorld) -> None:
    world.subscribe(**rich())
    chat = world.new_chat()
    for text in ("a", "b", "c"):
        world.send(text, chat=chat)
    claims = [world.claims(token) for _, body in world.receiver.posts for token in body["validationTokens"]]
    assert [each["ver"] for each in claims] == ["1.0", "2.0", "1.0"]
    assert [each.get("appid", each.get("azp")) for each in claims] == [CHANGE_TRACKING] * 3
    assert {each["tid"] for each in claims} == {world.ann.tenant_id}
    assert claims[0]["iss"] == f"https://sts.windows.net/{world.ann.tenant_id}/"
    assert claims[1]["iss"] == f"https://login.microsoftonline.com/{world.ann.tenant_id}/v2.0"
    assert [each.token_version for each in world.deliveries[2:]] == ["1.0", "2.0", "1.0"]


def test_one_post_has_one_token_for_each_app_and_tenant(world: GraphWorld) -> None:
    second = world.do(lambda: world.teams.add_user(world.teams.add_tenant(), "Dee Doe"))
    tenants = (world.ann.tenant_id, second.tenant_id)
    world.entra.register(Application(client_id=APP, tenant_ids=tenants, secret=SECRET, roles=("Chat.Read.All",)))
    world.subscribe(**rich())
    world.subscribe(app=OTHER_APP, **rich())
    headers = world.bearer(tenant_id=second.tenant_id)
    assert world.call("POST", "v1.0/subscriptions", world.body(**rich()), headers=headers).status_code == 201

    def talk() -> None:
        for people in ([world.ann, world.bob], [second, world.bob]):
            chat = world.teams.chats.create(people, topic="x")
            world.teams.messages.send(chat, people[0], "a")
            world.teams.messages.send(chat, people[0], "b")

    world.do(talk)
    world.settle()
    ((_, body),) = world.receiver.posts
    assert len(body["value"]) == 6
    assert len(body["validationTokens"]) == 3


def test_validation_tokens_are_made_out_to_the_named_app(world: GraphWorld) -> None:
    world.subscribe(app=OTHER_APP, notificationUrlAppId=APP, **rich())
    world.send("x")
    assert world.claims(world.receiver.posts[0][1]["validationTokens"][0])["aud"] == APP


def test_items_due_together_share_posts_of_twenty(world: GraphWorld) -> None:
    world.subscribe()
    sent = world.send(*map(str, range(45)))
    assert sorted(len(body["value"]) for _, body in world.receiver.posts) == [5, 20, 20]
    assert {item["resourceData"]["id"] for item in world.receiver.items} == {path[-1] for path in sent}


def test_removed_or_expired_subscription_gets_nothing(world: GraphWorld) -> None:
    made = world.subscribe(expirationDateTime=world.at(minutes=46))
    world.receiver.status = 500
    world.send("before")
    world.later(minutes=50)
    world.call("DELETE", f"v1.0/subscriptions/{world.subscribe()['id']}")
    world.receiver.posts.clear()
    world.send("after")
    assert world.receiver.items == []
    assert made["id"] not in {each.id for each in world.graph.subscriptions()}


def test_app_without_role_assignment_gets_no_validation_tokens(world: GraphWorld) -> None:
    world.subscribe(**rich())
    world.graph.role_assignment_required.add(APP)
    world.send("without a token")
    world.graph.role_assignment_required.clear()
    world.send("with a token")
    (_, without_token), (_, with_token) = world.receiver.posts
    assert without_token["validationTokens"] is None
    assert "encryptedContent" in without_token["value"][0]
    assert len(with_token["validationTokens"]) == 1
