"""The vault on loopback, read with the unmodified azure-keyvault-secrets client, resource check and all."""

import base64
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from sandbox.entra import Application
from tests.sandbox.identity_world import IDENTITY, OTHER_IDENTITY, OTHER_TENANT, World, identity_world

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with identity_world(tmp_path, monkeypatch) as world:
        yield world


@pytest.fixture
def client(world: World) -> Iterator[SecretClient]:
    with ManagedIdentityCredential() as credential, SecretClient(world.vault_service.url, credential) as client:
        yield client


def _get(world: World, path: str, *, resource: str | None = None, version: str = "7.6") -> requests.Response:
    """Ask without the SDK, with a token for a resource of the caller's choice."""
    authority = world.vault_service.url.removeprefix("https://")
    query = {"resource": resource or f"https://{authority.partition('.')[2]}", "api-version": "2019-08-01"}
    headers = {"X-IDENTITY-HEADER": world.entra.identity_header}
    token = requests.get(f"{world.login.url}/msi/token", params=query, headers=headers, timeout=5).json()
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    params = {"api-version": version} if version else {}
    return requests.get(f"{world.vault_service.url}{path}", params=params, headers=bearer, timeout=5)


def test_the_client_reads_the_current_version_through_the_challenge(world: World, client: SecretClient) -> None:
    world.vault.set_secret("graph-secret", "old")
    version = world.vault.set_secret("graph-secret", "new", content_type="text/plain")
    secret = client.get_secret("graph-secret")
    assert (secret.value, secret.properties.version, secret.properties.content_type) == ("new", version, "text/plain")
    assert secret.properties.enabled
    assert secret.properties.created_on == secret.properties.updated_on
    assert secret.properties.managed is None
    assert [request.method for request in world.vault_service.requests] == ["GET", "GET"]


def test_the_default_credential_works_as_well(world: World) -> None:
    world.vault.set_secret("graph-secret", "value")
    with DefaultAzureCredential() as credential, SecretClient(world.vault_service.url, credential) as client:
        assert client.get_secret("graph-secret").value == "value"


def test_every_version_stays_readable(world: World, client: SecretClient) -> None:
    versions = [world.vault.set_secret("graph-secret", value) for value in ("one", "two")]
    assert [client.get_secret("graph-secret", version).value for version in versions] == ["one", "two"]
    assert all(len(version) == 32 and int(version, 16) for version in versions)


def test_names_are_case_insensitive(world: World, client: SecretClient) -> None:
    world.vault.set_secret("Graph-Secret", "value")
    assert client.get_secret("graph-secret").value == "value"


def test_a_name_that_key_vault_does_not_take_cannot_be_set(world: World) -> None:
    with pytest.raises(ValueError, match="takes no such name"):
        world.vault.set_secret("graph_secret", "value")


