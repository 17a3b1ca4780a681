"""The one time that the user is asked: a device code, and the login that is kept, or a sentence that says why not."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from sandbox.serving import Fault
from shared.errors import Misconfigured, Unavailable
from tests.fakes.identity_services import GRAPH_SCOPE, IDENTITY, IdentityServices, fault
from tests.fakes.user_logins import METADATA, TOKENS, Login, account, login_of, refresh_tokens

CODES = "/oauth2/v2.0/devicecode"

pytestmark = pytest.mark.slow


@pytest.fixture
def login(outside: IdentityServices) -> Iterator[Login]:
    with login_of(outside) as login:
        yield login


def test_a_deleted_secret_has_to_be_recovered(login: Login) -> None:
    """Source: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview."""
    gone = Fault(path="/secrets/", method="PUT", status=409)
    with fault(login.outside.vault_service, gone), pytest.raises(Misconfigured, match="recover or purge"):
        login.sign_in()


def test_a_user_who_declines_is_told_and_nothing_is_kept(login: Login) -> None:
    with pytest.raises(Misconfigured, match="declined"):
        login.sign_in_by(login.outside.entra.decline)
    assert login.caches.load(login.tenant_id) is None


def test_a_user_who_does_not_come_is_told(login: Login) -> None:
    late = Fault(path=TOKENS, status=400, body=b'{"error": "expired_token", "error_codes": [70020]}')
    with fault(login.outside.login, late), pytest.raises(Misconfigured, match="did not sign in in time"):
        login.sign_in()


def test_a_login_without_public_client_flows_is_told_by_its_code(login: Login) -> None:
    login.outside.entra.register(replace(login.application, public_client=False))
    with pytest.raises(Misconfigured, match="AADSTS7000218"):
        login.sign_in()


def test_a_login_to_an_app_that_is_unknown_is_told_by_its_code(login: Login) -> None:
    login.outside.entra.register(replace(login.application, client_id=str(uuid4())))
    login.outside.entra.register(replace(login.application, tenant_ids=IDENTITY.tenant_ids))
    with pytest.raises(Misconfigured, match="AADSTS700016"):
        login.sign_in()


@pytest.mark.parametrize("path", [CODES, TOKENS, METADATA])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"user_code": 7}', b'{"access_token": "x", "expires_in": 1}'])
def test_a_login_that_is_answered_with_nonsense_is_a_documented_problem(login: Login, path: str, body: bytes) -> None:
    answer = Fault(path=path, status=200, body=body)
    with fault(login.outside.login, answer), pytest.raises((Misconfigured, Unavailable)):
        login.sign_in()
    assert login.caches.load(login.tenant_id) is None


def test_a_vault_that_is_down_is_found_out_before_the_user_signs_in(login: Login) -> None:
    with fault(login.outside.vault_service, Fault(status=503)), pytest.raises(Unavailable):
        login.sign_in()
    assert not login.shown


def test_a_login_that_cannot_be_kept_is_told(login: Login) -> None:
    login.outside.vault.writers = {"somebody-else"}
    with pytest.raises(Misconfigured, match="Key Vault Secrets Officer"):
        login.sign_in()


def test_the_login_of_another_user_takes_the_place_of_the_one_before(login: Login) -> None:
    login.sign_in()
    bob = account(login.tenant_id, "bob")
    login.sign_in(bob)
    assert login.claims(login.credential().get_token(GRAPH_SCOPE).token)["oid"] == bob.object_id


def test_no_token_reaches_a_log(login: Login, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    login.sign_in()
    kept = [*refresh_tokens(login.age()), login.credential().get_token(GRAPH_SCOPE).token]
    kept += refresh_tokens(login.caches.load(login.tenant_id))
    assert caplog.records
    assert not [token for token in kept if token in caplog.text]
