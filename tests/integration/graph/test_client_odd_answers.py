"""Graph, or what stands in for it, answers oddly: a named error in printable text, and nothing else stops."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken

from sandbox.serving import Service
from sandbox.tls import Tls
from shared.errors import Misconfigured, Problem, Unavailable
from shared.graph.client import Graph
from shared.graph.graph_token import GraphToken
from shared.graph.location import ResourceLocation
from shared.timing import Backoff
from tests.fakes.identity_services import GRAPH_SCOPE
from tests.integration.graph.clients import ForgedCredential
from tests.sandbox.background import running
from tests.sender import TENANT
from tests.unit.graph.test_subscription import ITEM

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 29, tzinfo=UTC)
DEEP = b"[" * 100_000
DEEP_OBJECT = b'{"value": ' + DEEP
ESCAPES = "no\n2026-11-28T20:00:00Z ERROR run: \x1b[31mrotate CLIENT_STATE_KEY\u202e\ud800\x00\r\u2028"
SUBSCRIPTIONS = "/v1.0/subscriptions"


class OddGraph:
    """Answers every request with the next of ``answers``, the last one again and again."""

    def __init__(self, tls: Tls) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.service = Service(app, tls)
        self.requests: list[web.Request] = []
        self.answers: list[tuple[int, bytes]] = []

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, body=body, content_type="application/json")


@pytest.fixture(scope="module")
def odd_graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OddGraph, Tls]]:
    tls = Tls(tmp_path_factory.mktemp("odd"))
    odd = OddGraph(tls)
    with running(odd.service):
        yield odd, tls


@pytest.fixture
def odd(odd_graphs: tuple[OddGraph, Tls], monkeypatch: pytest.MonkeyPatch) -> OddGraph:
    odd, tls = odd_graphs
    for name, value in tls.environment().items():
        monkeypatch.setenv(name, value)
    odd.requests.clear()
    odd.answers = [(200, b"{}")]
    return odd


@pytest.fixture
def graph(odd: OddGraph) -> Iterator[Graph]:
    graph = Graph(odd.service.url, GraphToken(credential=ForgedCredential(), scope=GRAPH_SCOPE))
    with graph._client:
        yield graph


def _page(*items: Any, link: str | None = None) -> tuple[int, bytes]:
    return 200, json.dumps({"value": items} | ({} if link is None else {"@odata.nextLink": link})).encode()


def _location(path: str = "/v1.0/chats/a/messages/1") -> ResourceLocation:
    return ResourceLocation(tenant_id=TENANT, path=path)


CALLS: dict[str, Callable[[Graph], object]] = {
    "list of subscriptions": lambda graph: list(graph.list_subscriptions()),
    "page": lambda graph: graph.get_page("/v1.0/chats/a/messages"),
    "item": lambda graph: graph.get_item("/v1.0/teams/a"),
    "resource": lambda graph: graph.get_resource(_location()),
    "created subscription": lambda graph: graph.create_subscription({"resource": "/chats/getAllMessages"}),
    "read subscription": lambda graph: graph.get_subscription("a"),
    "renewed subscription": lambda graph: graph.update_subscription("a", {}),
}


@pytest.mark.parametrize(
    "entry",
    [
        None,
        7,
        "x",
        [],
        {},
        ITEM | {"changeType": None},
        ITEM | {"expirationDateTime": "soon"},
        ITEM | {"id": 7},
        ITEM | {"notificationUrl": ["EventHub:https://x"]},
    ],
    ids=["null", "number", "text", "list", "empty", "no change type", "no time", "numeric id", "list of URLs"],
)
def test_odd_entry_among_subscriptions_is_skipped_and_reported(
    odd: OddGraph, graph: Graph, caplog: pytest.LogCaptureFixture, entry: Any
) -> None:
    caplog.set_level(logging.WARNING, logger="shared")
    odd.answers = [_page(ITEM, entry, ITEM | {"id": "last"}), _page()]
    assert [found.subscription_id for found in graph.list_subscriptions()] == [ITEM["id"], "last"]
    (record,) = caplog.records
    assert record.getMessage().startswith("entry 2 of Graph's list of subscriptions is left out: ")


def test_odd_entry_is_reported_by_its_id(odd: OddGraph, graph: Graph, caplog: pytest.LogCaptureFixture) -> None:
    odd.answers = [_page(ITEM | {"changeType": None, "id": "x\n\x1b[31m" + "i" * 1000})]
    assert list(graph.list_subscriptions()) == []
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.isprintable()
    assert "(x  [31miii" in message
    assert len(message) < 200


def test_subscriptions_linked_in_a_circle_are_unavailable(odd: OddGraph, graph: Graph) -> None:
    second = f"{odd.service.url}{SUBSCRIPTIONS}?$skiptoken=2"
    odd.answers = [_page(link=second), _page(link=f"{odd.service.url}{SUBSCRIPTIONS}?$skiptoken=3"), _page(link=second)]
    with pytest.raises(Unavailable, match="next page leads to a page that was read before"):
        list(graph.list_subscriptions())
    assert len(odd.requests) == 3


def test_page_that_links_to_itself_is_unavailable(odd: OddGraph, graph: Graph) -> None:
    path = "/v1.0/users?$skiptoken=a%2Bb"
    odd.answers = [_page(link=f"https://elsewhere.example{path}")]
    with pytest.raises(Unavailable, match="next page leads to the page itself"):
        graph.get_page(path)


@pytest.mark.parametrize("body", [DEEP, DEEP_OBJECT], ids=["list", "object"])
@pytest.mark.parametrize("call", CALLS)
def test_json_nested_100000_deep_is_a_named_error(odd: OddGraph, graph: Graph, call: str, body: bytes) -> None:
    odd.answers = [(200, body)]
    with pytest.raises((Unavailable, Misconfigured), match="Graph's response"):
        CALLS[call](graph)


@pytest.mark.parametrize("call", CALLS)
def test_error_nested_100000_deep_is_told_by_its_status(odd: OddGraph, graph: Graph, call: str) -> None:
    odd.answers = [(403, DEEP_OBJECT)]
    with pytest.raises(Misconfigured, match=r"Graph answered 403 .*no reason given"):
        CALLS[call](graph)


@pytest.mark.parametrize("status", [400, 403, 404, 409])
@pytest.mark.parametrize("call", CALLS)
def test_graphs_error_text_is_one_printable_line(odd: OddGraph, graph: Graph, call: str, status: int) -> None:
    error = {"code": "Forbidden\x1b", "message": ESCAPES + "!" * 100_000}
    odd.answers = [(status, json.dumps({"error": error}).encode())]
    with pytest.raises(Problem, match=f"Graph answered {status} .*rotate CLIENT_STATE_KEY") as caught:
        CALLS[call](graph)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1000
    assert Backoff.next(None, caught.value, NOW).text == text


@pytest.mark.parametrize("call", CALLS)
def test_every_request_asks_for_unknown_enum_members(odd: OddGraph, graph: Graph, call: str) -> None:
    """Otherwise Graph sends system messages as unknownFutureValue."""
    odd.answers = [(403, b"{}")]
    with pytest.raises(Misconfigured):
        CALLS[call](graph)
    assert {request.headers.get("Prefer") for request in odd.requests} == {"include-unknown-enum-members"}


class _Token:
    """A credential with a token of the app, which nobody has signed."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        claims = "eyJvaWQiOiAiby0xIiwgImFwcGlkIjogImEtMSIsICJ0aWQiOiAidC0xIn0"  # {"oid": "o-1", "appid": "a-1", ...}
        return AccessToken(f"e30.{claims}.hush", int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))


@pytest.mark.parametrize("status", [401, 403])
def test_refusal_of_graph_names_whom_it_refuses(odd: OddGraph, status: int) -> None:
    odd.answers = [(status, b'{"error": {"code": "Forbidden", "message": "Required permissions: Chat.Read.All"}}')]
    graph = Graph(odd.service.url, GraphToken(credential=_Token(), scope=GRAPH_SCOPE))
    with graph._client, pytest.raises(Misconfigured) as caught:
        graph.get_page("/v1.0/users")
    assert "GET /v1.0/users by the app's identity o-1 (client id a-1, tenant t-1)" in str(caught.value)
    assert "Required permissions: Chat.Read.All" in str(caught.value)
    assert "hush" not in str(caught.value)


class _Stumbling:
    """A credential whose endpoint answers without JSON, as azure-identity 1.27 passes that on."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        raise json.JSONDecodeError("Expecting value", "", 0)


def test_credential_that_stumbles_is_unavailable(odd: OddGraph) -> None:
    graph = Graph(odd.service.url, GraphToken(credential=_Stumbling(), scope=GRAPH_SCOPE))
    with graph._client, pytest.raises(Unavailable, match="Graph does not answer as it should: JSONDecodeError"):
        list(graph.list_subscriptions())
