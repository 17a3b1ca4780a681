"""The services that these tests talk to: started once a module or process, and as they were before each test."""

from collections.abc import Iterator

import pytest
from azure.data.tables import TableServiceClient

from sandbox.azurite import Azurite
from sandbox.relay import Mood
from tests.fakes.identity_services import IdentityServices, identity_services
from tests.integration.relayed_account import RelayedAccount, relayed_account
from tests.sandbox.graph_world import GraphWorld, graph_world


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityServices]:
    with identity_services(tmp_path_factory.mktemp("outside")) as services:
        yield services


@pytest.fixture
def outside(services: IdentityServices, monkeypatch: pytest.MonkeyPatch) -> IdentityServices:
    services.as_it_was()
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_TOKEN_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in services.environment().items():
        monkeypatch.setenv(name, value)
    return services


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
    for service in (graph_services.graph_service, graph_services.login):
        service.requests.clear()
    return graph_services


@pytest.fixture
def tables(azurite: Azurite) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        yield tables


@pytest.fixture(scope="session")
def _relayed_account(azurite: Azurite) -> Iterator[RelayedAccount]:
    with relayed_account(azurite) as account:
        yield account


@pytest.fixture
def relayed(_relayed_account: RelayedAccount) -> Iterator[RelayedAccount]:
    """The storage account without an outage; one that a test begins ends with the test."""
    yield _relayed_account
    _relayed_account.set_mood(Mood.FORWARDING)
