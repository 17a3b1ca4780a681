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
from shared.identity.user_login import LoginStore, UserCredential, sign_in
from shared.settings import Settings
from tests.fakes.identity_services import GRAPH_SCOPE
from tests.sandbox.graph_world import APP, GraphWorld, graph_world
from tests.sender import STATE_KEY_TEXT

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphWorld]:
    with graph_world(tmp_path_factory.mktemp("graph")) as world:
        identity = {"IDENTITY_ENDPOINT": f"{world.login.url}/msi/token", "IDENTITY_HEADER": world.entra.identity_header}
        for name, value in (world.tls.environment() | identity).items():
            monkeypatch.setenv(name, value)
        yield world


@pytest.fixture
def caches(world: GraphWorld) -> Iterator[LoginStore]:
    vault = Service(KeyVault(world.entra, world.clock).app, world.tls)
    world.background.run(vault.start())
    with ManagedIdentityCredential() as identity, SecretClient(vault.url, identity) as client:
        yield LoginStore(client)
    world.background.run(vault.stop())


@pytest.fixture
def graph(world: GraphWorld, caches: LoginStore) -> Graph:
    """Return a client for the user Ann, who has signed in."""
    tenant_id = world.ann.tenant_id
    world.entra.register(
        Application(client_id=APP, tenant_ids=(tenant_id,), scopes=("Presence.Read.All",), public_client=True)
    )
    ann = Account(object_id=world.ann.id, tenant_id=tenant_id, name="Ann Ames", username=world.ann.email)
    settings = Settings.from_environ(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "TENANT_IDS": tenant_id,
            "CLIENT_ID": APP,
            "CLIENT_STATE_KEY": STATE_KEY_TEXT,
            "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
            "LOGIN_URL": world.login.url,
        }
    )
    sign_in(settings, tenant_id, caches, show=lambda message: world.entra.approve(message.split()[-3], ann))
    credential = UserCredential(settings, tenant_id, caches)
    return Graph(world.graph_service.url, credential, scope=GRAPH_SCOPE)


def test_presence_is_subscribed_to_renewed_told_and_ended_in_the_users_name(world: GraphWorld, graph: Graph) -> None:
    filtered = f"/communications/presences?$filter=id in ('{world.bob.id}')"
    asked = world.body(changeType="updated", resource=filtered, expirationDateTime=world.at(minutes=59))
    created = graph.create_subscription(asked)
    renewed = graph.update_subscription(created.subscription_id, {"expirationDateTime": world.at(hours=1)})
    assert renewed.expiration - created.expiration > timedelta(seconds=50)
    assert [each.subscription_id for each in graph.list_subscriptions()] == [created.subscription_id]
    names = {"user": world.bob.id}
    world.do(lambda: world.teams.others.occur("presence", world.bob.tenant_id, names, availability="Busy"))
    world.settle()
    assert [item["resource"] for item in world.receiver.items] == [f"communications/presences/{world.bob.id}"]
    graph.delete_subscription(created.subscription_id)
    assert list(graph.list_subscriptions()) == []


def test_what_is_for_applications_only_is_refused_to_the_user(world: GraphWorld, graph: Graph) -> None:
    with pytest.raises(Misconfigured, match="Required permissions to access chats/getAllMessages"):
        graph.create_subscription(world.body())
