"""A user-assigned identity, named in the settings, is the one whose tokens reach storage, vault and Graph."""

from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.entra import Application
from shared.app.clients import Clients
from shared.errors import Problem
from shared.receiving.post_store import PARKED
from tests.fakes.identity_services import CERTIFICATE_NAME, GRAPH_SCOPE, IdentityServices
from tests.fakes.settings_environment import LEAST
from tests.sender import TENANT

pytestmark = pytest.mark.slow

ONE, TWO = "11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"
STORAGE, AZURE = "AzureWebJobsStorage__clientId", "AZURE_CLIENT_ID"
SERVICES = ("blob", "queue", "table")


@pytest.fixture
def services(outside: IdentityServices) -> IdentityServices:
    """A function app that has two user-assigned identities beside its own."""
    for client_id in (ONE, TWO):
        outside.entra.register(Application(client_id=client_id, tenant_ids=(TENANT,), roles=("Chat.Read.All",)))
    return outside


def _clients(services: IdentityServices, **identities: str) -> Clients:
    # The vault's host stands in for storage: what counts is which token it is sent.
    uris = {f"AzureWebJobsStorage__{service}ServiceUri": services.vault_service.url for service in SERVICES}
    environ = LEAST | uris | {"AzureWebJobsStorage": "", "AzureWebJobsStorage__credential": "managedidentity"}
    vault = {"KEY_VAULT_URL": services.vault_service.url, "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME}
    return Clients.from_environ(environ | vault | identities)


def _asked_for(services: IdentityServices) -> dict[str, set[str]]:
    """Return the identities that tokens were asked for, by what the tokens are for."""
    asked: dict[str, set[str]] = {}
    for request in services.login.requests:
        query = parse_qs(urlsplit(request.path_qs).query)
        if "resource" in query:
            asked.setdefault(query["resource"][0], set()).update(query.get("client_id", ["none"]))
    return asked


@pytest.mark.parametrize(
    ("identities", "storage", "others"),
    [({AZURE: ONE}, ONE, ONE), ({STORAGE: ONE}, ONE, ONE), ({STORAGE: ONE, AZURE: TWO}, ONE, TWO)],
    ids=["AZURE_CLIENT_ID", "storage's", "one each"],
)
def test_user_assigned_identity_reaches_storage_vault_and_graph(
    services: IdentityServices, identities: dict[str, str], storage: str, others: str
) -> None:
    version = services.vault.create_certificate(CERTIFICATE_NAME)
    clients = _clients(services, **identities)
    with suppress(Problem):
        list(clients.post_store(PARKED).list())
    assert clients.certificate_versions(CERTIFICATE_NAME).current().version == version
    assert clients.graph_token(TENANT, delegated=False)
    asked = _asked_for(services)
    assert asked.pop("https://storage.azure.com") == {storage}
    assert asked.pop(GRAPH_SCOPE.removesuffix("/.default")) == {others}
    assert list(asked.values()) == [{others}]
