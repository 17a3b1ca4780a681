"""Sign-in without a secret: a managed identity's token proves who the app is, in each tenant it serves."""

import json
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from sandbox.entra import Application, FederatedCredential
from sandbox.serving import Fault
from shared.errors import Misconfigured, Unavailable
from shared.identity.certificates import Certificate
from shared.identity.entra import AppCredential, graph_credential
from shared.settings import Settings
from tests.fakes.identity_services import GRAPH_SCOPE, REGISTRATION, IdentityServices, fault
from tests.fakes.settings_environment import LEAST
from tests.sender import CLIENT_ID, OTHER_TENANT, TENANT

pytestmark = pytest.mark.slow

IDENTITY = Application(client_id="33333333-2222-4333-8444-555555555555", tenant_ids=(TENANT,))
TRUST = FederatedCredential(
    issuer=f"https://login.microsoftonline.com/{TENANT}/v2.0", subject=IDENTITY.object_id(TENANT)
)
AUDIENCE = "api://AzureADTokenExchange"
IDENTITY_ENDPOINT = "/msi/token"


@pytest.fixture
def services(outside: IdentityServices) -> IdentityServices:
    outside.entra.register(IDENTITY)
    outside.entra.register(replace(REGISTRATION, secret=None, federated=(TRUST,)))
    return outside


def _credential(services: IdentityServices, tenant_id: str = TENANT, **changes: str) -> AppCredential:
    def no_certificate() -> Certificate:
        raise Misconfigured("no certificate is needed")

    federated = {"FEDERATED_IDENTITY_CLIENT_ID": IDENTITY.client_id, "LOGIN_URL": services.login.url}
    settings = Settings.from_environ(LEAST | {"TENANT_IDS": f"{TENANT},{OTHER_TENANT}"} | federated | changes)
    credential = graph_credential(settings, tenant_id, no_certificate)
    assert isinstance(credential, AppCredential)
    return credential


def _claims(credential: AppCredential) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        credential.get_token(GRAPH_SCOPE).token, options={"verify_signature": False, "verify_aud": False}
    )
    return claims


@pytest.mark.parametrize("tenant_id", [TENANT, OTHER_TENANT])
def test_identity_of_one_tenant_signs_the_app_in_to_each(services: IdentityServices, tenant_id: str) -> None:
    claims = _claims(_credential(services, tenant_id))
    assert (claims["appid"], claims["tid"], claims["roles"]) == (CLIENT_ID, tenant_id, ["Chat.Read.All"])


def test_assertion_that_has_expired_is_replaced(services: IdentityServices) -> None:
    services.entra.skew = -timedelta(days=2)
    expired = _identity_token(services)
    services.entra.skew = timedelta()
    answer = {"access_token": expired, "expires_on": str(int(time.time()) + 1), "resource": AUDIENCE}
    body = json.dumps(answer | {"token_type": "Bearer"}).encode()
    credential = _credential(services)
    kept = Fault(path=IDENTITY_ENDPOINT, status=200, body=body, headers={"Content-Type": "application/json"})
    with fault(services.login, kept), pytest.raises(Misconfigured, match="AADSTS700024"):
        credential.get_token(GRAPH_SCOPE)
    assert _claims(credential)["appid"] == CLIENT_ID


def _identity_token(services: IdentityServices) -> str:
    query = {"resource": AUDIENCE, "api-version": "2019-08-01", "client_id": IDENTITY.client_id}
    headers = {"X-IDENTITY-HEADER": services.entra.identity_header}
    answer = requests.get(f"{services.login.url}{IDENTITY_ENDPOINT}", params=query, headers=headers, timeout=5)
    return str(answer.json()["access_token"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"issuer": f"https://sts.windows.net/{TENANT}/"}, "AADSTS700211"),
        ({"audience": "api://elsewhere"}, "AADSTS700212"),
        ({"subject": IDENTITY.client_id}, "AADSTS700213"),
    ],
)
def test_untrusted_identity_is_misconfigured(services: IdentityServices, change: dict[str, str], code: str) -> None:
    services.entra.register(replace(REGISTRATION, secret=None, federated=(replace(TRUST, **change),)))
    with pytest.raises(Misconfigured, match=code):
        _credential(services).get_token(GRAPH_SCOPE)


def test_identity_that_the_app_does_not_have_is_named(services: IdentityServices) -> None:
    unknown = "44444444-2222-4333-8444-555555555555"
    with pytest.raises(Unavailable, match=f"{unknown} in FEDERATED_IDENTITY_CLIENT_ID: assign it"):
        _credential(services, FEDERATED_IDENTITY_CLIENT_ID=unknown).get_token(GRAPH_SCOPE)


@pytest.mark.parametrize(("status", "body"), [(500, b""), (503, b"<html>"), (200, b"null"), (200, b"{}")])
def test_broken_identity_endpoint_is_unavailable(services: IdentityServices, status: int, body: bytes) -> None:
    credential = _credential(services)
    # MSAL itself keeps away for longer from an endpoint that sends no Retry-After.
    broken = Fault(path=IDENTITY_ENDPOINT, status=status, body=body, headers={"Retry-After": "0"})
    with fault(services.login, broken), pytest.raises(Unavailable, match="FEDERATED_IDENTITY_CLIENT_ID"):
        credential.get_token(GRAPH_SCOPE)
    assert _claims(credential)["appid"] == CLIENT_ID


@pytest.mark.parametrize(
    ("cloud", "audience"),
    [
        ("global", "api://AzureADTokenExchange"),
        ("usgov", "api://AzureADTokenExchangeUSGov"),
        ("dod", "api://AzureADTokenExchangeUSGov"),
        ("china", "api://AzureADTokenExchangeChina"),
    ],
)
def test_assertion_is_for_the_audience_of_the_cloud(services: IdentityServices, cloud: str, audience: str) -> None:
    # The sandbox is of one cloud: it knows no token exchange of another.
    with nullcontext() if cloud == "global" else pytest.raises(Misconfigured):
        _credential(services, GRAPH_CLOUD=cloud).get_token(GRAPH_SCOPE)
    queries = [parse_qs(urlsplit(request.path_qs).query) for request in services.login.requests]
    assert [query["resource"] for query in queries if "resource" in query] == [[audience]]
