"""Client assertions at the token endpoint: every claim, the key and its name are checked."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.entra import Application
from sandbox.keyvault.certificates import KeyPair, self_signed
from tests.sandbox.identity_world import (
    CLIENT_ID,
    SECRET,
    TENANT,
    UNKNOWN,
    World,
    identity_world,
    token_request,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with identity_world(tmp_path, monkeypatch) as world:
        yield world


@pytest.fixture
def pair(world: World) -> KeyPair:
    pair = self_signed("client", world.key_source(2048), now=world.clock.now())
    world.entra.register(Application(client_id=CLIENT_ID, tenant_ids=(TENANT,), certificate=pair.certificate))
    return pair


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({}, None, id="good"),
        pytest.param({"aud": "https://elsewhere.example/token"}, 700023, id="audience"),
        pytest.param({"iss": UNKNOWN}, 700021, id="issuer"),
        pytest.param({"sub": UNKNOWN}, 700021, id="subject"),
        pytest.param({"exp": 1}, 700024, id="expired"),
        pytest.param({"nbf": 2**40}, 700024, id="not yet valid"),
        pytest.param({"exp": None}, 700027, id="no expiry"),
        pytest.param({"jti": None}, 700027, id="no id"),
    ],
)
def test_each_claim_is_checked(world: World, pair: KeyPair, changes: dict[str, object], code: int | None) -> None:
    assertion = _assertion(world, pair, changes)
    assert _codes(_asserted(world, assertion)) == ([code] if code else None)


def test_a_signature_of_another_key_under_the_right_thumbprint_is_700027(world: World, pair: KeyPair) -> None:
    thief = KeyPair(certificate=pair.certificate, private_key=rsa.generate_private_key(65537, 2048))
    assert _codes(_asserted(world, _assertion(world, thief, {}))) == [700027]


def test_an_assertion_that_names_no_certificate_is_700027(world: World, pair: KeyPair) -> None:
    claims = jwt.decode(_assertion(world, pair, {}), options={"verify_signature": False})
    assertion = jwt.encode(claims, pair.private_key, algorithm="PS256")
    assert _codes(_asserted(world, assertion)) == [700027]


def test_an_assertion_signed_with_a_mere_secret_is_700027(world: World, pair: KeyPair) -> None:
    claims = jwt.decode(_assertion(world, pair, {}), options={"verify_signature": False})
    assertion = jwt.encode(claims, SECRET * 2, "HS256", headers={"x5t#S256": _sha256_thumbprint(pair)})
    assert _codes(_asserted(world, assertion)) == [700027]


def test_an_application_without_a_certificate_cannot_assert_anything(world: World) -> None:
    pair = self_signed("stranger", world.key_source(2048), now=world.clock.now())
    assert _codes(_asserted(world, _assertion(world, pair, {}))) == [700027]


@pytest.mark.usefixtures("pair")
def test_garbage_is_700027(world: World) -> None:
    assert _codes(_asserted(world, "garbage")) == [700027]


def _assertion(world: World, pair: KeyPair, changes: dict[str, object]) -> str:
    endpoint = f"{world.login.url}/{TENANT}/oauth2/v2.0/token"
    good = {"aud": endpoint, "iss": CLIENT_ID, "sub": CLIENT_ID, "exp": int(time.time()) + 600, "jti": "1"}
    claims = {name: value for name, value in (good | changes).items() if value is not None}
    return jwt.encode(claims, pair.private_key, algorithm="PS256", headers={"x5t#S256": _sha256_thumbprint(pair)})


def _sha256_thumbprint(pair: KeyPair) -> str:
    return base64.urlsafe_b64encode(pair.certificate.fingerprint(hashes.SHA256())).decode()


def _asserted(world: World, assertion: str) -> requests.Response:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return token_request(world, client_secret="", client_assertion=assertion, client_assertion_type=kind)


def _codes(response: requests.Response) -> object:
    return response.json().get("error_codes")
