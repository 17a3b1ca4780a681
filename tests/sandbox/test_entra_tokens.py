"""Signing keys, metadata and the tokens signed with them, as PyJWT finds and checks them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox.identity_world import CLIENT_ID, GRAPH, TENANT, UNKNOWN, World, identity_world, token_request

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with identity_world(tmp_path, monkeypatch) as world:
        yield world


@pytest.mark.parametrize(
    "path", ["common/discovery/v2.0/keys", "common/discovery/keys", f"{TENANT}/discovery/v2.0/keys"]
)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_real_jwks_client_verifies_a_validation_token(world: World, path: str, version: Any) -> None:
    token = world.entra.validation_token(audience=CLIENT_ID, tenant_id=TENANT, version=version)
    key = jwt.PyJWKClient(f"{world.login.url}/{path}").get_signing_key_from_jwt(token)
    assert jwt.decode(token, key, algorithms=["RS256"], audience=CLIENT_ID)["tid"] == TENANT


def test_a_key_is_published_as_entra_publishes_it(world: World) -> None:
    (key,) = requests.get(f"{world.login.url}/common/discovery/v2.0/keys", timeout=5).json()["keys"]
    assert key["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert (key["kty"], key["use"], key["e"]) == ("RSA", "sig", "AQAB")
    assert key["kid"] == key["x5t"] == world.entra.kid
    assert len(key["x5c"]) == 1


def test_a_tenant_publishes_keys_for_its_own_issuer(world: World) -> None:
    (key,) = requests.get(f"{world.login.url}/{TENANT}/discovery/v2.0/keys", timeout=5).json()["keys"]
    assert key["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"


def test_rotation_signs_with_another_key_and_keeps_the_old_one_published(world: World) -> None:
    old_token = world.entra.validation_token(audience=CLIENT_ID, tenant_id=TENANT, version="2.0")
    old_kid = world.entra.kid
    kid = world.entra.rotate_signing_key()
    token = world.entra.validation_token(audience=CLIENT_ID, tenant_id=TENANT, version="2.0")
    client = jwt.PyJWKClient(f"{world.login.url}/common/discovery/v2.0/keys")
    assert client.get_signing_key_from_jwt(token).key_id == kid == world.entra.kid
    assert client.get_signing_key_from_jwt(old_token).key_id == old_kid != kid


def test_a_retired_key_is_published_no_more(world: World) -> None:
    token = world.entra.validation_token(audience=CLIENT_ID, tenant_id=TENANT, version="2.0")
    world.entra.rotate_signing_key(retire_old=True)
    client = jwt.PyJWKClient(f"{world.login.url}/common/discovery/v2.0/keys")
    with pytest.raises(jwt.PyJWKClientError, match="Unable to find a signing key"):
        client.get_signing_key_from_jwt(token)
    assert world.entra.access_claims(f"Bearer {token}", CLIENT_ID) is None


@pytest.mark.parametrize(
    ("path", "issuer", "keys"),
    [
        ("common/v2.0", "https://login.microsoftonline.com/{tenantid}/v2.0", "common/discovery/v2.0/keys"),
        (f"{TENANT}/v2.0", f"https://login.microsoftonline.com/{TENANT}/v2.0", f"{TENANT}/discovery/v2.0/keys"),
        ("common", "https://sts.windows.net/{tenantid}/", "common/discovery/keys"),
        (TENANT, f"https://sts.windows.net/{TENANT}/", "common/discovery/keys"),
    ],
)
def test_metadata_has_real_issuers_and_addresses_where_it_was_asked(
    world: World, path: str, issuer: str, keys: str
) -> None:
    local = world.login.url.replace("127.0.0.1", "localhost")
    for url in (world.login.url, local):
        body = requests.get(f"{url}/{path}/.well-known/openid-configuration", timeout=5).json()
        assert (body["issuer"], body["jwks_uri"]) == (issuer, f"{url}/{keys}")
        assert body["token_endpoint"].startswith(f"{url}/")


def test_an_unknown_tenant_has_no_metadata(world: World) -> None:
    response = requests.get(f"{world.login.url}/{UNKNOWN}/v2.0/.well-known/openid-configuration", timeout=5)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_tenant")


@pytest.mark.parametrize(
    ("version", "issuer", "caller"),
    [
        ("1.0", f"https://sts.windows.net/{TENANT}/", "appid"),
        ("2.0", f"https://login.microsoftonline.com/{TENANT}/v2.0", "azp"),
    ],
)
def test_a_validation_token_has_the_claims_of_its_version(world: World, version: Any, issuer: str, caller: str) -> None:
    token = world.entra.validation_token(audience=CLIENT_ID, tenant_id=TENANT, version=version)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["ver"], claims["iss"], claims["aud"], claims["tid"]) == (version, issuer, CLIENT_ID, TENANT)
    assert claims[caller] == "0bf30f3b-4a52-48df-9a82-234910c4a086"
    assert (claims["exp"] - claims["nbf"], claims["iat"]) == (86_700, claims["nbf"])
    assert ("appid" in claims) != ("azp" in claims)
    assert claims["oid"] == claims["sub"]


def test_overrides_replace_claims_and_none_removes_them(world: World) -> None:
    token = world.entra.validation_token(
        audience=CLIENT_ID, tenant_id=TENANT, version="2.0", overrides={"azp": UNKNOWN, "exp": None}
    )
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["azp"] == UNKNOWN
    assert "exp" not in claims


def test_a_test_may_sign_tokens_of_its_own(world: World) -> None:
    claims = {"aud": GRAPH, "nbf": 0, "exp": 2**40}
    token = jwt.encode(claims, world.entra.signing_key, "RS256", headers={"kid": world.entra.kid})
    assert world.entra.access_claims(f"Bearer {token}", GRAPH) == claims


def test_a_token_opens_only_the_service_that_it_was_issued_for(world: World) -> None:
    header = f"Bearer {token_request(world).json()['access_token']}"
    assert world.entra.access_claims(header, GRAPH) is not None
    assert world.entra.access_claims(header, f"{GRAPH}/") is None
    assert world.entra.access_claims(header.replace("Bearer", "Basic"), GRAPH) is None


def test_a_token_expires_by_the_clock_of_the_sandbox(world: World) -> None:
    header = f"Bearer {token_request(world).json()['access_token']}"
    world.clock.advance(timedelta(minutes=59))
    assert world.entra.access_claims(header, GRAPH) is not None
    world.clock.advance(timedelta(minutes=1))
    assert world.entra.access_claims(header, GRAPH) is None


def test_a_token_that_was_good_is_refused_once_its_key_is_retired(world: World) -> None:
    header = f"Bearer {token_request(world).json()['access_token']}"
    assert world.entra.access_claims(header, GRAPH) is not None
    world.entra.rotate_signing_key(retire_old=True)
    assert world.entra.access_claims(header, GRAPH) is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Bearer é.é.é", "Bearer \udcff"])
def test_no_header_is_too_odd_to_be_refused(world: World, header: str) -> None:
    assert world.entra.access_claims(header, GRAPH) is None


def test_a_token_of_somebody_else_under_the_right_key_id_is_refused(world: World) -> None:
    claims = {"aud": GRAPH, "nbf": 0, "exp": 2**40}
    forged = jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": world.entra.kid})
    assert world.entra.access_claims(f"Bearer {forged}", GRAPH) is None


@pytest.mark.parametrize("skew", [timedelta(minutes=4), timedelta(minutes=-4)], ids=["fast", "slow"])
def test_a_clock_that_differs_by_minutes_dates_tokens_that_are_valid_all_the_same(
    world: World, skew: timedelta
) -> None:
    world.entra.skew = skew
    token = world.entra.validation_token(audience=CLIENT_ID, tenant_id=TENANT, version="2.0")
    key = jwt.PyJWKClient(f"{world.login.url}/common/discovery/v2.0/keys").get_signing_key_from_jwt(token)
    assert jwt.decode(token, key, algorithms=["RS256"], audience=CLIENT_ID)["tid"] == TENANT


def test_a_clock_that_is_fast_by_more_than_tokens_are_dated_back_makes_them_come_too_early(world: World) -> None:
    world.entra.skew = timedelta(minutes=6)
    token = world.entra.validation_token(audience=CLIENT_ID, tenant_id=TENANT, version="2.0")
    key = jwt.PyJWKClient(f"{world.login.url}/common/discovery/v2.0/keys").get_signing_key_from_jwt(token)
    with pytest.raises(jwt.ImmatureSignatureError):
        jwt.decode(token, key, algorithms=["RS256"], audience=CLIENT_ID)
