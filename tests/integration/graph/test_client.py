"""Graph's subscriptions through ``azure.core``'s pipeline, with tokens from MSAL, against a Graph that refuses."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from urllib.parse import quote

import pytest

from sandbox.serving import Fault
from shared.errors import Conflict, Misconfigured, NotFound, Problem, Unavailable
from shared.graph.client import Graph
from shared.graph.location import ResourceLocation
from shared.identity.entra import AppCredential
from shared.settings import Settings
from tests.fakes.identity_services import GRAPH_SCOPE, fault
from tests.fakes.settings_environment import LEAST
from tests.integration.graph.clients import ForgedCredential, graph_with
from tests.sandbox.graph_world import APP, POWERLESS_APP, SECRET, GraphWorld

pytestmark = pytest.mark.slow

RETRIES = 1


def _credential(world: GraphWorld, client_id: str = APP, secret: str = SECRET) -> AppCredential:
    names = {"TENANT_IDS": world.ann.tenant_id, "CLIENT_ID": client_id, "LOGIN_URL": world.login.url}
    return AppCredential(Settings.from_environ(LEAST | names), world.ann.tenant_id, lambda: secret)


@pytest.fixture
def graph(world: GraphWorld) -> Iterator[Graph]:
    with graph_with(world, _credential(world)) as graph:
        yield graph


def test_subscription_is_created_renewed_listed_and_deleted(world: GraphWorld, graph: Graph) -> None:
    made = graph.create_subscription(world.body(changeType="created"))
    assert (made.resource, made.change_types) == ("/chats/getAllMessages", frozenset({"created"}))
    renewed = graph.update_subscription(made.subscription_id, {"expirationDateTime": world.at(hours=48)})
    assert renewed.expiration > made.expiration
    assert list(graph.list_subscriptions()) == [renewed]
    graph.delete_subscription(made.subscription_id)
    assert list(graph.list_subscriptions()) == []


def test_list_is_read_to_its_last_page(world: GraphWorld, graph: Graph) -> None:
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
def test_resource_is_returned_byte_for_byte(world: GraphWorld, graph: Graph, version: str) -> None:
    location = _location(world, *world.send("Grüße 👋")[0], version=version)
    content = graph.get_resource(location)
    assert content.resource["body"]["content"] == "Grüße 👋"
    assert content.json_bytes == world.call("GET", location.path.lstrip("/")).content


def _refusal(problem: type[Problem], words: str) -> AbstractContextManager[object]:
    return pytest.raises(problem, match=rf"{words}.*\(request-id \S+\)")


def test_refusal_of_a_caller_is_raised_in_graphs_own_words(world: GraphWorld) -> None:
    forged, powerless = ForgedCredential(), _credential(world, POWERLESS_APP)
    with graph_with(world, forged) as graph, _refusal(Misconfigured, "401 .*InvalidAuthenticationToken"):
        list(graph.list_subscriptions())
    with graph_with(world, powerless) as graph, _refusal(Misconfigured, "403 .*Required permissions .*Chat"):
        graph.create_subscription(world.body())


def test_refusal_of_a_request_is_raised_in_graphs_own_words(world: GraphWorld, graph: Graph) -> None:
    with _refusal(NotFound, "404 "):
        graph.get_resource(_location(world, "chats", "19:0@thread.v2"))
    with _refusal(NotFound, "404 .*The object was not found"):
        graph.delete_subscription("none")
    with _refusal(Misconfigured, "400 .*4320 minutes"):
        graph.create_subscription(world.body(expirationDateTime=world.at(days=30)))
    graph.create_subscription(world.body())
    with _refusal(Conflict, "409 .*already exists"):
        graph.create_subscription(world.body())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}'])
def test_refusal_without_an_error_is_raised_with_its_status(world: GraphWorld, graph: Graph, body: bytes) -> None:
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
def test_retry_after_is_passed_to_the_caller(
    world: GraphWorld, graph: Graph, status: int, header: dict[str, str], pause: timedelta | None
) -> None:
    busy = Fault(status=status, headers=header)
    with fault(world.graph_service, busy), pytest.raises(Unavailable) as caught:
        graph.create_subscription(world.body())
    assert caught.value.retry_after == pause
    assert len(world.graph_service.requests) == 1


@pytest.mark.parametrize("status", [500, 503, 504])
def test_single_server_error_is_retried_at_once(world: GraphWorld, graph: Graph, status: int) -> None:
    with fault(world.graph_service, Fault(status=status, times=1)):
        graph.create_subscription(world.body())
    assert len(world.graph_service.requests) == 2


@pytest.mark.parametrize("status", [409, 412])
def test_conflict_is_raised_for_changes_only(world: GraphWorld, graph: Graph, status: int) -> None:
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
def test_server_error_is_unavailable_after_the_retries(world: GraphWorld, graph: Graph, status: int) -> None:
    with fault(world.graph_service, Fault(status=status)), pytest.raises(Unavailable, match=str(status)):
        list(graph.list_subscriptions())
    assert len(world.graph_service.requests) == 1 + RETRIES


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[]", b'{"id": "a"', b'{"id": NaN}', b'{"id": "\xff"}'])
def test_broken_resource_is_unavailable(world: GraphWorld, graph: Graph, body: bytes) -> None:
    with fault(world.graph_service, Fault(status=200, body=body)), pytest.raises(Unavailable):
        graph.get_resource(_location(world, "chats", "a"))


def test_error_of_the_credential_is_raised_unchanged(world: GraphWorld) -> None:
    credential = _credential(world, secret="hunter2 hunter2")
    with graph_with(world, credential) as graph, pytest.raises(Misconfigured, match="AADSTS7000215"):
        list(graph.list_subscriptions())


def test_token_and_client_state_do_not_reach_a_log(
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
