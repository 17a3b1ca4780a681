"""Client assertions at the token endpoint: every claim, the key and its name are checked."""

import base64
import time
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives import hashes

from sandbox.entra import Application
from sandbox.keyvault.certificates import KeyPair
from tests.sandbox.login_services import CLIENT_ID, SECRET, TENANT, UNKNOWN, LoginServices

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(services: LoginServices) -> KeyPair:
    pair = services.key_pair("client")
    services.entra.register(Application(client_id=CLIENT_ID, tenant_ids=(TENANT,), certificate=pair.certificate))
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
def test_each_claim_of_an_assertion_is_checked(
    services: LoginServices, pair: KeyPair, changes: dict[str, object], code: int | None
) -> None:
    assert _codes(services, _signed(pair, _claims(services) | changes)) == ([code] if code else None)


def test_assertion_signed_by_another_key_is_700027(services: LoginServices, pair: KeyPair) -> None:
    thief = replace(pair, private_key=services.key_source(2048))
    assert _codes(services, _signed(thief, _claims(services))) == [700027]


def test_assertion_that_names_no_certificate_is_700027(services: LoginServices, pair: KeyPair) -> None:
    assert _codes(services, jwt.encode(_claims(services), pair.private_key, algorithm="PS256")) == [700027]


def test_assertion_signed_with_a_mere_secret_is_700027(services: LoginServices, pair: KeyPair) -> None:
    assertion = jwt.encode(_claims(services), SECRET * 2, "HS256", headers=_certificate_name(pair))
    assert _codes(services, assertion) == [700027]


def test_assertion_for_an_app_without_a_certificate_is_700027(services: LoginServices) -> None:
    assert _codes(services, _signed(services.key_pair("stranger"), _claims(services))) == [700027]


@pytest.mark.usefixtures("pair")
def test_assertion_that_names_another_certificate_is_700027(services: LoginServices) -> None:
    assert _codes(services, _signed(services.key_pair("stranger"), _claims(services))) == [700027]


@pytest.mark.usefixtures("pair")
def test_assertion_that_is_garbage_is_700027(services: LoginServices) -> None:
    assert _codes(services, "garbage") == [700027]


def _claims(services: LoginServices) -> dict[str, object]:
    endpoint = f"{services.login.url}/{TENANT}/oauth2/v2.0/token"
    return {"aud": endpoint, "iss": CLIENT_ID, "sub": CLIENT_ID, "exp": int(time.time()) + 600, "jti": "1"}


def _signed(pair: KeyPair, claims: dict[str, object]) -> str:
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, pair.private_key, algorithm="PS256", headers=_certificate_name(pair))


def _certificate_name(pair: KeyPair) -> dict[str, str]:
    return {"x5t#S256": base64.urlsafe_b64encode(pair.certificate.fingerprint(hashes.SHA256())).decode()}


def _codes(services: LoginServices, assertion: str) -> object:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    response = services.token_request(client_secret="", client_assertion=assertion, client_assertion_type=kind)
    return response.json().get("error_codes")
