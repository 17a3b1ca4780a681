"""The managed-identity endpoint, as azure-identity finds it through the environment alone."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, ManagedIdentityCredential

from sandbox.entra import Application
from tests.sandbox.identity_world import (
    CLIENT_ID,
    GRAPH,
    IDENTITY,
    OTHER_IDENTITY,
    SCOPES,
    TENANT,
    UNKNOWN,
    World,
    identity_world,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with identity_world(tmp_path, monkeypatch) as world:
        yield world


@pytest.mark.parametrize("credential", [ManagedIdentityCredential, DefaultAzureCredential])
def test_azure_identity_gets_a_token_with_nothing_but_the_environment(world: World, credential: Any) -> None:
    with credential() as client:
        token = client.get_token(*SCOPES)
    claims = world.entra.access_claims(f"Bearer {token.token}", GRAPH)
    assert claims is not None
    assert (claims["appid"], claims["tid"], claims["roles"]) == (IDENTITY, TENANT, ["Chat.Read.All"])
    assert 3500 < token.expires_on - time.time() <= 3599


def test_the_expiry_is_true_for_the_client_even_when_the_sandbox_is_days_ahead(world: World) -> None:
    world.clock.advance(timedelta(days=3))
    with ManagedIdentityCredential() as client:
        token = client.get_token(*SCOPES)
    assert token.expires_on - time.time() <= 3599
    assert world.entra.access_claims(f"Bearer {token.token}", GRAPH) is not None


def test_a_user_assigned_identity_is_found_by_its_client_id(world: World) -> None:
    world.entra.register(Application(client_id=OTHER_IDENTITY, tenant_ids=(TENANT,)))
    with ManagedIdentityCredential(client_id=OTHER_IDENTITY) as client:
        claims = world.entra.access_claims(f"Bearer {client.get_token(*SCOPES).token}", GRAPH)
    assert claims is not None
    assert claims["appid"] == OTHER_IDENTITY


@pytest.mark.parametrize("client_id", [CLIENT_ID, UNKNOWN], ids=["an app registration", "unknown"])
def test_any_other_client_id_is_no_identity(world: World, client_id: str) -> None:
    with ManagedIdentityCredential(client_id=client_id) as client, pytest.raises(ClientAuthenticationError) as seen:
        client.get_token(*SCOPES)
    assert "No User Assigned" in str(seen.value)
    assert len(world.login.requests) == 1


def test_a_wrong_header_gets_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with (
        ManagedIdentityCredential() as client,
        pytest.raises((ClientAuthenticationError, CredentialUnavailableError)),
    ):
        client.get_token(*SCOPES)
    assert requests.get(f"{world.login.url}/msi/token", timeout=5).status_code == 401


@pytest.mark.parametrize(
    "query", [{"resource": GRAPH}, {"resource": GRAPH, "api-version": "2017-09-01"}, {"api-version": "2019-08-01"}]
)
def test_version_and_resource_are_required(world: World, query: dict[str, str]) -> None:
    headers = {"X-IDENTITY-HEADER": world.entra.identity_header}
    assert requests.get(f"{world.login.url}/msi/token", params=query, headers=headers, timeout=5).status_code == 400


def test_the_answer_has_the_shape_of_app_service(world: World) -> None:
    headers = {"X-IDENTITY-HEADER": world.entra.identity_header}
    query = {"resource": GRAPH, "api-version": "2019-08-01"}
    body = requests.get(f"{world.login.url}/msi/token", params=query, headers=headers, timeout=5).json()
    assert body.keys() == {"access_token", "expires_on", "resource", "token_type", "client_id"}
    assert body["expires_on"].isdecimal()
