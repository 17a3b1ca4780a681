"""Calls to Graph whose answers trickle: renewals, lists and reads of a run end all the same."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken

from sandbox.tls import Tls
from shared.bounded_calls import MAX_ABANDONED
from shared.errors import Problem, Unavailable
from shared.gaps.turns import Read, Reads, Turns
from shared.graph.client import Graph
from shared.graph.graph_token import GraphToken
from shared.graph.location import ResourceLocation
from shared.timing import SystemClock
from tests.fakes.identity_services import GRAPH_SCOPE
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, within
from tests.fakes.trickling_server import TricklingServer, trickling_server
from tests.integration.graph.clients import ForgedCredential
from tests.sender import TENANT

pytestmark = pytest.mark.slow

SHORT = timedelta(milliseconds=200)
LOCATION = ResourceLocation(tenant_id=TENANT, path="/v1.0/chats/a/messages/1")
CALLS: dict[str, Callable[[Graph], object]] = {
    "list of subscriptions": lambda graph: list(graph.list_subscriptions()),
    "page": lambda graph: graph.get_page("/v1.0/chats/a/messages"),
    "item": lambda graph: graph.get_item("/v1.0/teams/a"),
    "resource of a parked item": lambda graph: graph.get_resource(LOCATION, is_live=False),
    "created subscription": lambda graph: graph.create_subscription({"resource": "/chats/getAllMessages"}),
    "read subscription": lambda graph: graph.get_subscription("a"),
    "renewed subscription": lambda graph: graph.update_subscription("a", {}),
    "deleted subscription": lambda graph: graph.delete_subscription("a"),
}


@dataclass
class Silent:
    """A credential whose service is silent until ``ends``."""

    ends: threading.Event

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        self.ends.wait(20)
        return ForgedCredential().get_token()


@pytest.fixture
def trickling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TricklingServer]:
    tls = Tls(tmp_path)
    for name, value in tls.environment().items():
        monkeypatch.setenv(name, value)
    with trickling_server(tls.context()) as server:
        yield server


def _graph(url: str, credential: ForgedCredential | Silent | None = None) -> Graph:
    token = GraphToken(credential=credential or ForgedCredential(), scope=GRAPH_SCOPE)
    return Graph(url, token, name="Graph in tenant t", timeout=SHORT)


@pytest.mark.parametrize("call", CALLS)
def test_call_that_trickles_is_unavailable_in_time(trickling: TricklingServer, call: str) -> None:
    graph = _graph(trickling.url)
    with (
        within(BUSY_MACHINE_SECONDS),
        pytest.raises(Unavailable, match=r"Graph in tenant t has not answered within 0\.2 seconds"),
    ):
        CALLS[call](graph)


def test_lists_that_trickle_leave_renewals_alone(trickling: TricklingServer) -> None:
    graph = _graph(trickling.url)
    for _ in range(MAX_ABANDONED):
        with pytest.raises(Unavailable, match="has not answered"):
            CALLS["page"](graph)
    with pytest.raises(Unavailable, match="counts as down"):
        CALLS["page"](graph)
    with pytest.raises(Unavailable, match="has not answered"):
        CALLS["renewed subscription"](graph)


def test_resource_that_a_post_waits_for_is_left_to_its_deadline(trickling: TricklingServer) -> None:
    trickling.length = 10
    # An answer of spaces is no resource.
    with pytest.raises(Unavailable, match="Graph's response is not a resource"):
        _graph(trickling.url).get_resource(LOCATION)


@pytest.fixture
def silent() -> Iterator[Silent]:
    ends = threading.Event()
    yield Silent(ends)
    ends.set()


@pytest.mark.parametrize(
    "call",
    [Graph.token_expires_at, Graph.access_token, CALLS["renewed subscription"]],
    ids=["expiry", "token", "renewal"],
)
def test_token_that_does_not_come_is_unavailable_in_time(silent: Silent, call: Callable[[Graph], object]) -> None:
    with within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable, match=r"has not answered within 0\.2 seconds"):
        call(_graph("https://localhost", silent))


@dataclass
class Work:
    """Reads one page."""

    tenant_id: str
    units: int = 0

    def reads(self) -> Reads[None]:
        try:
            yield Read(key="list", path="/v1.0/users", is_single=False)
            self.units = 1
        except Problem:
            self.units = 0


def test_tenants_that_trickle_in_every_run_cost_four_requests_each(trickling: TricklingServer) -> None:
    graphs = {f"tenant {number}": _graph(trickling.url) for number in range(3)}
    clock = SystemClock()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            ends = clock.now() + timedelta(seconds=20)
            turns = Turns(graph=graphs.__getitem__, clock=clock, ends=ends, pool=pool, call_timeout=4 * SHORT)
            turns.run(Work(tenant_id) for tenant_id in graphs for _ in "12")
    assert trickling.requests <= MAX_ABANDONED * len(graphs)
