"""A tenant with so many subscriptions that their list has more pages than Graph bears in a while."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from sandbox.graph.throttle import LIMITS
from shared.errors import Unavailable
from shared.graph.client import Graph
from shared.identity.entra import AppCredential
from shared.limits import LISTS, RateLimiter
from tests.fakes.identity_services import CLIENT_SECRET, GRAPH_SCOPE
from tests.flows.world import World

pytestmark = pytest.mark.slow

PAGES = LIMITS["list"].app_and_tenant + 1
PAGE_SIZE = 100


@pytest.fixture
def crowded(world: World) -> World:
    """A world with one page more than may be asked for."""
    chat = world.new_chat()
    world.app.entries = [{"resource": f"/chats/{chat[1]}/messages", "changeType": "created"}]
    world.run()
    [model] = world.subscriptions()

    def crowd() -> None:
        for number in range((PAGES - 1) * PAGE_SIZE):
            path = f"chats/19:{number:032x}@thread.v2/messages"
            world.graph.add_subscription(replace(model, id=str(uuid4()), resource=f"/{path}", key=path))

    world.do(crowd)
    world.later(minutes=5)
    return world


def _graph(world: World, turn: Callable[[], None]) -> Graph:
    credential = AppCredential(world.app.settings, world.tenant_id, lambda: CLIENT_SECRET)
    return Graph(world.app.settings.graph_url, credential, scope=GRAPH_SCOPE, wait_to_list=turn)


def test_a_long_list_is_read_at_the_pace_that_graph_bears(crowded: World) -> None:
    began = crowded.clock.now()
    found = list(_graph(crowded, RateLimiter(crowded.app.time, LISTS).wait).list_subscriptions())
    assert len(found) == (PAGES - 1) * PAGE_SIZE + 1
    assert not crowded.graph.throttle.refused
    assert crowded.clock.now() - began >= timedelta(seconds=20)


def test_without_that_pace_graph_refuses_the_last_page(crowded: World) -> None:
    with pytest.raises(Unavailable, match="429"):
        list(_graph(crowded, lambda: None).list_subscriptions())
    assert crowded.graph.throttle.refused == {"list": 1}
