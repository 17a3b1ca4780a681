"""Pages of Graph's lists: read by path, followed by link, and never anywhere but at Graph.

Source: https://learn.microsoft.com/graph/paging
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.serving import Fault
from shared.errors import NotFound, Unavailable
from shared.graph.client import Graph
from tests.fakes.identity_services import GRAPH_SCOPE, fault
from tests.integration.graph.test_client import Forged
from tests.sandbox.graph_world import GraphWorld, graph_world


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphWorld]:
    with graph_world(tmp_path_factory.mktemp("graph")) as world:
        world.graph.throttle.enabled = False
        yield world


@pytest.fixture
def world(services: GraphWorld, monkeypatch: pytest.MonkeyPatch) -> GraphWorld:
    for name, value in services.tls.environment().items():
        monkeypatch.setenv(name, value)
    services.graph_service.requests.clear()
    return services


@pytest.fixture
def graph(world: GraphWorld) -> Iterator[Graph]:
    graph = Graph(world.graph_service.url, Forged(), scope=GRAPH_SCOPE)
    with graph._client:
        yield graph


def _answer(link: Any, items: Any = ()) -> Fault:
    body = {"value": items if not isinstance(items, tuple) else list(items)}
    return Fault(status=200, body=json.dumps(body | ({} if link is None else {"@odata.nextLink": link})).encode())


def test_a_page_has_its_items_and_the_path_of_the_next(world: GraphWorld, graph: Graph) -> None:
    link = f"{world.graph_service.url}/v1.0/users?$skiptoken=a%2Bb%3D&$top=2"
    with fault(world.graph_service, _answer(link, [{"id": "a"}])):
        page = graph.get_page("/v1.0/users?$top=2")
    assert (list(page.items), page.next_path) == ([{"id": "a"}], "/v1.0/users?$skiptoken=a%2Bb%3D&$top=2")
    with fault(world.graph_service, _answer(None)):
        assert graph.get_page(link).next_path is None
    asked = [request.path_qs for request in world.graph_service.requests]
    assert asked == ["/v1.0/users?$top=2", "/v1.0/users?$skiptoken=a%2Bb%3D&$top=2"]


@pytest.mark.parametrize("host", ["https://evil.example", "https://graph.microsoft.com:444", "//evil.example"])
def test_whomever_a_link_names_graph_is_asked(world: GraphWorld, graph: Graph, host: str) -> None:
    """With every request goes a token of the app's."""
    with fault(world.graph_service, _answer(f"{host}/v1.0/users?$skiptoken=a")):
        path = graph.get_page("/v1.0/users").next_path
    assert path == "/v1.0/users?$skiptoken=a"
    with fault(world.graph_service, _answer(None)):
        graph.get_page(f"{host}{path}")
    assert world.graph_service.requests[-1].path_qs == path


@pytest.mark.parametrize(
    "link", ["", "https://evil.example", "/admin", "javascript:v1.0", 7, {}, ["/v1.0/"], "https://[", "/v1.0/\u00e9"]
)
def test_a_link_that_leads_nowhere_in_graph_is_none(world: GraphWorld, graph: Graph, link: Any) -> None:
    with fault(world.graph_service, _answer(link)), pytest.raises(Unavailable, match="link to the next page"):
        graph.get_page("/v1.0/users")


@pytest.mark.parametrize("link", ["https://evil.example", 7])
def test_a_list_of_subscriptions_goes_nowhere_else_either(world: GraphWorld, graph: Graph, link: Any) -> None:
    with fault(world.graph_service, _answer(link)), pytest.raises(Unavailable, match="link to the next page"):
        list(graph.list_subscriptions())


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"[]", b"{}", b'{"value": {}}', b'{"value": [7]}', b'{"value": [NaN]}', b"[" * 9999],
)
def test_a_page_that_is_none_is_never_taken_for_the_last_one(world: GraphWorld, graph: Graph, body: bytes) -> None:
    with fault(world.graph_service, Fault(status=200, body=body)), pytest.raises(Unavailable, match="no list of items"):
        graph.get_page("/v1.0/users")


def test_graph_behind_another_path_gives_links_with_that_path(world: GraphWorld) -> None:
    graph = Graph(f"{world.graph_service.url}/graph/", Forged(), scope=GRAPH_SCOPE)
    link = f"{world.graph_service.url}/graph/v1.0/users?$skiptoken=a"
    with graph._client, fault(world.graph_service, _answer(link)):
        assert graph.get_page("/v1.0/users").next_path == "/v1.0/users?$skiptoken=a"
    assert world.graph_service.requests[-1].path_qs == "/graph/v1.0/users"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"id": 7}', b'{"id": "a"', b"<html>Please sign in</html>"])
def test_response_without_an_id_is_no_item(world: GraphWorld, graph: Graph, body: bytes) -> None:
    with fault(world.graph_service, Fault(status=200, body=body)), pytest.raises(Unavailable):
        graph.get_item("/v1.0/teams/a")


def test_item_is_returned_as_graph_has_it(world: GraphWorld, graph: Graph) -> None:
    with fault(world.graph_service, Fault(status=200, body=b'{"id": "a", "displayName": "Sales"}')):
        assert graph.get_item("/v1.0/teams/a") == {"id": "a", "displayName": "Sales"}


def test_a_list_that_is_not_there_is_missing(world: GraphWorld, graph: Graph) -> None:
    with fault(world.graph_service, Fault(status=404)), pytest.raises(NotFound):
        graph.get_page("/v1.0/chats/a/messages")
