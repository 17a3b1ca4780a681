"""Graph's subscriptions through ``azure.core``'s pipeline, with tokens from MSAL, against a Graph that refuses."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from azure.core.credentials import AccessToken, TokenCredential

from sandbox.serving import Fault
from shared.errors import Conflict, Misconfigured, NotFound, Problem, Unavailable
from shared.graph.client import Graph
from shared.graph.location import ResourceLocation
from shared.identity.entra import AppCredential
from shared.settings import Settings
from tests.fakes.identity_services import GRAPH_SCOPE, fault
from tests.sandbox.graph_world import APP, POWERLESS_APP, SECRET, GraphWorld, graph_world
from tests.sender import STATE_KEY_TEXT

pytestmark = pytest.mark.slow

# A Graph that says when to come back is asked again then: the tests need not wait for azure.core's own pauses.
RETRIES = 1
SUBSCRIPTIONS = "/v1.0/subscriptions"


class Forged:
    """A credential whose tokens nobody issued."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken("forged.token.here", int(time.time()) + 3600)


@pytest.fixture(scope="module")
def graph_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphWorld]:
    with graph_world(tmp_path_factory.mktemp("graph")) as world:
        world.graph.throttle.enabled = False
        yield world


@pytest.fixture
def world(graph_services: GraphWorld, monkeypatch: pytest.MonkeyPatch) -> GraphWorld:
    for name, value in graph_services.tls.environment().items():
        monkeypatch.setenv(name, value)
    for subscription in graph_services.graph.subscriptions():
        graph_services.call("DELETE", f"v1.0/subscriptions/{subscription.id}")
    graph_services.graph_service.requests.clear()
    return graph_services


def _settings(world: GraphWorld, client_id: str) -> Settings:
    return Settings.from_environ(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "TENANT_IDS": world.ann.tenant_id,
            "CLIENT_ID": client_id,
            "CLIENT_STATE_KEY": STATE_KEY_TEXT,
            "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
            "LOGIN_URL": world.login.url,
        }
    )


def _credential(world: GraphWorld, client_id: str = APP) -> AppCredential:
    return AppCredential(_settings(world, client_id), world.ann.tenant_id, lambda: SECRET)


@pytest.fixture
def graph(world: GraphWorld) -> Iterator[Graph]:
    with _as(world, _credential(world)) as graph:
        yield graph


def test_what_was_created_is_renewed_listed_and_deleted(world: GraphWorld, graph: Graph) -> None:
    made = graph.create_subscription(world.body(changeType="created"))
    assert (made.resource, made.change_types) == ("/chats/getAllMessages", frozenset({"created"}))
    renewed = graph.update_subscription(made.subscription_id, {"expirationDateTime": world.at(hours=48)})
    assert renewed.expiration > made.expiration
    assert list(graph.list_subscriptions()) == [renewed]
    graph.delete_subscription(made.subscription_id)
    assert list(graph.list_subscriptions()) == []


def test_a_list_is_read_to_its_last_page(world: GraphWorld, graph: Graph) -> None:
    change_types = ("created", "updated", "deleted", "created,updated", "created,deleted", "updated,deleted")
    ids = {graph.create_subscription(world.body(changeType=each)).subscription_id for each in change_types}
    world.graph_service.requests.clear()
    assert {subscription.subscription_id for subscription in graph.list_subscriptions()} == ids
    assert len(world.graph_service.requests) == 2


def _location(world: GraphWorld, *path: str, version: str = "v1.0") -> ResourceLocation:
    return ResourceLocation(
        tenant_id=world.ann.tenant_id, path="/".join(["", version, *(quote(part, "") for part in path)])
    )


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_a_resource_is_read_as_it_is_byte_for_byte(world: GraphWorld, graph: Graph, version: str) -> None:
    location = _location(world, *world.send("Grüße 👋")[0], version=version)
    content = graph.get_resource(location)
    assert content.resource["body"]["content"] == "Grüße 👋"
    assert content.json_bytes == world.call("GET", location.path.lstrip("/")).content


@contextmanager
def _as(world: GraphWorld, credential: TokenCredential) -> Iterator[Graph]:
    graph = Graph(world.graph_service.url, credential, scope=GRAPH_SCOPE)
    with graph._client:
        yield graph


def _forged(world: GraphWorld) -> None:
    with _as(world, Forged()) as graph:
        list(graph.list_subscriptions())


def _powerless(world: GraphWorld) -> None:
    with _as(world, _credential(world, POWERLESS_APP)) as graph:
        graph.create_subscription(world.body())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda world, _: _forged(world), "401 .*InvalidAuthenticationToken", id="no valid token"),
        pytest.param(lambda world, _: _powerless(world), "403 .*Required permissions .*Chat", id="no permission"),
        pytest.param(
            lambda _, graph: graph.delete_subscription("none"), "404 .*The object was not found", id="not there"
        ),
        pytest.param(
            lambda world, graph: [graph.create_subscription(world.body()) for _ in range(2)],
            "409 .*already exists",
            id="there already",
        ),
        pytest.param(
            lambda world, graph: graph.create_subscription(world.body(expirationDateTime=world.at(days=30))),
            "400 .*4320 minutes",
            id="too long",
        ),
    ],
)
def test_a_refusal_is_told_in_graphs_own_words(
    world: GraphWorld, graph: Graph, call: Callable[[GraphWorld, Graph], Any], words: str
) -> None:
    with pytest.raises(Problem, match=rf"{words}.*\(request-id \S+\)"):
        call(world, graph)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}'])
