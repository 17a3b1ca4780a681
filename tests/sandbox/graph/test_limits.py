"""How many subscriptions there may be, and how many requests."""

import itertools
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from sandbox.clock import Clock
from sandbox.graph.errors import Refused
from sandbox.graph.rules import created
from sandbox.graph.store import TENANT_POOL, Subscriptions
from sandbox.graph.throttle import LIMITS, Limit, Throttle
from tests.sandbox.graph_world import APP, CHAT, OTHER_APP, GraphWorld, caller, error

pytestmark = pytest.mark.slow


def test_same_subscription_again_is_409(world: GraphWorld) -> None:
    made = world.subscribe()
    again = world.body(resource="chats/getAllMessages?model=A", changeType="deleted,updated,created")
    status, _, text = error(world.call("POST", "v1.0/subscriptions", again))
    assert status == 409
    assert f"Subscription Id {made['id']} already exists for the requested combination" in text
    world.subscribe(app=OTHER_APP)
    world.subscribe(changeType="created")


def test_app_has_one_subscription_on_a_chat(world: GraphWorld) -> None:
    chat = world.do(lambda: world.teams.chats.create([world.ann, world.bob]))
    world.subscribe(resource=f"/chats/{chat[1]}/messages", changeType="created")
    second = world.body(resource=f"/chats('{chat[1]}')/messages", changeType="deleted")
    assert error(world.call("POST", "v1.0/subscriptions", second))[0] == 403
    world.subscribe(app=OTHER_APP, resource=f"/chats/{quote(chat[1])}/messages", changeType="deleted")
    world.subscribe(resource=f"/chats/{chat[1]}/members", changeType="created")


def test_user_has_ten_subscriptions_on_the_messages_of_all_chats(world: GraphWorld) -> None:
    kinds = ["created", "updated", "deleted", "created,updated", "created,deleted"]
    resource = f"/users/{world.ann.id}/chats/getAllMessages"
    for app, change_type in itertools.product((APP, OTHER_APP), kinds):
        world.subscribe(app=app, resource=resource, changeType=change_type)
    eleventh = world.body(resource=resource, changeType="updated,deleted")
    assert "limit" in error(world.call("POST", "v1.0/subscriptions", eleventh))[2]


def test_tenant_has_a_pool_of_10_000_subscriptions() -> None:
    clock = Clock()
    store, expires = Subscriptions(clock), (clock.now() + timedelta(minutes=50)).isoformat()
    asked = {"changeType": "created", "notificationUrl": "https://a.example/", "expirationDateTime": expires}
    asked["resource"] = f"/chats/{CHAT}/messages"
    wanted = created(asked, caller(), version="v1.0", now=clock.now())
    for number in range(TENANT_POOL):
        store.add(replace(wanted, id=str(number), key=f"chats/{number}/messages"))
    one_more = replace(wanted, id="x", key="chats/x/messages", application_id=OTHER_APP)
    with pytest.raises(Refused) as caught:
        store.add(one_more)
    assert caught.value.status == 403
    store.add(replace(one_more, tenant_id=CHAT))
    clock.advance(timedelta(hours=1))
    store.add(replace(one_more, expires_at=clock.now() + timedelta(hours=1)))
    assert len(store.live()) == 1


SECOND, TWENTY_SECONDS = timedelta(seconds=1), timedelta(seconds=20)


@pytest.mark.parametrize(
    ("kind", "window", "per_app", "per_tenant", "per_resource"),
    [
        ("write", TWENTY_SECONDS, 2000, 500, None),
        ("reauthorize", TWENTY_SECONDS, 4000, 1000, None),
        ("get", TWENTY_SECONDS, 2000, 500, None),
        ("list", TWENTY_SECONDS, 40, 25, None),
        ("listOfTeams", SECOND, 1500, 30, None),
        ("listOfChannels", SECOND, 1200, 60, 4),
        ("members", SECOND, 1200, 60, 4),
        ("listOfChannelMembers", SECOND, 1200, 60, 1),
        ("listOfChats", SECOND, 200, 20, 1),
        ("messages", SECOND, 200, 20, 1),
        ("listOfChannelMessages", SECOND, 200, 20, 1),
        ("getAllMessages", SECOND, 1000, 200, None),
        ("anyOther", SECOND, 1500, 30, 1),
    ],
)
def test_requests_are_throttled_as_published(
    kind: str, window: timedelta, per_app: int, per_tenant: int, per_resource: int | None
) -> None:
    """Source: https://learn.microsoft.com/en-us/graph/throttling-limits."""
    assert LIMITS[kind] == Limit(window=window, app=per_app, app_and_tenant=per_tenant, resource=per_resource)
    clock = Clock()
    throttle = Throttle(clock)
    for number in range(per_app):
        throttle.admit(kind, app_id=APP, tenant_id=str(number // per_tenant), resource=str(number))
    with pytest.raises(Refused) as caught:
        throttle.admit(kind, app_id=APP, tenant_id="another")
    assert caught.value.status == 429
    assert 0 < (caught.value.retry_after or 0) <= window.total_seconds()
    throttle.admit(kind, app_id=OTHER_APP, tenant_id="0")
    clock.advance(timedelta(seconds=caught.value.retry_after or 0))
    throttle.admit(kind, app_id=APP, tenant_id="0")


def test_429_says_when_to_try_again(world: GraphWorld) -> None:
    headers = world.bearer()
    answers = [world.call("GET", "v1.0/subscriptions", headers=headers) for _ in range(26)]
    assert [answer.status_code for answer in answers] == [200] * 25 + [429]
    assert error(answers[-1])[1] == "TooManyRequests"
    world.clock.advance(timedelta(seconds=int(answers[-1].headers["Retry-After"])))
    assert world.call("GET", "v1.0/subscriptions", headers=headers).status_code == 200
    world.graph.throttle.enabled = False
    assert {world.call("GET", "v1.0/subscriptions", headers=headers).status_code for _ in range(30)} == {200}


def test_throttle_counts_its_peaks_and_refusals() -> None:
    clock = Clock()
    throttle, limit = Throttle(clock), LIMITS["list"]
    for _ in range(3):
        throttle.admit("list", app_id=APP, tenant_id="one")
    clock.advance(limit.window)
    for _ in range(limit.app_and_tenant):
        throttle.admit("list", app_id=APP, tenant_id="one")
    throttle.admit("list", app_id=APP, tenant_id="two")
    with pytest.raises(Refused):
        throttle.admit("list", app_id=APP, tenant_id="one")
    assert (throttle.peaks, throttle.refused) == ({"list": limit.app_and_tenant}, {"list": 1})
