"""Secrets set in the vault on loopback, with the unmodified azure-keyvault-secrets client and without it."""

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient

from tests.sandbox.login_services import IDENTITY, LoginServices

pytestmark = pytest.mark.slow

LIMIT = 25 * 1024


def _put(services: LoginServices, name: str, body: bytes) -> requests.Response:
    """Ask without the SDK, which sends nothing but good requests."""
    return services.vault_request("PUT", name, params={"api-version": "7.6"}, data=body)


def test_secret_that_is_set_can_be_read_as_a_version_of_its_own(vault_client: SecretClient) -> None:
    first = vault_client.set_secret("login-cache", "one", content_type="application/json")
    second = vault_client.set_secret("login-cache", "two")
    assert (first.value, first.properties.content_type) == ("one", "application/json")
    assert vault_client.get_secret("login-cache").value == "two"
    assert vault_client.get_secret("login-cache", first.properties.version).value == "one"
    assert first.properties.version != second.properties.version


def test_reader_may_not_write(services: LoginServices, vault_client: SecretClient) -> None:
    services.vault.set_secret("login-cache", "one")
    services.vault.readers, services.vault.writers = {IDENTITY}, {"another-client"}
    with pytest.raises(HttpResponseError) as seen:
        vault_client.set_secret("login-cache", "two")
    assert seen.value.status_code == 403
    assert seen.value.error is not None
    assert seen.value.error.innererror == {"code": "ForbiddenByRbac"}
    assert "setSecret" in seen.value.message
    assert vault_client.get_secret("login-cache").value == "one"


def test_writer_may_read(services: LoginServices, vault_client: SecretClient) -> None:
    services.vault.readers, services.vault.writers = {"another-client"}, {IDENTITY}
    vault_client.set_secret("login-cache", "two")
    assert vault_client.get_secret("login-cache").value == "two"


def test_secret_has_at_most_25_kilobytes(vault_client: SecretClient) -> None:
    vault_client.set_secret("login-cache", "x" * LIMIT)
    with pytest.raises(HttpResponseError) as seen:
        vault_client.set_secret("login-cache", "ü" * (LIMIT // 2) + "x")
    assert (seen.value.status_code, vault_client.get_secret("login-cache").value) == (400, "x" * LIMIT)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"value": 1}', b'{"value": "x", "contentType": 1}', b"\xff"])
def test_body_that_is_no_secret_is_refused(services: LoginServices, body: bytes) -> None:
    response = _put(services, "login-cache", body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("name", ["login_cache", "x" * 128, "a%20b"])
def test_name_has_letters_digits_and_hyphens_only(services: LoginServices, name: str) -> None:
    assert _put(services, name, b'{"value": "x"}').status_code == 400
    assert _put(services, "x" * 127, b'{"value": "x"}').status_code == 200


def test_request_without_a_token_sets_nothing(services: LoginServices) -> None:
    url = f"{services.vault_service.url}/secrets/x?api-version=7.6"
    assert requests.put(url, json={"value": "x"}, timeout=5).status_code == 401
