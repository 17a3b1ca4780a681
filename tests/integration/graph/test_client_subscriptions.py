"""One of Graph's subscriptions, read by its id."""

import json
from collections.abc import Iterator

import pytest

from sandbox.serving import Fault
from shared.errors import NotFound
from shared.graph.client import Graph
from tests.fakes.identity_services import fault
from tests.integration.graph.clients import ForgedCredential, graph_with
from tests.sandbox.graph_world import GraphWorld

pytestmark = pytest.mark.slow

SUBSCRIPTION = {
    "id": "good",
    "resource": "/teams",
    "changeType": "created",
    "notificationUrl": "https://app.example/",
    "expirationDateTime": "2026-11-22T00:00:00Z",
}


@pytest.fixture
def graph(world: GraphWorld) -> Iterator[Graph]:
    with graph_with(world, ForgedCredential()) as graph:
        yield graph


@pytest.mark.parametrize("beta", [False, True])
def test_subscription_is_read_by_its_id(world: GraphWorld, graph: Graph, *, beta: bool) -> None:
    with fault(world.graph_service, Fault(status=200, body=json.dumps(SUBSCRIPTION).encode())):
        assert graph.get_subscription("good", beta=beta).subscription_id == "good"
    (request,) = world.graph_service.requests
    assert (request.method, request.path_qs) == ("GET", f"/{'beta' if beta else 'v1.0'}/subscriptions/good")


def test_missing_subscription_is_not_found(world: GraphWorld, graph: Graph) -> None:
    with fault(world.graph_service, Fault(status=404)), pytest.raises(NotFound):
        graph.get_subscription("gone")
