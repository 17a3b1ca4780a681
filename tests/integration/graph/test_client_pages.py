"""Pages of Graph's lists: read by path, followed by link, and never anywhere but at Graph.

Source: https://learn.microsoft.com/graph/paging
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from sandbox.serving import Fault
from shared.errors import Misconfigured, NotFound, Refused, Unavailable
from shared.graph.client import Graph
from tests.fakes.identity_services import fault
from tests.integration.graph.clients import ForgedCredential, graph_with
from tests.sandbox.graph_world import GraphWorld


@pytest.fixture
def graph(world: GraphWorld) -> Iterator[Graph]:
    with graph_with(world, ForgedCredential()) as graph:
        yield graph


def _answer(link: Any, items: Any = ()) -> Fault:
    body = {"value": items if not isinstance(items, tuple) else list(items)}
    return Fault(status=200, body=json.dumps(body | ({} if link is None else {"@odata.nextLink": link})).encode())


def test_page_has_its_items_and_the_path_of_the_next(world: GraphWorld, graph: Graph) -> None:
    link = f"{world.graph_service.url}/v1.0/users?$skiptoken=a%2Bb%3D&$top=2"
    with fault(world.graph_service, _answer(link, [{"id": "a"}])):
        page = graph.get_page("/v1.0/users?$top=2")
    assert (list(page.items), page.next_path) == ([{"id": "a"}], "/v1.0/users?$skiptoken=a%2Bb%3D&$top=2")
    with fault(world.graph_service, _answer(None)):
        assert graph.get_page(link).next_path is None
    asked = [request.path_qs for request in world.graph_service.requests]
    assert asked == ["/v1.0/users?$top=2", "/v1.0/users?$skiptoken=a%2Bb%3D&$top=2"]


@pytest.mark.parametrize("host", ["https://evil.example", "https://graph.microsoft.com:444", "//evil.example"])
def test_link_to_another_host_is_requested_from_graph(world: GraphWorld, graph: Graph, host: str) -> None:
    """Every request has a token of the app."""
    with fault(world.graph_service, _answer(f"{host}/v1.0/users?$skiptoken=a")):
        path = graph.get_page("/v1.0/users").next_path
    assert path == "/v1.0/users?$skiptoken=a"
    with fault(world.graph_service, _answer(None)):
        graph.get_page(f"{host}{path}")
    assert world.graph_service.requests[-1].path_qs == path


LISTS: Mapping[str, Callable[[Graph], object]] = {
    "page": lambda graph: graph.get_page("/v1.0/users"),
    "subscriptions": lambda graph: list(graph.list_subscriptions()),
}


@pytest.mark.parametrize("read", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize(
    "link", ["", "https://evil.example", "/admin", "javascript:v1.0", 7, {}, ["/v1.0/"], "https://[", "/v1.0/\u00e9"]
)
def test_link_outside_graph_is_unavailable(
    world: GraphWorld, graph: Graph, read: Callable[[Graph], object], link: Any
) -> None:
    with fault(world.graph_service, _answer(link)), pytest.raises(Unavailable, match="link to the next page"):
        read(graph)


@pytest.mark.parametrize("read", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"[]", b"{}", b'{"value": {}}', b'{"value": [{"id"', b'{"value": [NaN]}', b"[" * 9999],
)
def test_broken_list_is_unavailable_and_not_the_last_page(
    world: GraphWorld, graph: Graph, read: Callable[[Graph], object], body: bytes
) -> None:
    with fault(world.graph_service, Fault(status=200, body=body)), pytest.raises(Unavailable, match="no list of"):
        read(graph)


def test_page_with_an_item_that_is_no_object_is_unavailable(world: GraphWorld, graph: Graph) -> None:
    with fault(world.graph_service, _answer(None, [7])), pytest.raises(Unavailable, match="no list of items"):
        graph.get_page("/v1.0/users")


def test_graph_below_another_path_has_links_with_that_path(world: GraphWorld) -> None:
    link = f"{world.graph_service.url}/graph/v1.0/users?$skiptoken=a"
    with graph_with(world, ForgedCredential(), path="/graph/") as graph, fault(world.graph_service, _answer(link)):
        assert graph.get_page("/v1.0/users").next_path == "/v1.0/users?$skiptoken=a"
    assert world.graph_service.requests[-1].path_qs == "/graph/v1.0/users"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"id": 7}', b'{"id": "a"', b"<html>Please sign in</html>"])
def test_response_without_an_id_is_no_item(world: GraphWorld, graph: Graph, body: bytes) -> None:
    with fault(world.graph_service, Fault(status=200, body=body)), pytest.raises(Unavailable):
        graph.get_item("/v1.0/teams/a")


def test_item_is_returned_as_graph_has_it(world: GraphWorld, graph: Graph) -> None:
    with fault(world.graph_service, Fault(status=200, body=b'{"id": "a", "displayName": "Sales"}')):
        assert graph.get_item("/v1.0/teams/a") == {"id": "a", "displayName": "Sales"}


def test_missing_list_is_not_found(world: GraphWorld, graph: Graph) -> None:
    with fault(world.graph_service, Fault(status=404)), pytest.raises(NotFound):
        graph.get_page("/v1.0/chats/a/messages")


@pytest.mark.parametrize("status", [400, 402, 410, 423])
def test_list_or_item_that_graph_refuses_for_good_is_refused(world: GraphWorld, graph: Graph, status: int) -> None:
    with fault(world.graph_service, Fault(status=status)):
        with pytest.raises(Refused, match=str(status)):
            graph.get_page("/v1.0/users/a/chats/getAllMessages")
        with pytest.raises(Refused, match=str(status)):
            graph.get_item("/v1.0/chats/a")


def test_list_that_a_permission_would_open_is_not_refused_for_good(world: GraphWorld, graph: Graph) -> None:
    with fault(world.graph_service, Fault(status=403)), pytest.raises(Misconfigured, match="403"):
        graph.get_page("/v1.0/users")
