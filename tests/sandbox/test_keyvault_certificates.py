"""Certificates in the sandbox's Key Vault, read without their keys."""

import base64
from datetime import timedelta

import pytest
import requests
from cryptography import x509

from sandbox.keyvault.certificates import KeyPolicy
from tests.sandbox.login_services import IDENTITY, LoginServices

pytestmark = pytest.mark.slow

NAME = "notifications"


def _get(services: LoginServices, path: str) -> requests.Response:
    vault = f"https://0.0.1:{services.vault_service.url.rpartition(':')[2]}"
    token = services.identity_request(resource=vault).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{services.vault_service.url}/certificates/{path}"
    return requests.get(url, params={"api-version": "7.4"}, headers=headers, timeout=5)


def test_newest_certificate_comes_with_its_policy(services: LoginServices) -> None:
    services.vault.create_certificate(NAME)
    version = services.vault.create_certificate(NAME, lifetime=timedelta(days=10))
    body = _get(services, NAME).json()
    assert body["id"].endswith(f"/certificates/{NAME}/{version}")
    assert body["policy"]["key_props"] == {"exportable": True, "kty": "RSA", "reuse_key": False, "key_size": 2048}
    certificate = x509.load_der_x509_certificate(base64.b64decode(body["cer"]))
    assert int(certificate.not_valid_after_utc.timestamp()) == body["attributes"]["exp"]
    left = certificate.not_valid_after_utc - services.clock.now()
    assert timedelta(days=9) < left < timedelta(days=11)


def test_version_comes_without_a_policy_and_says_whether_it_is_enabled(services: LoginServices) -> None:
    version = services.vault.create_certificate(NAME)
    services.vault.disable(NAME, version)
    body = _get(services, f"{NAME}/{version}").json()
    assert "policy" not in body
    assert body["attributes"]["enabled"] is False


def test_policy_is_the_one_that_was_set(services: LoginServices) -> None:
    services.vault.create_certificate(NAME)
    services.vault.certificates.key_policy = KeyPolicy(exportable=False, reuse_key=True)
    shown = _get(services, NAME).json()["policy"]["key_props"]
    assert (shown["exportable"], shown["reuse_key"]) == (False, True)


@pytest.mark.parametrize("name", ["missing", "a-secret", f"{NAME}/{'0' * 32}"])
def test_missing_certificate_is_not_found(services: LoginServices, name: str) -> None:
    services.vault.create_certificate(NAME)
    services.vault.set_secret("a-secret", "x")
    answer = _get(services, name)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "CertificateNotFound")


def test_role_for_certificates_is_not_that_for_secrets(services: LoginServices) -> None:
    services.vault.create_certificate(NAME)
    services.vault.certificates.readers = set()
    answer = _get(services, NAME)
    assert answer.status_code == 403
    assert answer.json()["error"]["innererror"]["code"] == "ForbiddenByRbac"
    assert "Microsoft.KeyVault/vaults/certificates/read'" in answer.json()["error"]["message"]
    assert services.vault_request("GET", NAME, params={"api-version": "7.4"}).status_code == 200
    services.vault.certificates.readers = {IDENTITY}
    assert _get(services, NAME).status_code == 200
