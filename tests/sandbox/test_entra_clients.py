"""Client credentials at the token endpoint, as MSAL and as a stranger present them."""

from datetime import timedelta
from typing import Any

import msal
import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sandbox.entra import Application
from sandbox.keyvault.certificates import KeyPair
from tests.sandbox.login_services import (
    CLIENT_ID,
    GRAPH,
    OTHER_IDENTITY,
    OTHER_TENANT,
    SCOPES,
    SECRET,
    TENANT,
    UNKNOWN,
    LoginServices,
)

pytestmark = pytest.mark.slow


def _msal(services: LoginServices, credential: object, *, tenant: str = TENANT) -> msal.ConfidentialClientApplication:
    authority = f"{services.login.url}/{tenant}"
    return msal.ConfidentialClientApplication(
        CLIENT_ID, client_credential=credential, authority=authority, instance_discovery=False
    )


def _acquire(services: LoginServices, credential: object, *, tenant: str = TENANT) -> dict[str, Any]:
    answer: dict[str, Any] = _msal(services, credential, tenant=tenant).acquire_token_for_client(SCOPES)
    return answer


def _pem(pair: KeyPair) -> dict[str, str]:
    key = pair.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"private_key": key.decode(), "public_certificate": pair.certificate.public_bytes(Encoding.PEM).decode()}


@pytest.mark.parametrize("tenant", [TENANT, OTHER_TENANT])
def test_msal_gets_a_v1_token_of_its_tenant_for_its_secret(services: LoginServices, tenant: str) -> None:
    answer = _acquire(services, SECRET, tenant=tenant)
    assert answer["expires_in"] == 3599
    claims = services.claims(answer["access_token"])
    assert claims["iss"] == f"https://sts.windows.net/{tenant}/"
    assert (claims["appid"], claims["appidacr"], claims["tid"], claims["ver"]) == (CLIENT_ID, "1", tenant, "1.0")
    assert claims["roles"] == ["Chat.Read.All", "ChannelMessage.Read.All"]


@pytest.mark.parametrize("by_sha1", [False, True], ids=["SHA-256", "SHA-1"])
def test_msal_gets_a_token_for_its_certificate(services: LoginServices, *, by_sha1: bool) -> None:
    pair = services.key_pair("client")
    services.entra.register(Application(client_id=CLIENT_ID, tenant_ids=(TENANT,), certificate=pair.certificate))
    # Assertions carry the client's own time.
    services.clock.advance(timedelta(days=3))
    sha1 = pair.certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303  what x5t is defined over
    by_thumbprint = {"private_key": _pem(pair)["private_key"], "thumbprint": sha1}
    answer = _acquire(services, by_thumbprint if by_sha1 else _pem(pair))
    claims = services.claims(answer["access_token"])
    assert claims["appidacr"] == "2"
    assert "roles" not in claims


def test_msal_learns_that_its_secret_is_wrong(services: LoginServices) -> None:
    answer = _acquire(services, "wrong")
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [7000215])
    assert answer["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")


def test_msal_learns_that_a_tenant_is_unknown(services: LoginServices) -> None:
    with pytest.raises(ValueError, match="authority configuration"):
        _msal(services, SECRET, tenant=UNKNOWN).acquire_token_for_client(SCOPES)


@pytest.mark.parametrize(
    ("changes", "tenant", "refusal"),
    [
        pytest.param({"grant_type": ""}, TENANT, (400, "invalid_request", 900144), id="no grant type"),
        pytest.param({"grant_type": "password"}, TENANT, (400, "unsupported_grant_type", 70003), id="other grant"),
        pytest.param({"client_id": ""}, TENANT, (400, "invalid_request", 900144), id="no client id"),
        pytest.param({"client_id": UNKNOWN}, TENANT, (400, "unauthorized_client", 700016), id="unknown client"),
        pytest.param({}, UNKNOWN, (400, "invalid_request", 90002), id="unknown tenant"),
        pytest.param({}, "common", (400, "invalid_request", 50059), id="no tenant"),
        pytest.param({"client_secret": ""}, TENANT, (401, "invalid_client", 7000216), id="no credential"),
        pytest.param({"client_secret": "x"}, TENANT, (401, "invalid_client", 7000215), id="wrong secret"),
        pytest.param({"client_assertion": "x"}, TENANT, (401, "invalid_client", 700027), id="no assertion type"),
        pytest.param({"scope": ""}, TENANT, (400, "invalid_request", 900144), id="no scope"),
        pytest.param({"scope": f"{GRAPH}/Chat.Read"}, TENANT, (400, "invalid_scope", 70011), id="not the default"),
        pytest.param({"scope": "a/.default b/.default"}, TENANT, (400, "invalid_scope", 70011), id="two scopes"),
        pytest.param({"scope": "/.default"}, TENANT, (400, "invalid_scope", 70011), id="no resource"),
    ],
)
def test_refusal_has_the_status_and_the_code_of_the_real_one(
    services: LoginServices, changes: dict[str, str], tenant: str, refusal: tuple[int, str, int]
) -> None:
    response = services.token_request(tenant=tenant, **changes)
    body = response.json()
    assert (response.status_code, body["error"], *body["error_codes"]) == refusal
    assert body["error_uri"] == f"{services.login.url}/error?code={refusal[-1]}"
    assert body.keys() >= {"timestamp", "trace_id", "correlation_id"}


def test_secret_that_has_ended_is_7000222(services: LoginServices) -> None:
    ended = services.clock.now() - timedelta(seconds=1)
    services.entra.register(Application(client_id=CLIENT_ID, tenant_ids=(TENANT,), secret=SECRET, secret_ends_at=ended))
    assert services.token_request().json()["error_codes"] == [7000222]


def test_managed_identity_has_no_secret_to_guess(services: LoginServices) -> None:
    services.entra.register(Application(client_id=OTHER_IDENTITY, tenant_ids=(TENANT,)))
    assert services.token_request(client_id=OTHER_IDENTITY).json()["error_codes"] == [7000215]


def test_token_request_in_json_lacks_every_parameter(services: LoginServices) -> None:
    body = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": SECRET, "scope": SCOPES[0]}
    response = requests.post(f"{services.login.url}/{TENANT}/oauth2/v2.0/token", json=body, timeout=5)
    assert response.json()["error_codes"] == [900144]


def test_application_is_unknown_where_it_was_not_installed(services: LoginServices) -> None:
    services.entra.register(Application(client_id=UNKNOWN, tenant_ids=(OTHER_TENANT,), secret=SECRET))
    assert services.token_request(client_id=UNKNOWN, tenant=OTHER_TENANT).status_code == 200
    assert services.token_request(client_id=UNKNOWN, tenant=TENANT).json()["error_codes"] == [700016]
