"""The vault on loopback, read with the unmodified azure-keyvault-secrets client, resource check and all."""

from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox.entra import Application
from tests.sandbox.login_services import GRAPH, IDENTITY, OTHER_IDENTITY, OTHER_TENANT, LoginServices

pytestmark = pytest.mark.slow

VERSION = {"api-version": "7.6"}


def test_client_reads_the_current_version_through_the_challenge(
    services: LoginServices, vault_client: SecretClient
) -> None:
    services.vault.set_secret("graph-secret", "old")
    version = services.vault.set_secret("graph-secret", "new", content_type="text/plain")
    secret = vault_client.get_secret("graph-secret")
    assert (secret.value, secret.properties.version, secret.properties.content_type) == ("new", version, "text/plain")
    assert secret.properties.enabled
    assert secret.properties.created_on == secret.properties.updated_on
    assert secret.properties.managed is None
    assert [request.method for request in services.vault_service.requests] == ["GET", "GET"]


def test_default_credential_works_as_well(services: LoginServices) -> None:
    services.vault.set_secret("graph-secret", "value")
    with DefaultAzureCredential() as credential, SecretClient(services.vault_service.url, credential) as client:
        assert client.get_secret("graph-secret").value == "value"


def test_every_version_stays_readable_in_any_case(services: LoginServices, vault_client: SecretClient) -> None:
    versions = [services.vault.set_secret(name, name) for name in ("graph-secret", "Graph-Secret")]
    values = [vault_client.get_secret("GRAPH-secret", version).value for version in versions]
    assert values == ["graph-secret", "Graph-Secret"]
    assert all(len(version) == 32 and int(version, 16) for version in versions)


def test_secret_of_a_certificate_is_managed_and_has_its_times(
    services: LoginServices, vault_client: SecretClient
) -> None:
    version = services.vault.create_certificate("graph-encryption", content_type="application/x-pem-file")
    properties = vault_client.get_secret("graph-encryption").properties
    certificate = services.vault.certificate("graph-encryption")
    assert properties.managed
    assert properties.content_type == "application/x-pem-file"
    assert properties.key_id == f"{services.vault_service.url}/keys/graph-encryption/{version}"
    assert properties.not_before == certificate.not_valid_before_utc
    assert properties.expires_on == certificate.not_valid_after_utc


def test_plain_secret_is_no_certificate(services: LoginServices) -> None:
    services.vault.set_secret("plain", "value")
    for name in ("plain", "absent"):
        with pytest.raises(KeyError, match=name):
            services.vault.certificate(name)


@pytest.mark.parametrize(("name", "version"), [("absent", None), ("present", "0" * 32)])
def test_missing_secret_or_version_is_secret_not_found(
    services: LoginServices, vault_client: SecretClient, name: str, version: str | None
) -> None:
    services.vault.set_secret("present", "value")
    with pytest.raises(ResourceNotFoundError) as seen:
        vault_client.get_secret(name, version)
    assert seen.value.error is not None
    assert seen.value.error.code == "SecretNotFound"


def _inner_error(vault_client: SecretClient, version: str | None = None) -> tuple[int | None, Any]:
    """Return the status and the code with which a secret is refused."""
    with pytest.raises(HttpResponseError) as seen:
        vault_client.get_secret("graph-secret", version)
    assert seen.value.error is not None
    return seen.value.status_code, seen.value.error.innererror


def test_disabled_version_is_forbidden_and_the_others_are_served(
    services: LoginServices, vault_client: SecretClient
) -> None:
    old, new = (services.vault.set_secret("graph-secret", value) for value in ("old", "new"))
    services.vault.disable("graph-secret", new)
    assert vault_client.get_secret("graph-secret", old).value == "old"
    refused = [_inner_error(vault_client, version) for version in (None, new)]
    assert refused == [(403, {"code": "SecretDisabled"})] * 2


def test_only_holders_of_the_role_may_read(services: LoginServices, vault_client: SecretClient) -> None:
    services.vault.set_secret("graph-secret", "value")
    services.vault.readers = {"another-client"}
    assert _inner_error(vault_client) == (403, {"code": "ForbiddenByRbac"})
    services.vault.readers = {IDENTITY}
    assert vault_client.get_secret("graph-secret").value == "value"


def test_identity_of_another_tenant_is_refused(services: LoginServices) -> None:
    services.entra.register(Application(client_id=OTHER_IDENTITY, tenant_ids=(OTHER_TENANT,)))
    services.vault.set_secret("graph-secret", "value")
    credential = ManagedIdentityCredential(client_id=OTHER_IDENTITY)
    client = SecretClient(services.vault_service.url, credential)
    with credential, client, pytest.raises(ClientAuthenticationError) as seen:
        client.get_secret("graph-secret")
    assert seen.value.status_code == 401


def test_request_without_a_token_is_challenged(services: LoginServices) -> None:
    response = requests.get(f"{services.vault_service.url}/secrets/x", params=VERSION, timeout=5)
    tenant = services.entra.system_identity.tenant_ids[0]
    port = services.vault_service.url.rpartition(":")[2]
    challenge = f'Bearer authorization="https://login.microsoftonline.com/{tenant}", resource="https://0.0.1:{port}"'
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, challenge)
    assert response.json()["error"]["code"] == "Unauthorized"


@pytest.mark.parametrize(("resource", "status"), [("", 200), (GRAPH, 401)])
def test_token_for_another_resource_is_refused(services: LoginServices, resource: str, status: int) -> None:
    services.vault.set_secret("graph-secret", "value")
    assert services.vault_request("GET", "graph-secret", resource=resource, params=VERSION).status_code == status


def test_invented_token_is_refused(services: LoginServices) -> None:
    headers = {"Authorization": f"Bearer {jwt.encode({'aud': 'https://0.0.1'}, 'x' * 32, 'HS256')}"}
    url = f"{services.vault_service.url}/secrets/x"
    assert requests.get(url, params=VERSION, headers=headers, timeout=5).status_code == 401


@pytest.mark.parametrize("query", [{}, {"api-version": "1.0"}])
def test_known_api_version_is_required(services: LoginServices, query: dict[str, str]) -> None:
    response = services.vault_request("GET", "x", params=query)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadParameter")


def test_trailing_slash_means_the_current_version(services: LoginServices) -> None:
    services.vault.set_secret("graph-secret", "value")
    assert services.vault_request("GET", "graph-secret/", params=VERSION).json()["value"] == "value"
