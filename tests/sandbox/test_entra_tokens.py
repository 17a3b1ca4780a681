"""Signing keys, metadata and the tokens signed with them, as PyJWT finds and checks them."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests

from tests.sandbox.login_services import CLIENT_ID, GRAPH, TENANT, UNKNOWN, LoginServices

pytestmark = pytest.mark.slow


def _validation_token(services: LoginServices, version: Any = "2.0") -> str:
    return services.entra.validation_token(audience=CLIENT_ID, tenant_id=TENANT, version=version)


def _published(services: LoginServices, path: str = "common/discovery/v2.0/keys") -> jwt.PyJWKClient:
    return jwt.PyJWKClient(f"{services.login.url}/{path}")


def _verified(services: LoginServices, token: str, path: str = "common/discovery/v2.0/keys") -> dict[str, Any]:
    key = _published(services, path).get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["RS256"], audience=CLIENT_ID)


@pytest.mark.parametrize("path", ["common/discovery/v2.0/keys", f"{TENANT}/discovery/v2.0/keys"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_real_jwks_client_verifies_a_validation_token(services: LoginServices, path: str, version: Any) -> None:
    assert _verified(services, _validation_token(services, version), path)["tid"] == TENANT


@pytest.mark.parametrize(("tenant", "issuing"), [("common", "{tenantid}"), (TENANT, TENANT)])
def test_key_is_published_in_the_form_of_entra(services: LoginServices, tenant: str, issuing: str) -> None:
    (key,) = requests.get(f"{services.login.url}/{tenant}/discovery/v2.0/keys", timeout=5).json()["keys"]
    assert key["issuer"] == f"https://login.microsoftonline.com/{issuing}/v2.0"
    assert (key["kty"], key["use"], key["e"]) == ("RSA", "sig", "AQAB")
    assert key["kid"] == key["x5t"] == services.entra.kid
    assert len(key["x5c"]) == 1


def test_rotation_signs_with_another_key_and_keeps_the_old_one_published(services: LoginServices) -> None:
    old_token = _validation_token(services)
    old_kid = services.entra.kid
    kid = services.entra.rotate_signing_key()
    token = _validation_token(services)
    client = _published(services)
    assert client.get_signing_key_from_jwt(token).key_id == kid == services.entra.kid
    assert client.get_signing_key_from_jwt(old_token).key_id == old_kid != kid


def test_retired_key_is_neither_published_nor_accepted(services: LoginServices) -> None:
    token = _validation_token(services)
    services.entra.rotate_signing_key(retire_old=True)
    client = _published(services)
    with pytest.raises(jwt.PyJWKClientError, match="Unable to find a signing key"):
        client.get_signing_key_from_jwt(token)
    assert services.entra.access_claims(f"Bearer {token}", CLIENT_ID) is None


@pytest.mark.parametrize(
    ("path", "issuer", "keys"),
    [
        ("common/v2.0", "https://login.microsoftonline.com/{tenantid}/v2.0", "common/discovery/v2.0/keys"),
        (f"{TENANT}/v2.0", f"https://login.microsoftonline.com/{TENANT}/v2.0", f"{TENANT}/discovery/v2.0/keys"),
    ],
)
def test_metadata_has_real_issuers_and_local_addresses(
    services: LoginServices, path: str, issuer: str, keys: str
) -> None:
    local = services.login.url.replace("127.0.0.1", "localhost")
    for url in (services.login.url, local):
        body = requests.get(f"{url}/{path}/.well-known/openid-configuration", timeout=5).json()
        assert (body["issuer"], body["jwks_uri"]) == (issuer, f"{url}/{keys}")
        assert body["token_endpoint"].startswith(f"{url}/")


def test_unknown_tenant_has_no_metadata(services: LoginServices) -> None:
    response = requests.get(f"{services.login.url}/{UNKNOWN}/v2.0/.well-known/openid-configuration", timeout=5)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_tenant")


@pytest.mark.parametrize(
    ("version", "issuer", "caller"),
    [
        ("1.0", f"https://sts.windows.net/{TENANT}/", "appid"),
        ("2.0", f"https://login.microsoftonline.com/{TENANT}/v2.0", "azp"),
    ],
)
def test_validation_token_has_the_claims_of_its_version(
    services: LoginServices, version: Any, issuer: str, caller: str
) -> None:
    token = _validation_token(services, version)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["ver"], claims["iss"], claims["aud"], claims["tid"]) == (version, issuer, CLIENT_ID, TENANT)
    assert claims[caller] == "0bf30f3b-4a52-48df-9a82-234910c4a086"
    assert (claims["exp"] - claims["nbf"], claims["iat"]) == (86_700, claims["nbf"])
    assert ("appid" in claims) != ("azp" in claims)
    assert claims["oid"] == claims["sub"]


def test_overrides_replace_claims_and_none_removes_them(services: LoginServices) -> None:
    token = services.entra.validation_token(
        audience=CLIENT_ID, tenant_id=TENANT, version="2.0", overrides={"azp": UNKNOWN, "exp": None}
    )
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["azp"] == UNKNOWN
    assert "exp" not in claims


@pytest.mark.parametrize("is_forged", [False, True])
def test_token_is_accepted_if_the_key_of_its_id_signed_it(services: LoginServices, *, is_forged: bool) -> None:
    claims = {"aud": GRAPH, "nbf": 0, "exp": 2**40}
    key = services.key_source(2048) if is_forged else services.entra.signing_key
    token = jwt.encode(claims, key, "RS256", headers={"kid": services.entra.kid})
    assert services.entra.access_claims(f"Bearer {token}", GRAPH) == (None if is_forged else claims)


def test_token_opens_only_the_service_that_it_was_issued_for(services: LoginServices) -> None:
    header = f"Bearer {services.token_request().json()['access_token']}"
    assert services.entra.access_claims(header, GRAPH) is not None
    assert services.entra.access_claims(header, f"{GRAPH}/") is None
    assert services.entra.access_claims(header.replace("Bearer", "Basic"), GRAPH) is None


def test_token_expires_by_the_clock_of_the_sandbox(services: LoginServices) -> None:
    header = f"Bearer {services.token_request().json()['access_token']}"
    services.clock.advance(timedelta(minutes=59))
    assert services.entra.access_claims(header, GRAPH) is not None
    services.clock.advance(timedelta(minutes=1))
    assert services.entra.access_claims(header, GRAPH) is None


def test_token_that_was_good_is_refused_once_its_key_is_retired(services: LoginServices) -> None:
    header = f"Bearer {services.token_request().json()['access_token']}"
    assert services.entra.access_claims(header, GRAPH) is not None
    services.entra.rotate_signing_key(retire_old=True)
    assert services.entra.access_claims(header, GRAPH) is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Bearer é.é.é", "Bearer \udcff"])
def test_odd_header_is_refused(services: LoginServices, header: str) -> None:
    assert services.entra.access_claims(header, GRAPH) is None


@pytest.mark.parametrize("skew", [timedelta(minutes=4), timedelta(minutes=-4)], ids=["fast", "slow"])
def test_clock_that_differs_by_minutes_still_dates_valid_tokens(services: LoginServices, skew: timedelta) -> None:
    services.entra.skew = skew
    assert _verified(services, _validation_token(services))["tid"] == TENANT


def test_clock_that_is_too_fast_dates_tokens_in_the_future(services: LoginServices) -> None:
    services.entra.skew = timedelta(minutes=6)
    with pytest.raises(jwt.ImmatureSignatureError):
        _verified(services, _validation_token(services))
