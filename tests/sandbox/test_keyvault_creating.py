"""Certificates that callers have the sandbox's Key Vault make, through its REST API."""

import base64
from datetime import timedelta
from typing import Any

import pytest
import requests
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.sandbox.login_services import IDENTITY, LoginServices

pytestmark = pytest.mark.slow

NAME = "notifications"
POLICY: dict[str, Any] = {
    "key_props": {"exportable": True, "kty": "RSA", "key_size": 2048, "reuse_key": False},
    "secret_props": {"contentType": "application/x-pkcs12"},
    "x509_props": {"subject": "CN=notifications", "validity_months": 6},
    "issuer": {"name": "Self"},
}


def _ask(services: LoginServices, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
    vault = f"https://0.0.1:{services.vault_service.url.rpartition(':')[2]}"
    token = services.identity_request(resource=vault).json()["access_token"]
    return requests.request(
        method,
        f"{services.vault_service.url}/certificates/{path}",
        params={"api-version": "7.4"} | query,
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=5,
    )


def _create(services: LoginServices, **changes: dict[str, Any]) -> requests.Response:
    policy = {name: part | changes.get(name, {}) for name, part in POLICY.items()}
    return _ask(services, "POST", f"{NAME}/create", {"policy": policy})


def _made(services: LoginServices, **changes: dict[str, Any]) -> str:
    assert _create(services, **changes).status_code == 202
    assert _ask(services, "GET", f"{NAME}/pending").json()["status"] == "completed"
    return str(_ask(services, "GET", NAME).json()["id"]).rpartition("/")[2]


def test_certificate_is_there_once_its_making_is_completed(services: LoginServices, vault_client: SecretClient) -> None:
    services.vault.operations.looks = 1
    begun = _create(services)
    assert (begun.status_code, begun.json()["status"]) == (202, "inProgress")
    assert begun.headers["Location"].startswith(
        f"{services.vault_service.url}/certificates/{NAME}/pending?api-version="
    )
    first = _ask(services, "GET", f"{NAME}/pending").json()
    assert (first["status"], _ask(services, "GET", NAME).status_code) == ("inProgress", 404)
    last = _ask(services, "GET", f"{NAME}/pending").json()
    assert last["status"] == "completed"
    assert last["target"] == f"{services.vault_service.url}/certificates/{NAME}"
    bundle = _ask(services, "GET", NAME).json()
    assert bundle["policy"] == POLICY
    certificate = x509.load_der_x509_certificate(base64.b64decode(bundle["cer"]))
    left = certificate.not_valid_after_utc - services.clock.now()
    assert timedelta(days=180) < left < timedelta(days=186)
    value = base64.b64decode(vault_client.get_secret(NAME).value or "")
    assert pkcs12.load_pkcs12(value, None).key is not None


def test_second_making_is_refused_until_the_first_is_completed(services: LoginServices) -> None:
    _create(services)
    refused = _create(services)
    assert (refused.status_code, "inProgress" in refused.json()["error"]["message"]) == (409, True)
    _ask(services, "GET", f"{NAME}/pending")
    assert _create(services).status_code == 202


def test_key_is_kept_only_if_the_policy_says_so(services: LoginServices) -> None:
    keys = [
        services.vault.certificate(NAME, _made(services, key_props={"reuse_key": reuse})).public_key()
        for reuse in (False, True, False)
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("content_type", ["application/x-pkcs12", "application/x-pem-file"])
def test_key_that_is_not_exportable_stays_in_the_vault(
    services: LoginServices, vault_client: SecretClient, content_type: str
) -> None:
    _made(services, key_props={"exportable": False}, secret_props={"contentType": content_type})
    value = vault_client.get_secret(NAME).value or ""
    if content_type.endswith("pkcs12"):
        assert pkcs12.load_pkcs12(base64.b64decode(value), None).key is None
    else:
        assert value.startswith("-----BEGIN CERTIFICATE")


def test_certificate_of_an_unknown_issuer_is_never_completed(services: LoginServices) -> None:
    _create(services, issuer={"name": "Unknown"})
    assert {_ask(services, "GET", f"{NAME}/pending").json()["status"] for _ in range(3)} == {"inProgress"}


@pytest.mark.parametrize(
    "changes",
    [
        {"key_props": {"kty": "DSA"}},
        {"key_props": {"key_size": 1024}},
        {"key_props": {"exportable": "yes"}},
        {"secret_props": {"contentType": "text/plain"}},
        {"x509_props": {"subject": "notifications"}},
        {"issuer": {"name": None}},
    ],
)
def test_policy_that_makes_no_sense_is_refused(services: LoginServices, changes: dict[str, Any]) -> None:
    answer = _create(services, **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")
    assert _ask(services, "GET", f"{NAME}/pending").json()["error"]["code"] == "PendingCertificateNotFound"


@pytest.mark.parametrize(("name", "body"), [("a_b", {"policy": POLICY}), (NAME, {}), (NAME, [])])
def test_request_without_a_good_name_and_a_policy_is_refused(services: LoginServices, name: str, body: object) -> None:
    assert _ask(services, "POST", f"{name}/create", body).status_code == 400


def test_who_may_read_certificates_may_make_none(services: LoginServices) -> None:
    services.vault.certificates.writers = {"another-client"}
    answer = _create(services)
    assert answer.status_code == 403
    assert "Microsoft.KeyVault/vaults/certificates/create/action'" in answer.json()["error"]["message"]
    services.vault.certificates.readers, services.vault.certificates.writers = set(), {IDENTITY}
    assert _made(services)


def test_versions_come_in_pages_and_not_in_order_of_time(services: LoginServices) -> None:
    services.vault.set_secret("plain", "x")
    made = {services.vault.create_certificate(NAME) for _ in range(3)}
    page = _ask(services, "GET", f"{NAME}/versions", maxresults="2").json()
    assert "maxresults=2" in page["nextLink"]
    rest = _ask(services, "GET", f"{NAME}/versions", **{"maxresults": "2", "$skiptoken": "2"}).json()
    found = [str(item["id"]).rpartition("/")[2] for item in (*page["value"], *rest["value"])]
    assert (set(found), found, rest["nextLink"]) == (made, sorted(found), None)
    assert page["value"][0]["attributes"]["enabled"] is True
    assert _ask(services, "GET", "plain/versions").json()["value"] == []


@pytest.mark.parametrize("query", [{"maxresults": "26"}, {"maxresults": "0"}, {"$skiptoken": "x"}])
def test_page_is_of_one_to_25_versions(services: LoginServices, query: dict[str, str]) -> None:
    assert _ask(services, "GET", f"{NAME}/versions", **query).status_code == 400
