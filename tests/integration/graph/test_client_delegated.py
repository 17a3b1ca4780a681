"""A signed-in user's subscriptions at the sandbox's Graph, through the app's own client of Graph and Key Vault."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox.entra import Account, Application
from sandbox.keyvault import KeyVault
from sandbox.serving import Service
from shared.errors import Misconfigured
from shared.graph.client import Graph
from shared.graph.graph_token import GraphToken
from shared.identity.user_login import LoginStore, UserCredential, sign_in
from shared.settings import Settings
from tests.fakes.identity_services import GRAPH_SCOPE
from tests.fakes.settings_environment import LEAST
from tests.sandbox.graph_world import APP, GraphWorld

pytestmark = pytest.mark.slow


@pytest.fixture
def logins(world: GraphWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginStore]:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{world.login.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", world.entra.identity_header)
    vault = Service(KeyVault(world.entra, world.clock).app, world.tls)
    world.background.run(vault.start())
    with ManagedIdentityCredential() as identity, SecretClient(vault.url, identity) as client:
        yield LoginStore(client)
    world.background.run(vault.stop())


@pytest.fixture
def graph(world: GraphWorld, logins: LoginStore) -> Graph:
    """Return a client for the user Ann, who has signed in."""
    tenant_id = world.ann.tenant_id
    world.entra.register(
        Application(client_id=APP, tenant_ids=(tenant_id,), scopes=("Presence.Read.All",), public_client=True)
    )
    ann = Account(object_id=world.ann.id, tenant_id=tenant_id, name="Ann Ames", username=world.ann.email)
    names = {"TENANT_IDS": tenant_id, "CLIENT_ID": APP, "LOGIN_URL": world.login.url}
    settings = Settings.from_environ(LEAST | names)
    sign_in(settings, tenant_id, logins, show=lambda message: world.entra.approve(message.split()[-3], ann))
    credential = UserCredential(settings, tenant_id, logins)
    return Graph(world.graph_service.url, GraphToken(credential=credential, scope=GRAPH_SCOPE))


def test_presence_is_subscribed_renewed_notified_and_deleted_by_a_user(world: GraphWorld, graph: Graph) -> None:
    filtered = f"/communications/presences?$filter=id in ('{world.bob.id}')"
    asked = world.body(changeType="updated", resource=filtered, expirationDateTime=world.at(minutes=59))
    created = graph.create_subscription(asked)
    renewed = graph.update_subscription(created.subscription_id, {"expirationDateTime": world.at(hours=1)})
    assert renewed.expiration - created.expiration > timedelta(seconds=50)
    assert [each.subscription_id for each in graph.list_subscriptions()] == [created.subscription_id]
    world.do(lambda: world.teams.samples.report("presence", world.bob))
    world.settle()
    assert [item["resource"] for item in world.receiver.items] == [f"communications/presences/{world.bob.id}"]
    graph.delete_subscription(created.subscription_id)
    assert list(graph.list_subscriptions()) == []


def test_resource_for_applications_only_is_refused_to_a_user(world: GraphWorld, graph: Graph) -> None:
    with pytest.raises(Misconfigured, match="Required permissions to access chats/getAllMessages"):
        graph.create_subscription(world.body())
