"""The managed-identity endpoint, as azure-identity finds it through the environment alone."""

import time
from datetime import timedelta
from typing import Any

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, ManagedIdentityCredential

from sandbox.entra import Application
from tests.sandbox.login_services import (
    CLIENT_ID,
    IDENTITY,
    OTHER_IDENTITY,
    SCOPES,
    TENANT,
    UNKNOWN,
    LoginServices,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("credential", [ManagedIdentityCredential, DefaultAzureCredential])
def test_azure_identity_gets_a_token_with_nothing_but_the_environment(services: LoginServices, credential: Any) -> None:
    with credential() as client:
        token = client.get_token(*SCOPES)
    claims = services.claims(token.token)
    assert (claims["appid"], claims["tid"], claims["roles"]) == (IDENTITY, TENANT, ["Chat.Read.All"])
    assert 3500 < token.expires_on - time.time() <= 3599


def test_expiry_is_right_for_clients_when_the_sandbox_is_days_ahead(services: LoginServices) -> None:
    services.clock.advance(timedelta(days=3))
    with ManagedIdentityCredential() as client:
        token = client.get_token(*SCOPES)
    assert token.expires_on - time.time() <= 3599
    assert services.claims(token.token)


def test_user_assigned_identity_is_found_by_its_client_id(services: LoginServices) -> None:
    services.entra.register(Application(client_id=OTHER_IDENTITY, tenant_ids=(TENANT,)))
    with ManagedIdentityCredential(client_id=OTHER_IDENTITY) as client:
        claims = services.claims(client.get_token(*SCOPES).token)
    assert claims["appid"] == OTHER_IDENTITY


@pytest.mark.parametrize("client_id", [CLIENT_ID, UNKNOWN], ids=["an app registration", "unknown"])
def test_other_client_id_is_no_identity(services: LoginServices, client_id: str) -> None:
    with ManagedIdentityCredential(client_id=client_id) as client, pytest.raises(ClientAuthenticationError) as seen:
        client.get_token(*SCOPES)
    assert "No User Assigned" in str(seen.value)
    assert len(services.login.requests) == 1


def test_wrong_header_gets_no_token(services: LoginServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with (
        ManagedIdentityCredential() as client,
        pytest.raises((ClientAuthenticationError, CredentialUnavailableError)),
    ):
        client.get_token(*SCOPES)
    assert requests.get(f"{services.login.url}/msi/token", timeout=5).status_code == 401


@pytest.mark.parametrize("changes", [{"api-version": ""}, {"api-version": "2017-09-01"}, {"resource": ""}])
def test_version_and_resource_are_required(services: LoginServices, changes: dict[str, str]) -> None:
    assert services.identity_request(**changes).status_code == 400


def test_answer_has_the_shape_of_app_service(services: LoginServices) -> None:
    body = services.identity_request().json()
    assert body.keys() == {"access_token", "expires_on", "resource", "token_type", "client_id"}
    assert body["expires_on"].isdecimal()