def test_a_refusal_without_words_is_told_by_its_status(world: GraphWorld, graph: Graph, body: bytes) -> None:
    with fault(world.graph_service, Fault(status=403, body=body)), pytest.raises(Misconfigured, match="403"):
        list(graph.list_subscriptions())


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ({"Retry-After": "7"}, timedelta(seconds=7)),
        ({"Retry-After": "99999999999999999999"}, timedelta(hours=1)),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
    ],
)
def test_a_pause_that_graph_asks_for_is_told_to_the_caller(
    world: GraphWorld, graph: Graph, status: int, header: dict[str, str], pause: timedelta | None
) -> None:
    busy = Fault(status=status, headers=header)
    with fault(world.graph_service, busy), pytest.raises(Unavailable) as caught:
        graph.create_subscription(world.body())
    assert caught.value.retry_after == pause
    assert len(world.graph_service.requests) == 1


@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_hiccup_of_graphs_is_tried_over_at_once(world: GraphWorld, graph: Graph, status: int) -> None:
    with fault(world.graph_service, Fault(status=status, times=1)):
        graph.create_subscription(world.body())
    assert len(world.graph_service.requests) == 2


def test_a_resource_is_read_in_haste(world: GraphWorld, graph: Graph) -> None:
    with fault(world.graph_service, Fault(status=503)), pytest.raises(Unavailable):
        graph.get_resource(_location(world, "chats", "a"))
    assert len(world.graph_service.requests) == 1


def test_what_is_not_there_and_what_is_there_already_have_names_of_their_own(world: GraphWorld, graph: Graph) -> None:
    with pytest.raises(NotFound):
        graph.get_resource(_location(world, "chats", "19:0@thread.v2"))
    graph.create_subscription(world.body())
    with pytest.raises(Conflict):
        graph.create_subscription(world.body())


@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_is_one_only_for_a_request_that_changes_something(
    world: GraphWorld, graph: Graph, status: int
) -> None:
    with fault(world.graph_service, Fault(status=status)):
        for change in (
            lambda: graph.create_subscription(world.body()),
            lambda: graph.update_subscription("a", {}),
            lambda: graph.delete_subscription("a"),
        ):
            with pytest.raises(Conflict):
                change()
        with pytest.raises(Misconfigured, match=str(status)):
            graph.get_page("/v1.0/chats/a/messages")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_graph_out_of_order_is_unavailable_after_some_retries(world: GraphWorld, graph: Graph, status: int) -> None:
    with fault(world.graph_service, Fault(status=status)), pytest.raises(Unavailable, match=str(status)):
        list(graph.list_subscriptions())
    assert len(world.graph_service.requests) == 1 + RETRIES


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[]", b'{"id": "a"', b'{"id": NaN}', b'{"id": "\xff"}'])
def test_a_resource_that_is_none_is_never_taken_for_one(world: GraphWorld, graph: Graph, body: bytes) -> None:
    with fault(world.graph_service, Fault(status=200, body=body)), pytest.raises(Unavailable):
        graph.get_resource(_location(world, "chats", "a"))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"[]", b"{}", b'{"value": null}', b'{"value": {}}', b'{"value": [{"id": "a"']
)
def test_a_list_that_is_none_is_never_taken_for_an_empty_one(world: GraphWorld, graph: Graph, body: bytes) -> None:
    with fault(world.graph_service, Fault(status=200, body=body)), pytest.raises(Unavailable):
        list(graph.list_subscriptions())


@pytest.mark.parametrize("item", ["null", "7", "{}", '{"id": "a", "resource": "/teams", "changeType": null}'])
def test_an_item_that_is_no_subscription_is_told(world: GraphWorld, graph: Graph, item: str) -> None:
    answer = Fault(status=200, body=f'{{"value": [{item}]}}'.encode())
    with fault(world.graph_service, answer), pytest.raises(Misconfigured, match="not a subscription"):
        list(graph.list_subscriptions())


def test_a_token_that_cannot_be_had_is_told_as_it_is(world: GraphWorld) -> None:
    credential = AppCredential(_settings(world, APP), world.ann.tenant_id, lambda: "hunter2 hunter2")
    with _as(world, credential) as graph, pytest.raises(Misconfigured, match="AADSTS7000215"):
        list(graph.list_subscriptions())


def test_neither_token_nor_client_state_reaches_a_log(
    world: GraphWorld, graph: Graph, caplog: pytest.LogCaptureFixture
) -> None:
    # Importing the composition root quiets this one.
    caplog.set_level(logging.DEBUG, logger="azure")
    caplog.set_level(logging.DEBUG)
    graph.create_subscription(world.body(clientState="v1.hush"))
    list(graph.list_subscriptions())
    assert "/subscriptions" in caplog.text
    assert _credential(world).get_token(GRAPH_SCOPE).token.rpartition(".")[0] not in caplog.text
    assert "eyJ" not in caplog.text
    assert "v1.hush" not in caplog.text
