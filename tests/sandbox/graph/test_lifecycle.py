"""The life of a subscription as its app sees it: tokens that end, reminders, removal, rotation."""

from typing import Any

import pytest

from tests.sandbox.graph_keys import rich
from tests.sandbox.graph_world import GraphWorld

pytestmark = pytest.mark.slow


def test_delivery_pauses_without_access_token_until_a_renewal(world: GraphWorld) -> None:
    made = world.subscribe()
    world.later(minutes=61)
    world.send("x")
    assert world.receiver.items == []
    world.later(hours=2)
    world.call("PATCH", f"v1.0/subscriptions/{made['id']}", {"expirationDateTime": world.at(hours=2)})
    for _ in range(3):
        world.later(minutes=40)
    assert len(world.receiver.items) == 1
    assert world.graph.lost == ()


def test_reauthorizing_keeps_delivery_going(world: GraphWorld) -> None:
    made = world.subscribe()
    world.later(minutes=50)
    world.call("POST", f"v1.0/subscriptions/{made['id']}/reauthorize")
    world.later(minutes=50)
    world.send("x")
    assert len(world.receiver.items) == 1


def test_item_without_access_token_for_four_hours_is_lost(world: GraphWorld) -> None:
    world.subscribe()
    world.later(minutes=61)
    world.send("x")
    for _ in range(9):
        world.later(minutes=30)
    assert world.receiver.items == []
    assert [lost.reason for lost in world.graph.lost] == ["retries"]


def test_reauthorization_is_asked_for_before_the_token_ends(world: GraphWorld) -> None:
    made = world.subscribe()
    world.later(minutes=44)
    assert world.receiver.events == []
    world.later(minutes=2)
    ((path, body),) = world.receiver.posts
    assert path == "/life"
    (item,) = body["value"]
    assert set(item) == {
        "subscriptionId",
        "subscriptionExpirationDateTime",
        "tenantId",
        "clientState",
        "lifecycleEvent",
    }
    assert (item["subscriptionId"], item["clientState"]) == (made["id"], "s3cret")
    assert item["lifecycleEvent"] == "reauthorizationRequired"
    assert "validationTokens" not in body


def test_lifecycle_notifications_have_three_shapes_in_turn(world: GraphWorld) -> None:
    made = world.subscribe(**rich())
    for _ in range(4):
        world.do(lambda: world.graph.announce_missed(made["id"]))
        world.settle()
    bodies = [body for _, body in world.receiver.posts]
    items = [body["value"][0] for body in bodies]
    assert [item.get("resource") for item in items] == [None, "", f"Subscriptions/{made['id']}", None]
    assert [item["tenantId"] or item["organizationId"] for item in items] == [world.ann.tenant_id] * 4
    assert items[1]["encryptedContent"] is None
    tokens = [token for body in bodies for token in body.get("validationTokens", ())]
    assert [world.claims(token)["tid"] for token in tokens] == [world.ann.tenant_id] * 2
    assert ["validationTokens" in body for body in bodies] == [False, True, True, False]


def test_lifecycle_notification_without_resource_data_has_no_token(world: GraphWorld) -> None:
    made = world.subscribe()
    for _ in range(3):
        world.do(lambda: world.graph.announce_missed(made["id"]))
        world.settle()
    assert not any("validationTokens" in body for _, body in world.receiver.posts)


def test_renewal_ends_the_reminders(world: GraphWorld) -> None:
    made = world.subscribe()
    world.later(minutes=46)
    world.call("PATCH", f"v1.0/subscriptions/{made['id']}", {"expirationDateTime": world.at(hours=24)})
    world.later(minutes=44)
    assert len(world.receiver.events) == 1
    world.later(minutes=2)
    assert len(world.receiver.events) == 2


def test_last_hour_brings_a_reminder_every_fifteen_minutes(enduring: GraphWorld) -> None:
    enduring.subscribe(expirationDateTime=enduring.at(hours=2))
    for _ in range(3 * 12):
        enduring.later(minutes=5)
    assert enduring.receiver.events == ["reauthorizationRequired"] * 4


def test_subscription_without_lifecycle_url_gets_no_reminders(world: GraphWorld) -> None:
    world.subscribe(lifecycleNotificationUrl=None, expirationDateTime=world.at(minutes=50))
    world.later(minutes=48)
    assert world.receiver.posts == []


def test_app_is_notified_of_a_removed_subscription_to_messages(world: GraphWorld) -> None:
    made = world.subscribe()
    world.do(lambda: world.graph.remove_subscription(made["id"]))
    world.settle()
    assert world.receiver.events == ["subscriptionRemoved"]
    assert world.call("GET", f"v1.0/subscriptions/{made['id']}").status_code == 404
    other = world.subscribe(resource="/teams", changeType="updated")
    world.do(lambda: world.graph.remove_subscription(other["id"]))
    world.settle()
    assert world.receiver.events == ["subscriptionRemoved"], "only for messages"


def test_missed_is_announced_on_demand(world: GraphWorld) -> None:
    made = world.subscribe()
    world.do(lambda: world.graph.announce_missed(made["id"]))
    world.settle()
    assert world.receiver.events == ["missed"]


def test_waiting_item_is_encrypted_for_the_certificate_of_its_time(world: GraphWorld) -> None:
    made = world.subscribe(**rich())
    world.receiver.status = 503
    world.send("before")
    world.receiver.status = 202
    rotation: dict[str, Any] = {name: value for name, value in rich(4096).items() if name != "includeResourceData"}
    renewal = {"expirationDateTime": world.at(hours=2)} | rotation
    assert world.call("PATCH", f"v1.0/subscriptions/{made['id']}", renewal).status_code == 200
    world.send("after")
    world.later(seconds=16)
    names = [item["encryptedContent"]["encryptionCertificateId"] for item in world.receiver.items]
    assert names == ["c2048", "c4096", "c2048"]


def test_idle_is_an_error_if_graph_does_not_run(world: GraphWorld) -> None:
    world.subscribe()
    world.background.run(world.graph.stop())
    world.do(lambda: world.teams.messages.send(world.teams.chats.create([world.ann, world.bob]), world.ann, "x"))
    with pytest.raises(RuntimeError, match="not running"):
        world.settle()
    world.background.run(world.graph.start())
    world.settle()
    assert len(world.receiver.items) == 1
