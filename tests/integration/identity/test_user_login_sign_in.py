"""Signing in with a device code: the login is stored, or an error says why not."""

import logging
from dataclasses import replace
from uuid import uuid4

import pytest

from sandbox.serving import Fault
from shared.errors import Misconfigured, Unavailable
from tests.fakes.identity_services import GRAPH_SCOPE, IDENTITY, fault
from tests.fakes.user_logins import METADATA, TOKENS, Login, account, refresh_tokens

CODES = "/oauth2/v2.0/devicecode"

pytestmark = pytest.mark.slow


def test_deleted_secret_has_to_be_recovered(login: Login) -> None:
    """Source: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview."""
    gone = Fault(path="/secrets/", method="PUT", status=409)
    with fault(login.outside.vault_service, gone), pytest.raises(Misconfigured, match="recover or purge"):
        login.sign_in()


def test_user_who_declines_is_misconfigured_and_no_login_is_stored(login: Login) -> None:
    with pytest.raises(Misconfigured, match="declined"):
        login.sign_in_by(login.outside.entra.decline)
    assert login.caches.load(login.tenant_id) is None


def test_user_who_does_not_sign_in_in_time_is_misconfigured(login: Login) -> None:
    late = Fault(path=TOKENS, status=400, body=b'{"error": "expired_token", "error_codes": [70020]}')
    with fault(login.outside.login, late), pytest.raises(Misconfigured, match="did not sign in in time"):
        login.sign_in()


def test_login_without_public_client_flows_is_misconfigured(login: Login) -> None:
    login.outside.entra.register(replace(login.application, public_client=False))
    with pytest.raises(Misconfigured, match="AADSTS7000218"):
        login.sign_in()


def test_login_to_an_unknown_app_is_misconfigured(login: Login) -> None:
    login.outside.entra.register(replace(login.application, client_id=str(uuid4())))
    login.outside.entra.register(replace(login.application, tenant_ids=IDENTITY.tenant_ids))
    with pytest.raises(Misconfigured, match="AADSTS700016"):
        login.sign_in()


@pytest.mark.parametrize("path", [CODES, TOKENS, METADATA])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"user_code": 7}', b'{"access_token": "x", "expires_in": 1}'])
def test_login_with_a_broken_response_raises_a_documented_error(login: Login, path: str, body: bytes) -> None:
    answer = Fault(path=path, status=200, body=body)
    with fault(login.outside.login, answer), pytest.raises((Misconfigured, Unavailable)):
        login.sign_in()
    assert login.caches.load(login.tenant_id) is None


def test_outage_of_the_vault_is_raised_before_the_user_signs_in(login: Login) -> None:
    with fault(login.outside.vault_service, Fault(status=503)), pytest.raises(Unavailable):
        login.sign_in()
    assert not login.shown


def test_login_that_cannot_be_stored_names_the_role(login: Login) -> None:
    login.outside.vault.writers = {"another-identity"}
    with pytest.raises(Misconfigured, match="Key Vault Secrets Officer"):
        login.sign_in()


def test_login_of_another_user_replaces_the_stored_one(login: Login) -> None:
    login.sign_in()
    bob = account(login.tenant_id, "bob")
    login.sign_in(bob)
    assert login.claims(login.credential().get_token(GRAPH_SCOPE).token)["oid"] == bob.object_id


def test_token_does_not_reach_a_log(login: Login, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    login.sign_in()
    tokens = [*refresh_tokens(login.age()), login.credential().get_token(GRAPH_SCOPE).token]
    tokens += refresh_tokens(login.caches.load(login.tenant_id))
    assert caplog.records
    assert not [token for token in tokens if token in caplog.text]