@pytest.mark.parametrize("key_size", [2048, 4096])
def test_a_certificate_comes_with_its_key_as_pkcs12(world: World, client: SecretClient, key_size: int) -> None:
    version = world.vault.create_certificate("graph-encryption", key_size=key_size)
    secret = client.get_secret("graph-encryption", version)
    assert secret.value is not None
    key, certificate, others = pkcs12.load_key_and_certificates(base64.b64decode(secret.value, validate=True), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == key_size
    assert certificate == world.vault.certificate("graph-encryption", version)
    assert certificate.public_key() == key.public_key()
    assert others == []
    assert secret.properties.content_type == "application/x-pkcs12"


def test_a_certificate_comes_with_its_key_as_pem(world: World, client: SecretClient) -> None:
    world.vault.create_certificate("graph-encryption", content_type="application/x-pem-file")
    secret = client.get_secret("graph-encryption")
    assert secret.value is not None
    assert secret.value.startswith("-----BEGIN PRIVATE KEY-----")
    key = load_pem_private_key(secret.value.encode(), None)
    certificate = x509.load_pem_x509_certificate(secret.value.encode())
    assert certificate == world.vault.certificate("graph-encryption")
    assert certificate.public_key() == key.public_key()
    assert secret.properties.content_type == "application/x-pem-file"


def test_the_secret_of_a_certificate_is_managed_and_has_its_times(world: World, client: SecretClient) -> None:
    version = world.vault.create_certificate("graph-encryption")
    properties = client.get_secret("graph-encryption").properties
    certificate = world.vault.certificate("graph-encryption")
    assert properties.managed
    assert properties.key_id == f"{world.vault_service.url}/keys/graph-encryption/{version}"
    assert properties.not_before == certificate.not_valid_before_utc
    assert properties.expires_on == certificate.not_valid_after_utc


def test_a_plain_secret_is_no_certificate(world: World) -> None:
    world.vault.set_secret("plain", "value")
    for name in ("plain", "absent"):
        with pytest.raises(KeyError, match=name):
            world.vault.certificate(name)


@pytest.mark.parametrize(("name", "version"), [("absent", None), ("present", "0" * 32)])
def test_what_is_not_there_is_secret_not_found(
    world: World, client: SecretClient, name: str, version: str | None
) -> None:
    world.vault.set_secret("present", "value")
    with pytest.raises(ResourceNotFoundError) as seen:
        client.get_secret(name, version)
    assert seen.value.error is not None
    assert seen.value.error.code == "SecretNotFound"


def test_a_disabled_version_is_forbidden_while_the_others_are_served(world: World, client: SecretClient) -> None:
    old, new = (world.vault.set_secret("graph-secret", value) for value in ("old", "new"))
    world.vault.disable("graph-secret", new)
    assert client.get_secret("graph-secret", old).value == "old"
    for version in (None, new):
        with pytest.raises(HttpResponseError) as seen:
            client.get_secret("graph-secret", version)
        assert seen.value.status_code == 403
        assert seen.value.error is not None
        assert seen.value.error.innererror == {"code": "SecretDisabled"}


def test_only_holders_of_the_role_may_read(world: World, client: SecretClient) -> None:
    world.vault.set_secret("graph-secret", "value")
    world.vault.readers = {"somebody-else"}
    with pytest.raises(HttpResponseError) as seen:
        client.get_secret("graph-secret")
    assert seen.value.status_code == 403
    assert seen.value.error is not None
    assert seen.value.error.innererror == {"code": "ForbiddenByRbac"}
    world.vault.readers = {IDENTITY}
    assert client.get_secret("graph-secret").value == "value"


def test_an_identity_of_another_tenant_is_turned_away(world: World) -> None:
    world.entra.register(Application(client_id=OTHER_IDENTITY, tenant_ids=(OTHER_TENANT,)))
    world.vault.set_secret("graph-secret", "value")
    credential = ManagedIdentityCredential(client_id=OTHER_IDENTITY)
    client = SecretClient(world.vault_service.url, credential)
    with credential, client, pytest.raises(ClientAuthenticationError) as seen:
        client.get_secret("graph-secret")
    assert seen.value.status_code == 401


def test_whoever_has_no_token_is_told_where_to_get_one(world: World) -> None:
    response = requests.get(f"{world.vault_service.url}/secrets/x", params={"api-version": "7.6"}, timeout=5)
    tenant = world.entra.system_identity.tenant_ids[0]
    port = world.vault_service.url.rpartition(":")[2]
    challenge = f'Bearer authorization="https://login.microsoftonline.com/{tenant}", resource="https://0.0.1:{port}"'
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, challenge)
    assert response.json()["error"]["code"] == "Unauthorized"


def test_a_token_for_graph_opens_no_vault(world: World) -> None:
    world.vault.set_secret("graph-secret", "value")
    assert _get(world, "/secrets/graph-secret").status_code == 200
    assert _get(world, "/secrets/graph-secret", resource="https://graph.microsoft.com").status_code == 401


def test_an_invented_token_opens_no_vault(world: World) -> None:
    forged = jwt.encode({"aud": "https://0.0.1"}, "x" * 32, "HS256")
    headers = {"Authorization": f"Bearer {forged}"}
    response = requests.get(f"{world.vault_service.url}/secrets/x?api-version=7.6", headers=headers, timeout=5)
    assert response.status_code == 401


@pytest.mark.parametrize("version", ["", "1.0"])
def test_a_known_api_version_is_required(world: World, version: str) -> None:
    response = _get(world, "/secrets/x", version=version)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadParameter")


def test_a_trailing_slash_means_the_current_version(world: World) -> None:
    world.vault.set_secret("graph-secret", "value")
    assert _get(world, "/secrets/graph-secret/").json()["value"] == "value"
