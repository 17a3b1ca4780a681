"""The app stays within Graph's rate limits, where without its own limits Graph would refuse.

Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from sandbox.graph.throttle import LIMITS
from shared.errors import Unavailable
from shared.graph.client import Graph
from shared.graph.graph_token import GraphToken
from shared.identity.entra import AppCredential
from shared.limits import LISTS, RateLimiter
from tests.fakes.identity_services import CLIENT_SECRET, GRAPH_SCOPE
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import basic, messages_in

pytestmark = pytest.mark.slow

PAGES = LIMITS["list"].app_and_tenant + 1
PAGE_SIZE = 100
# So many in this time Graph allows in one tenant: a quarter of them shows as well at what pace they are sent.
ALLOWED, WINDOW = LIMITS["write"].app_and_tenant, LIMITS["write"].window
WRITES = ALLOWED // 4


def _chats(count: int) -> list[str]:
    return [f"19:{number:032x}@thread.v2" for number in range(count)]


def _subscribe(deployment: LoopbackDeployment, chats: Iterable[str]) -> None:
    """Add a subscription to each chat at Graph, as left by an app whose table was lost."""
    deployment.subscribe_by_hand(resource="/chats/getAllMessages")
    [template] = deployment.subscriptions()

    def subscribe() -> None:
        deployment.graph.remove_subscription(template.id)
        for chat in chats:
            path = f"chats/{chat}/messages"
            deployment.graph.add_subscription(replace(template, id=str(uuid4()), resource=f"/{path}", key=f"/{path}"))

    deployment.do(subscribe)


def _graph(deployment: LoopbackDeployment, wait_to_list: Callable[[], None]) -> Graph:
    credential = AppCredential(deployment.app.settings, deployment.tenant_id, lambda: CLIENT_SECRET)
    return Graph(
        deployment.app.settings.graph_url,
        GraphToken(credential=credential, scope=GRAPH_SCOPE),
        wait_to_list=wait_to_list,
    )


@pytest.fixture
def many_pages(deployment: LoopbackDeployment) -> LoopbackDeployment:
    """A deployment whose list of subscriptions has one page more than may be requested at once."""
    _subscribe(deployment, _chats((PAGES - 1) * PAGE_SIZE + 1))
    deployment.later(minutes=5)
    return deployment


def test_long_list_is_read_within_graphs_rate_limit(many_pages: LoopbackDeployment) -> None:
    began = many_pages.clock.now()
    found = list(_graph(many_pages, RateLimiter(many_pages.app.time, LISTS).wait).list_subscriptions())
    assert len(found) == (PAGES - 1) * PAGE_SIZE + 1
    assert not many_pages.graph.throttle.refused
    assert many_pages.clock.now() - began >= timedelta(seconds=20)


def test_long_list_without_the_limit_is_refused_at_its_last_page(many_pages: LoopbackDeployment) -> None:
    with pytest.raises(Unavailable, match="429"):
        list(_graph(many_pages, lambda: None).list_subscriptions())
    assert many_pages.graph.throttle.refused == {"list": 1}


def test_many_renewals_are_sent_within_graphs_rate_limit(deployment: LoopbackDeployment) -> None:
    deployment.app.entries = [basic(messages_in(("chats", chat), "created")) for chat in _chats(WRITES)]
    _subscribe(deployment, _chats(WRITES))
    began = deployment.clock.now()
    assert deployment.run() == {"adopted": WRITES}
    assert deployment.clock.now() - began >= WINDOW * (WRITES - 1) / ALLOWED
    assert deployment.writes().count("PATCH") == WRITES
