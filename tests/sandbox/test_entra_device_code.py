"""Users who sign in with a device code: MSAL's public client as it is, and a stranger at the same endpoints."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msal
import pytest
import requests

from sandbox.entra import Account, Application
from tests.sandbox.identity_world import (
    CLIENT_ID,
    GRAPH,
    OTHER_TENANT,
    SCOPES,
    SECRET,
    TENANT,
    UNKNOWN,
    World,
    identity_world,
)

pytestmark = pytest.mark.slow

ANN = Account(object_id="8ea0e38b-efb3-4757-924a-5f94061cf8c2", tenant_id=TENANT, name="Ann Ames", username="ann@a")
EVE = Account(object_id="5a1e35a5-2a1d-4f1e-8a4d-0d5a5f0e9b11", tenant_id=OTHER_TENANT, name="Eve", username="eve@b")
DELEGATED = ("Chat.Read", "Presence.Read.All")
REGISTERED = Application(
    client_id=CLIENT_ID,
    tenant_ids=(TENANT, OTHER_TENANT),
    secret=SECRET,
    roles=("Chat.Read.All",),
    scopes=DELEGATED,
    public_client=True,
)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ALL_SCOPES = f"{SCOPES[0]} openid profile offline_access"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with identity_world(tmp_path, monkeypatch) as world:
        world.entra.register(REGISTERED)
        world.entra.add_account(ANN)
        yield world


def _msal(world: World, cache: msal.TokenCache | None = None) -> msal.PublicClientApplication:
    authority = f"{world.login.url}/{TENANT}"
    return msal.PublicClientApplication(CLIENT_ID, authority=authority, instance_discovery=False, token_cache=cache)


def _sign_in(world: World, client: msal.PublicClientApplication, account: Account = ANN) -> dict[str, Any]:
    flow = client.initiate_device_flow(SCOPES)
    world.entra.approve(flow["user_code"], account)
    answer: dict[str, Any] = client.acquire_token_by_device_flow(flow)
    return answer


def _post(world: World, endpoint: str, *, tenant: str = TENANT, **form: str) -> requests.Response:
    body = {"client_id": CLIENT_ID} | form
    return requests.post(f"{world.login.url}/{tenant}/oauth2/v2.0/{endpoint}", data=body, timeout=5)


def _start(world: World, **form: str) -> dict[str, Any]:
    answer: dict[str, Any] = _post(world, "devicecode", **({"scope": ALL_SCOPES} | form)).json()
    return answer


def _poll(world: World, device_code: str, **form: str) -> requests.Response:
    return _post(world, "token", **({"grant_type": DEVICE_GRANT, "device_code": device_code} | form))


def _refresh(world: World, refresh_token: str, **form: str) -> requests.Response:
    return _post(world, "token", **({"grant_type": "refresh_token", "refresh_token": refresh_token} | form))


def _told(response: requests.Response) -> tuple[int, str, int]:
    body = response.json()
    return (response.status_code, body["error"], *body["error_codes"])


def _refresh_token(world: World, account: Account = ANN) -> str:
    flow = _start(world)
    world.entra.approve(flow["user_code"], account)
    token: str = _poll(world, flow["device_code"]).json()["refresh_token"]
    return token


def test_msal_signs_a_user_in_and_the_token_names_the_user_and_no_role(world: World) -> None:
    answer = _sign_in(world, _msal(world))
    claims = world.entra.access_claims(f"Bearer {answer['access_token']}", GRAPH)
    assert claims is not None
    assert (claims["oid"], claims["name"], claims["upn"]) == (ANN.object_id, ANN.name, ANN.username)
    assert (claims["scp"], claims["idtyp"], claims["appidacr"]) == (" ".join(DELEGATED), "user", "0")
    assert (claims["appid"], claims["tid"], claims["ver"]) == (CLIENT_ID, TENANT, "1.0")
    assert "roles" not in claims
    assert answer["id_token_claims"]["preferred_username"] == ANN.username


def test_msal_finds_the_account_and_its_token_again(world: World) -> None:
    client = _msal(world)
    token = _sign_in(world, client)["access_token"]
    (account,) = client.get_accounts()
    assert account["home_account_id"] == f"{ANN.object_id}.{TENANT}"
    assert client.acquire_token_silent(SCOPES, account)["access_token"] == token


def test_msal_refreshes_silently_and_gets_another_refresh_token(world: World) -> None:
    cache = msal.TokenCache()
    client = _msal(world, cache)
    token = _sign_in(world, client)["access_token"]
    before = _refresh_tokens(cache)
    answer = client.acquire_token_silent_with_error(SCOPES, client.get_accounts()[0], force_refresh=True)
    assert answer["access_token"] != token
    assert len(before) == len(_refresh_tokens(cache)) == 1
    assert before != _refresh_tokens(cache)


def _refresh_tokens(cache: msal.TokenCache) -> list[str]:
    return [entry["secret"] for entry in cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)]


def test_msal_learns_that_the_user_declined(world: World) -> None:
    client = _msal(world)
    flow = client.initiate_device_flow(SCOPES)
    world.entra.decline(flow["user_code"])
    assert client.acquire_token_by_device_flow(flow)["error"] == "authorization_declined"


def test_msal_signs_in_when_the_sandbox_is_days_ahead(world: World) -> None:
    world.clock.advance(timedelta(days=3))
    assert "access_token" in _sign_in(world, _msal(world))


def test_a_device_code_says_what_the_user_has_to_do(world: World) -> None:
    flow = _start(world)
    assert (flow["expires_in"], flow["interval"], len(flow["user_code"])) == (900, 5, 9)
    assert flow["verification_uri"] in flow["message"]
    assert flow["user_code"] in flow["message"]


def test_the_page_signs_the_chosen_user_in(world: World) -> None:
    flow = _start(world)
    page = flow["verification_uri"]
    assert ANN.username in requests.get(page, timeout=5).text
    form = {"code": flow["user_code"].lower(), "account": ANN.object_id}
    assert requests.post(page, data=form, timeout=5).status_code == 200
    assert _poll(world, flow["device_code"]).status_code == 200
    assert requests.post(page, data=form, timeout=5).status_code == 400


def test_the_page_lets_a_user_decline(world: World) -> None:
    flow = _start(world)
    assert "Declined" in requests.post(flow["verification_uri"], data={"code": flow["user_code"]}, timeout=5).text
    assert _told(_poll(world, flow["device_code"])) == (400, "authorization_declined", 65004)


def test_until_the_user_has_approved_the_authorization_is_pending(world: World) -> None:
    flow = _start(world)
    assert _told(_poll(world, flow["device_code"])) == (400, "authorization_pending", 70016)
    world.clock.advance(timedelta(seconds=5))
    assert _told(_poll(world, flow["device_code"])) == (400, "authorization_pending", 70016)


def test_whoever_polls_too_often_is_slowed_down(world: World) -> None:
    flow = _start(world)
    _poll(world, flow["device_code"])
    assert _told(_poll(world, flow["device_code"])) == (400, "slow_down", 70016)
    world.clock.advance(timedelta(seconds=6))
    assert _told(_poll(world, flow["device_code"])) == (400, "slow_down", 70016)
    world.clock.advance(timedelta(seconds=16))
    assert _told(_poll(world, flow["device_code"])) == (400, "authorization_pending", 70016)


def test_a_code_expires_after_fifteen_minutes(world: World) -> None:
    flow = _start(world)
    world.clock.advance(timedelta(minutes=15))
    assert _told(_poll(world, flow["device_code"])) == (400, "expired_token", 70020)
    with pytest.raises(KeyError):
        world.entra.approve(flow["user_code"], ANN)


def test_a_code_is_good_for_one_set_of_tokens_of_one_client(world: World) -> None:
    world.entra.register(Application(client_id=UNKNOWN, tenant_ids=(TENANT,), scopes=DELEGATED, public_client=True))
    flow = _start(world)
    world.entra.approve(flow["user_code"], ANN)
    code = flow["device_code"]
    assert _told(_poll(world, code, client_id=UNKNOWN)) == (400, "bad_verification_code", 70018)
    assert _poll(world, code).status_code == 200
    assert _told(_poll(world, code)) == (400, "bad_verification_code", 70018)


def test_a_code_that_was_answered_cannot_be_answered_otherwise(world: World) -> None:
    flow = _start(world)
    world.entra.decline(flow["user_code"])
    with pytest.raises(KeyError):
        world.entra.approve(flow["user_code"], ANN)


def test_an_application_without_public_client_flows_needs_its_credential(world: World) -> None:
    world.entra.register(
        Application(client_id=CLIENT_ID, tenant_ids=(TENANT, OTHER_TENANT), secret=SECRET, scopes=DELEGATED)
    )
    flow = _start(world)
    world.entra.approve(flow["user_code"], ANN)
    assert _told(_poll(world, flow["device_code"])) == (401, "invalid_client", 7000218)
    assert _told(_poll(world, flow["device_code"], client_secret="x")) == (401, "invalid_client", 7000215)
    token = _poll(world, flow["device_code"], client_secret=SECRET).json()
    claims = world.entra.access_claims(f"Bearer {token['access_token']}", GRAPH)
    assert claims is not None
    assert claims["appidacr"] == "1"


def test_a_user_of_another_tenant_is_turned_away(world: World) -> None:
    flow = _start(world)
    world.entra.approve(flow["user_code"], EVE)
    assert _told(_poll(world, flow["device_code"])) == (400, "invalid_grant", 50020)


def test_a_shared_tenant_takes_the_user_from_wherever(world: World) -> None:
    flow = _post(world, "devicecode", tenant="organizations", scope=ALL_SCOPES).json()
    world.entra.approve(flow["user_code"], EVE)
    form = {"grant_type": DEVICE_GRANT, "device_code": flow["device_code"]}
    token = _post(world, "token", tenant="organizations", **form).json()["access_token"]
    claims = world.entra.access_claims(f"Bearer {token}", GRAPH)
    assert claims is not None
    assert claims["tid"] == OTHER_TENANT


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        pytest.param({"client_id": ""}, (400, "invalid_request", 900144), id="no client id"),
        pytest.param({"client_id": UNKNOWN}, (400, "unauthorized_client", 700016), id="unknown client"),
        pytest.param({"scope": ""}, (400, "invalid_request", 900144), id="no scope"),
        pytest.param({"scope": "openid"}, (400, "invalid_scope", 70011), id="nothing of a resource"),
        pytest.param({"scope": f"{GRAPH}/"}, (400, "invalid_scope", 70011), id="no permission"),
        pytest.param({"scope": f"{GRAPH}/a https://b.example/c"}, (400, "invalid_request", 28000), id="two resources"),
    ],
)
def test_a_device_code_is_refused_with_the_code_of_the_real_one(
    world: World, form: dict[str, str], refusal: tuple[int, str, int]
) -> None:
    assert _told(_post(world, "devicecode", **({"scope": ALL_SCOPES} | form))) == refusal


@pytest.mark.parametrize("scope", [f"{GRAPH}/Mail.Read", f"{GRAPH}/Chat.Read {GRAPH}/Mail.Read", "Mail.Read"])
def test_what_nobody_has_consented_to_is_not_granted(world: World, scope: str) -> None:
    flow = _start(world, scope=scope)
    world.entra.approve(flow["user_code"], ANN)
    answer = _poll(world, flow["device_code"])
    assert _told(answer) == (400, "invalid_grant", 65001)
    assert answer.json()["suberror"] == "consent_required"


def test_single_permissions_can_be_asked_for(world: World) -> None:
    flow = _start(world, scope="Chat.Read offline_access")
    world.entra.approve(flow["user_code"], ANN)
    answer = _poll(world, flow["device_code"]).json()
    claims = world.entra.access_claims(f"Bearer {answer['access_token']}", GRAPH)
    assert claims is not None
    assert claims["scp"] == "Chat.Read"
    assert answer.keys().isdisjoint({"id_token", "client_info"})


def test_a_refresh_token_stays_good_after_its_use(world: World) -> None:
    """The platform does not revoke a refresh token when it is used."""
    first = _refresh_token(world)
    second = _refresh(world, first).json()["refresh_token"]
    assert second != first
    assert [_refresh(world, token).status_code for token in (first, second)] == [200, 200]


def test_a_revoked_session_needs_the_user_again(world: World) -> None:
    token = _refresh_token(world)
    others = _refresh_token(world)
    world.entra.revoke_sessions(EVE.object_id)
    assert _refresh(world, token).status_code == 200
    world.entra.revoke_sessions(ANN.object_id)
    assert [_told(_refresh(world, each)) for each in (token, others)] == [(400, "invalid_grant", 50173)] * 2
    assert _refresh(world, _refresh_token(world)).status_code == 200


def test_a_second_factor_is_asked_of_the_user_once(world: World) -> None:
    token = _refresh_token(world)
    world.entra.challenge(ANN.object_id)
    assert _told(_refresh(world, token)) == (400, "interaction_required", 50076)
    _refresh_token(world)
    assert _refresh(world, token).status_code == 200


def test_a_refresh_token_ends_after_ninety_idle_days(world: World) -> None:
    token = _refresh_token(world)
    world.clock.advance(timedelta(days=89))
    fresh = _refresh(world, token).json()["refresh_token"]
    world.clock.advance(timedelta(days=1))
    assert _told(_refresh(world, token)) == (400, "invalid_grant", 700082)
    assert _refresh(world, fresh).status_code == 200


def test_a_refresh_token_is_its_clients_and_its_tenants_own(world: World) -> None:
    world.entra.register(Application(client_id=UNKNOWN, tenant_ids=(TENANT,), scopes=DELEGATED, public_client=True))
    token = _refresh_token(world)
    assert _told(_refresh(world, token, client_id=UNKNOWN)) == (400, "invalid_grant", 70000)
    assert _told(_refresh(world, "1.invented")) == (400, "invalid_grant", 9002313)
    assert _told(_post(world, "token", tenant=OTHER_TENANT, grant_type="refresh_token", refresh_token=token)) == (
        400,
        "invalid_grant",
        50020,
    )


def test_a_public_client_is_no_managed_identity(world: World) -> None:
    world.entra.register(Application(client_id=UNKNOWN, tenant_ids=(TENANT,), public_client=True))
    query = {"resource": GRAPH, "api-version": "2019-08-01", "client_id": UNKNOWN}
    headers = {"X-IDENTITY-HEADER": world.entra.identity_header}
    assert requests.get(f"{world.login.url}/msi/token", params=query, headers=headers, timeout=5).status_code == 400
