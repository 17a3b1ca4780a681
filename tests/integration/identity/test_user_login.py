"""A user who signs in once, and the timer that continues without the user: MSAL and Key Vault's client as they are.

The guards: only a later login replaces a stored one; a vault that refuses writes is a warning; an error names the
command that the operator has to run.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shared.errors import Misconfigured
from tests.fakes.identity_services import GRAPH_SCOPE
from tests.fakes.user_logins import Login, Overtaken, account, refresh_tokens

pytestmark = pytest.mark.slow


def test_user_signs_in_once_and_the_token_is_the_users(login: Login) -> None:
    assert login.sign_in() == login.ann.username
    claims = login.claims(login.credential().get_token(GRAPH_SCOPE).token)
    assert (claims["oid"], claims["tid"], claims["scp"]) == (login.ann.object_id, login.tenant_id, "Chat.Read")
    assert len(login.shown) == 1


def test_token_serves_every_process_until_it_is_about_to_expire(login: Login) -> None:
    login.sign_in()
    before = login.token_requests()
    tokens = {login.credential().get_token(GRAPH_SCOPE).token for _ in range(3)}
    assert (len(tokens), login.token_requests()) == (1, before)


def test_expired_token_is_refreshed_and_the_login_stored(login: Login) -> None:
    login.sign_in()
    aged = login.age()
    token = login.credential().get_token(GRAPH_SCOPE).token
    stored = login.caches.load(login.tenant_id)
    assert stored is not None
    assert refresh_tokens(stored) != refresh_tokens(aged)
    # The next process finds the token that this one got.
    assert login.credential().get_token(GRAPH_SCOPE).token == token


def test_threads_of_one_process_refresh_once(login: Login) -> None:
    login.sign_in()
    login.age()
    before, credential = login.token_requests(), login.credential()
    with ThreadPoolExecutor(4) as pool:
        tokens = set(pool.map(lambda _: credential.get_token(GRAPH_SCOPE).token, range(4)))
    assert (len(tokens), login.token_requests()) == (1, before + 1)


def test_missing_login_names_the_command_to_sign_in(login: Login) -> None:
    with pytest.raises(
        Misconfigured, match=f"no user is signed in.*run: python -m cli login --tenant {login.tenant_id}"
    ):
        login.credential().get_token(GRAPH_SCOPE)


def test_revoked_session_asks_for_a_login_and_works_after_it(login: Login) -> None:
    login.sign_in()
    credential, aged = login.credential(), login.age()
    login.outside.entra.revoke_sessions(login.ann.object_id)
    for _ in range(2):
        with pytest.raises(Misconfigured, match=r"has to sign in again \(AADSTS50173\).*run: python -m cli login"):
            credential.get_token(GRAPH_SCOPE)
    # MSAL forgets a refresh token that was refused; the vault does not.
    assert login.caches.load(login.tenant_id) == aged
    login.sign_in()
    assert login.claims(credential.get_token(GRAPH_SCOPE).token)["oid"] == login.ann.object_id


def test_login_without_a_user_asks_for_a_login(login: Login) -> None:
    login.caches.save(login.tenant_id, "{}")
    with pytest.raises(Misconfigured, match=r"has to sign in again \(login_required\).*run: python -m cli login"):
        login.credential().get_token(GRAPH_SCOPE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda login: login.outside.entra.challenge(login.ann.object_id),
            r"AADSTS50076.*run: python -m cli login",
            id="second factor",
        ),
        pytest.param(
            lambda login: login.outside.entra.register(replace(login.application, scopes=())),
            r"AADSTS65001.*run: python -m cli login",
            id="permission withdrawn",
        ),
        pytest.param(
            lambda login: login.outside.entra.register(replace(login.application, public_client=False)),
            r"Entra ID refuses the app.*AADSTS7000218",
            id="public client flows disabled",
        ),
    ],
)
def test_refused_refresh_says_who_has_to_act(login: Login, change: Callable[[Login], object], words: str) -> None:
    login.sign_in()
    login.age()
    change(login)
    with pytest.raises(Misconfigured, match=words):
        login.credential().get_token(GRAPH_SCOPE)


def test_login_stored_in_between_is_not_overwritten(login: Login) -> None:
    login.sign_in()
    login.age()
    bob = account(login.tenant_id, "bob")
    credential = login.credential(Overtaken(login.caches, lambda: login.sign_in(bob)))
    assert login.claims(credential.get_token(GRAPH_SCOPE).token)["oid"] == login.ann.object_id
    assert login.claims(login.credential().get_token(GRAPH_SCOPE).token)["oid"] == bob.object_id


def test_vault_that_refuses_writes_is_a_warning_and_the_token_serves(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    login.sign_in()
    aged = login.age()
    login.outside.vault.writers = {"another-identity"}
    assert login.claims(login.credential().get_token(GRAPH_SCOPE).token)["oid"] == login.ann.object_id
    (record,) = [record for record in caplog.records if record.name == "shared.identity.user_login"]
    assert record.levelno == logging.WARNING
    assert "Key Vault Secrets Officer" in record.getMessage()
    assert login.caches.load(login.tenant_id) == aged
