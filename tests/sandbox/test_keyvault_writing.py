"""Secrets set in the vault on loopback, with the unmodified azure-keyvault-secrets client and without it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from tests.sandbox.identity_world import IDENTITY, World, identity_world

pytestmark = pytest.mark.slow

LIMIT = 25 * 1024


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with identity_world(tmp_path, monkeypatch) as world:
        yield world


@pytest.fixture
def client(world: World) -> Iterator[SecretClient]:
    with ManagedIdentityCredential() as credential, SecretClient(world.vault_service.url, credential) as client:
        yield client


def _put(world: World, name: str, body: bytes) -> requests.Response:
    """Ask without the SDK, which sends nothing but good requests."""
    query = {"resource": f"https://0.0.1:{world.vault_service.url.rpartition(':')[2]}", "api-version": "2019-08-01"}
    headers = {"X-IDENTITY-HEADER": world.entra.identity_header}
    token = requests.get(f"{world.login.url}/msi/token", params=query, headers=headers, timeout=5).json()
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    url = f"{world.vault_service.url}/secrets/{name}?api-version=7.6"
    return requests.put(url, data=body, headers=bearer, timeout=5)


def test_what_is_set_can_be_read_as_a_version_of_its_own(client: SecretClient) -> None:
    first = client.set_secret("login-cache", "one", content_type="application/json")
    second = client.set_secret("login-cache", "two")
    assert (first.value, first.properties.content_type) == ("one", "application/json")
    assert client.get_secret("login-cache").value == "two"
    assert client.get_secret("login-cache", first.properties.version).value == "one"
    assert first.properties.version != second.properties.version


def test_who_may_read_may_not_write(world: World, client: SecretClient) -> None:
    world.vault.set_secret("login-cache", "one")
    world.vault.readers, world.vault.writers = {IDENTITY}, {"somebody-else"}
    with pytest.raises(HttpResponseError) as seen:
        client.set_secret("login-cache", "two")
    assert seen.value.status_code == 403
    assert seen.value.error is not None
    assert seen.value.error.innererror == {"code": "ForbiddenByRbac"}
    assert "setSecret" in seen.value.message
    assert client.get_secret("login-cache").value == "one"


def test_who_may_write_may_read(world: World, client: SecretClient) -> None:
    world.vault.readers, world.vault.writers = {"somebody-else"}, {IDENTITY}
    client.set_secret("login-cache", "two")
    assert client.get_secret("login-cache").value == "two"


def test_a_secret_has_at_most_25_kilobytes(client: SecretClient) -> None:
    client.set_secret("login-cache", "x" * LIMIT)
    with pytest.raises(HttpResponseError) as seen:
        client.set_secret("login-cache", "ü" * (LIMIT // 2) + "x")
    assert (seen.value.status_code, client.get_secret("login-cache").value) == (400, "x" * LIMIT)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"value": 1}', b'{"value": "x", "contentType": 1}', b"\xff"])
def test_what_is_no_secret_is_refused(world: World, body: bytes) -> None:
    response = _put(world, "login-cache", body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("name", ["login_cache", "x" * 128, "a%20b"])
def test_a_name_has_letters_digits_and_hyphens(world: World, name: str) -> None:
    assert _put(world, name, b'{"value": "x"}').status_code == 400
    assert _put(world, "x" * 127, b'{"value": "x"}').status_code == 200


def test_whoever_has_no_token_sets_nothing(world: World) -> None:
    url = f"{world.vault_service.url}/secrets/x?api-version=7.6"
    assert requests.put(url, json={"value": "x"}, timeout=5).status_code == 401
