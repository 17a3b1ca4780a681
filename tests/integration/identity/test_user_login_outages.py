"""Tokens of a signed-in user while Entra ID or the vault is down, refuses, or talks nonsense."""

import pytest

from sandbox.serving import Fault
from shared.errors import Misconfigured, Unavailable
from tests.fakes.identity_services import GRAPH_SCOPE, IdentityServices, fault
from tests.fakes.user_logins import METADATA, TOKENS, Login, Overtaken, login_of

pytestmark = pytest.mark.slow

TRY_LATER = b'{"error": "temporarily_unavailable", "error_codes": [90055]}'
BROKEN = (
    b"",
    b"null",
    b"[]",
    b"{}",
    TRY_LATER,
    b'{"error": 7, "error_codes": null}',
    b'{"access_token": "x"}',
    b"\xff<html>",
)


def test_vault_going_down_in_between_is_a_warning_and_the_token_serves(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    login.sign_in()
    login.age()
    down = Fault(path="/secrets/", status=503)
    credential = login.credential(Overtaken(login.caches, lambda: login.outside.vault_service.faults.add(down)))
    assert credential.get_token(GRAPH_SCOPE).token
    assert "could not be saved: Key Vault" in caplog.text


def test_outage_of_entra_id_is_unavailable_and_loses_no_login(login: Login) -> None:
    login.sign_in()
    aged, credential = login.age(), login.credential()
    with login.outside.down(login.outside.login), pytest.raises(Unavailable):
        credential.get_token(GRAPH_SCOPE)
    assert login.caches.load(login.tenant_id) == aged
    assert login.claims(credential.get_token(GRAPH_SCOPE).token)["oid"] == login.ann.object_id


@pytest.mark.parametrize("status", [500, 503, 429])
def test_outage_of_the_vault_is_unavailable(login: Login, status: int) -> None:
    login.sign_in()
    with fault(login.outside.vault_service, Fault(status=status)), pytest.raises(Unavailable, match=str(status)):
        login.credential().get_token(GRAPH_SCOPE)


def test_missing_managed_identity_is_unavailable_with_a_hint(
    outside: IdentityServices, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "another machine's")
    with login_of(outside) as stranger, pytest.raises(Unavailable, match="enable a managed identity"):
        stranger.caches.load(login.tenant_id)


def test_vault_that_refuses_reads_names_the_role(login: Login) -> None:
    login.sign_in()
    login.outside.vault.readers = login.outside.vault.writers = {"another-identity"}
    with pytest.raises(Misconfigured, match="Key Vault Secrets Officer"):
        login.credential().get_token(GRAPH_SCOPE)


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_response_that_is_no_secret_is_unavailable(login: Login, method: str) -> None:
    headers = {"Content-Type": "application/json"}
    nonsense = Fault(path="/secrets/", method=method, status=200, body=b"[]", headers=headers)
    with fault(login.outside.vault_service, nonsense), pytest.raises(Unavailable):
        login.sign_in()


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[" * 20_000, "[]", "7", "{}", '{"RefreshToken": 7}', '{"Account": {"a": {}}}']
)
def test_damaged_login_raises_a_documented_error(login: Login, text: str) -> None:
    login.caches.save(login.tenant_id, text)
    with pytest.raises((Misconfigured, Unavailable)):
        login.credential().get_token(GRAPH_SCOPE)


@pytest.mark.parametrize("path", [TOKENS, METADATA])
@pytest.mark.parametrize("status", [200, 400, 429, 500])
def test_broken_response_raises_a_documented_error(login: Login, path: str, status: int) -> None:
    login.sign_in()
    for body in BROKEN:
        aged, credential = login.age(), login.credential()
        answer = Fault(path=path, status=status, body=body, headers={"Retry-After": "0"})
        with fault(login.outside.login, answer), pytest.raises((Misconfigured, Unavailable)):
            credential.get_token(GRAPH_SCOPE)
        assert login.caches.load(login.tenant_id) == aged, body
        assert credential.get_token(GRAPH_SCOPE).token, body


def test_temporary_refusal_is_unavailable(login: Login) -> None:
    login.sign_in()
    login.age()
    later = Fault(path=TOKENS, status=400, body=TRY_LATER)
    with fault(login.outside.login, later), pytest.raises(Unavailable, match="AADSTS90055"):
        login.credential().get_token(GRAPH_SCOPE)
