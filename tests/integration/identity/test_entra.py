"""Tokens for Graph: MSAL and azure-identity as they are, against an Entra ID that looks at what they send."""

import dataclasses
import logging
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.credentials import AccessTokenInfo, TokenCredential
from azure.identity import ManagedIdentityCredential

from sandbox.serving import Fault
from shared.errors import Misconfigured, Unavailable
from shared.identity.certificates import Certificate
from shared.identity.entra import AppCredential, graph_credential
from shared.identity.key_vault import CertificateVersions
from shared.settings import Settings
from tests.fakes.clocks import Hands
from tests.fakes.identity_services import (
    CERTIFICATE_NAME,
    CLIENT_SECRET,
    GRAPH_SCOPE,
    IDENTITY,
    REGISTRATION,
    IdentityServices,
    fault,
)
from tests.fakes.settings_environment import LEAST
from tests.fakes.user_logins import METADATA, TOKENS
from tests.sender import CLIENT_ID, OTHER_TENANT, STRANGER, TENANT

pytestmark = pytest.mark.slow

GRAPH = "https://graph.microsoft.com"


def _settings(outside: IdentityServices, **more: str) -> Settings:
    tenants = {"TENANT_IDS": f"{TENANT},{OTHER_TENANT}", "LOGIN_URL": outside.login.url}
    vault = {"KEY_VAULT_URL": outside.vault_service.url, "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME}
    return Settings.from_environ(LEAST | tenants | vault | more)


def _no_certificate() -> Certificate:
    raise Misconfigured("no certificate is needed")


def _with_secret(outside: IdentityServices, tenant_id: str = TENANT, secret: str = CLIENT_SECRET) -> TokenCredential:
    return graph_credential(_settings(outside, CLIENT_SECRET=secret), tenant_id, _no_certificate)


def _caller(outside: IdentityServices, credential: TokenCredential) -> tuple[str, str]:
    """Return the application and the tenant that Graph would see behind the credential."""
    token = credential.get_token(GRAPH_SCOPE)
    claims = outside.entra.access_claims(f"Bearer {token.token}", GRAPH)
    assert claims is not None
    return claims["appid"], claims["tid"]


def _token_requests(outside: IdentityServices) -> int:
    return sum(TOKENS in request.path_qs for request in outside.login.requests)


def test_secret_gets_a_token_from_each_tenants_authority(outside: IdentityServices) -> None:
    for tenant in (TENANT, OTHER_TENANT):
        assert _caller(outside, _with_secret(outside, tenant)) == (CLIENT_ID, tenant)
    authorities = {request.path_qs.split("/")[1] for request in outside.login.requests}
    assert authorities == {TENANT, OTHER_TENANT}


def test_certificate_from_the_vault_gets_a_token(outside: IdentityServices, certificates: CertificateVersions) -> None:
    outside.vault.create_certificate(CERTIFICATE_NAME)
    registered = dataclasses.replace(REGISTRATION, secret=None, certificate=outside.vault.certificate(CERTIFICATE_NAME))
    outside.entra.register(registered)
    settings = _settings(outside, CLIENT_CERTIFICATE_NAME=CERTIFICATE_NAME)
    assert _caller(outside, graph_credential(settings, TENANT, certificates.current)) == (CLIENT_ID, TENANT)


def test_unregistered_certificate_is_misconfigured(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    outside.vault.create_certificate(CERTIFICATE_NAME)
    settings = _settings(outside, CLIENT_CERTIFICATE_NAME=CERTIFICATE_NAME)
    with pytest.raises(Misconfigured, match="AADSTS700027"):
        graph_credential(settings, TENANT, certificates.current).get_token(GRAPH_SCOPE)


def test_managed_identity_serves_without_secret_and_certificate(outside: IdentityServices) -> None:
    credential = graph_credential(_settings(outside), TENANT, _no_certificate)
    assert isinstance(credential, ManagedIdentityCredential)
    with credential:
        assert _caller(outside, credential) == (IDENTITY.client_id, TENANT)


def test_wrong_secret_is_misconfigured_and_not_in_the_message(
    outside: IdentityServices, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Misconfigured, match="AADSTS7000215") as caught:
        _with_secret(outside, secret="hunter2 hunter2").get_token(GRAPH_SCOPE)
    assert "hunter2" not in str(caught.value) + caplog.text
    assert TENANT in str(caught.value)


def test_app_unknown_in_the_tenant_is_misconfigured(outside: IdentityServices) -> None:
    outside.entra.register(dataclasses.replace(REGISTRATION, tenant_ids=(OTHER_TENANT,)))
    with pytest.raises(Misconfigured, match="AADSTS700016"):
        _with_secret(outside).get_token(GRAPH_SCOPE)


def test_missing_tenant_is_unavailable_with_a_hint(outside: IdentityServices) -> None:
    with pytest.raises(Unavailable, match=f"{STRANGER}.*check the tenant id"):
        _with_secret(outside, STRANGER).get_token(GRAPH_SCOPE)


def _issued(outside: IdentityServices) -> tuple[Hands, AppCredential, AccessTokenInfo]:
    """Return a clock, and a credential with its first token."""
    hands = Hands(at=time.time())
    credential = AppCredential(_settings(outside), TENANT, lambda: CLIENT_SECRET, now=hands)
    return hands, credential, credential.get_token_info(GRAPH_SCOPE)


def test_token_is_replaced_at_half_of_its_lifetime(outside: IdentityServices) -> None:
    """Graph stops delivering when the token ends with which a subscription was last renewed."""
    hands, credential, first = _issued(outside)
    half = (first.expires_on - hands.at) / 2
    hands.at += half - 60
    assert credential.get_token_info(GRAPH_SCOPE).token == first.token
    assert _token_requests(outside) == 1
    hands.at += 120
    second = credential.get_token_info(GRAPH_SCOPE)
    assert _token_requests(outside) == 2
    assert second.refresh_on is not None
    assert abs(second.refresh_on - (second.expires_on - half)) < 60


def test_token_in_its_second_half_serves_through_an_outage(outside: IdentityServices) -> None:
    hands, credential, first = _issued(outside)
    hands.at = first.expires_on - 600.0
    with outside.down(outside.login):
        second = credential.get_token_info(GRAPH_SCOPE)
    assert (second.token, second.refresh_on) == (first.token, int(hands.at) + 60)
    credential.get_token_info(GRAPH_SCOPE)
    assert _token_requests(outside) == 1
    hands.at += 61
    credential.get_token_info(GRAPH_SCOPE)
    assert _token_requests(outside) == 2


def test_expired_token_is_not_used_in_an_outage(outside: IdentityServices) -> None:
    hands, credential, first = _issued(outside)
    hands.at = first.expires_on - 30.0
    with outside.down(outside.login):
        assert credential.get_token_info(GRAPH_SCOPE).token == first.token
        hands.at += 31.0
        with pytest.raises(Unavailable):
            credential.get_token_info(GRAPH_SCOPE)


def test_secret_is_read_for_every_token(outside: IdentityServices) -> None:
    hands, secrets = Hands(at=time.time()), ["hunter2 hunter2", CLIENT_SECRET]
    credential = AppCredential(_settings(outside), TENANT, secrets.pop, now=hands)
    first = credential.get_token_info(GRAPH_SCOPE)
    hands.at = first.expires_on
    with pytest.raises(Misconfigured, match="AADSTS7000215"):
        credential.get_token_info(GRAPH_SCOPE)


def test_threads_of_one_process_fetch_one_token(outside: IdentityServices) -> None:
    credential = _with_secret(outside)
    with ThreadPoolExecutor(4) as pool:
        tokens = set(pool.map(lambda _: credential.get_token(GRAPH_SCOPE).token, range(8)))
    assert (len(tokens), _token_requests(outside)) == (1, 1)


def test_outage_is_unavailable_and_not_cached(outside: IdentityServices) -> None:
    credential = _with_secret(outside)
    with outside.down(outside.login), pytest.raises(Unavailable):
        credential.get_token(GRAPH_SCOPE)
    assert _caller(outside, credential) == (CLIENT_ID, TENANT)


@pytest.mark.parametrize("path", [TOKENS, METADATA])
@pytest.mark.parametrize(
    ("status", "body"),
    [(status, body) for status in (429, 500, 503) for body in (b"", b"<html>Try again later</html>")]
    + [(200, body) for body in (b"", b"null", b'{"access_token": ')],
)
def test_broken_response_is_unavailable(outside: IdentityServices, path: str, status: int, body: bytes) -> None:
    credential = _with_secret(outside)
    # MSAL itself keeps away from a service that sends no Retry-After, or a long one.
    answer = Fault(path=path, status=status, body=body, headers={"Retry-After": "0"})
    with fault(outside.login, answer), pytest.raises(Unavailable):
        credential.get_token(GRAPH_SCOPE)
    assert _caller(outside, credential) == (CLIENT_ID, TENANT)


@pytest.mark.parametrize("path", [TOKENS, METADATA])
@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"access_token": "x"}', b'{"error": 7, "error_codes": null}'])
def test_unexpected_json_raises_a_documented_error(outside: IdentityServices, path: str, body: bytes) -> None:
    with fault(outside.login, Fault(path=path, status=200, body=body)), pytest.raises((Misconfigured, Unavailable)):
        _with_secret(outside).get_token(GRAPH_SCOPE)


def test_custom_login_url_is_not_looked_up_at_microsoft(outside: IdentityServices) -> None:
    assert isinstance(_with_secret(outside), AppCredential)
    _with_secret(outside).get_token(GRAPH_SCOPE)
    assert not any("discovery/instance" in request.path_qs for request in outside.login.requests)


def test_secret_and_token_do_not_reach_a_log(outside: IdentityServices, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = _with_secret(outside).get_token(GRAPH_SCOPE)
    assert caplog.records
    assert token.token not in caplog.text
    assert CLIENT_SECRET not in caplog.text
