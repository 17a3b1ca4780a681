"""Users who sign in with a device code: MSAL's public client as it is, and a stranger at the same endpoints."""

from datetime import timedelta
from typing import Any

import msal
import pytest
import requests

from sandbox.entra import Account, Application
from tests.sandbox.login_services import (
    CLIENT_ID,
    GRAPH,
    OTHER_TENANT,
    SCOPES,
    SECRET,
    TENANT,
    UNKNOWN,
    LoginServices,
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


@pytest.fixture(autouse=True)
def _registered(services: LoginServices) -> None:
    services.entra.register(REGISTERED)
    services.entra.add_account(ANN)


def _msal(services: LoginServices, cache: msal.TokenCache | None = None) -> msal.PublicClientApplication:
    authority = f"{services.login.url}/{TENANT}"
    return msal.PublicClientApplication(CLIENT_ID, authority=authority, instance_discovery=False, token_cache=cache)


def _sign_in(services: LoginServices, client: msal.PublicClientApplication, account: Account = ANN) -> dict[str, Any]:
    flow = client.initiate_device_flow(SCOPES)
    services.entra.approve(flow["user_code"], account)
    answer: dict[str, Any] = client.acquire_token_by_device_flow(flow)
    return answer


def _post(services: LoginServices, endpoint: str, *, tenant: str = TENANT, **form: str) -> requests.Response:
    body = {"client_id": CLIENT_ID} | form
    return requests.post(f"{services.login.url}/{tenant}/oauth2/v2.0/{endpoint}", data=body, timeout=5)


def _start(services: LoginServices, **form: str) -> dict[str, Any]:
    answer: dict[str, Any] = _post(services, "devicecode", **({"scope": ALL_SCOPES} | form)).json()
    return answer


def _poll(services: LoginServices, device_code: str, **form: str) -> requests.Response:
    return _post(services, "token", **({"grant_type": DEVICE_GRANT, "device_code": device_code} | form))


def _refresh(services: LoginServices, refresh_token: str, **form: str) -> requests.Response:
    return _post(services, "token", **({"grant_type": "refresh_token", "refresh_token": refresh_token} | form))


def _refusal(response: requests.Response) -> tuple[int, str, int]:
    body = response.json()
    return (response.status_code, body["error"], *body["error_codes"])


def _approved(services: LoginServices, account: Account = ANN, **form: str) -> str:
    """Return a device code that the user has approved."""
    flow = _start(services, **form)
    services.entra.approve(flow["user_code"], account)
    code: str = flow["device_code"]
    return code


def _refresh_token(services: LoginServices) -> str:
    token: str = _poll(services, _approved(services)).json()["refresh_token"]
    return token


def test_msal_gets_a_token_that_names_the_user_and_no_role(services: LoginServices) -> None:
    answer = _sign_in(services, _msal(services))
    claims = services.claims(answer["access_token"])
    assert (claims["oid"], claims["name"], claims["upn"]) == (ANN.object_id, ANN.name, ANN.username)
    assert (claims["scp"], claims["idtyp"], claims["appidacr"]) == (" ".join(DELEGATED), "user", "0")
    assert (claims["appid"], claims["tid"], claims["ver"]) == (CLIENT_ID, TENANT, "1.0")
    assert "roles" not in claims
    assert answer["id_token_claims"]["preferred_username"] == ANN.username


def test_msal_finds_the_account_and_its_token_again(services: LoginServices) -> None:
    # Clients live by the real time, whatever that of the sandbox is.
    services.clock.advance(timedelta(days=3))
    client = _msal(services)
    token = _sign_in(services, client)["access_token"]
    (account,) = client.get_accounts()
    assert account["home_account_id"] == f"{ANN.object_id}.{TENANT}"
    assert client.acquire_token_silent(SCOPES, account)["access_token"] == token


def test_msal_refreshes_silently_and_gets_another_refresh_token(services: LoginServices) -> None:
    cache = msal.TokenCache()
    client = _msal(services, cache)
    token = _sign_in(services, client)["access_token"]
    before = _refresh_tokens(cache)
    answer = client.acquire_token_silent_with_error(SCOPES, client.get_accounts()[0], force_refresh=True)
    assert answer["access_token"] != token
    assert len(before) == len(_refresh_tokens(cache)) == 1
    assert before != _refresh_tokens(cache)


def _refresh_tokens(cache: msal.TokenCache) -> list[str]:
    return [entry["secret"] for entry in cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)]


def test_msal_learns_that_the_user_declined(services: LoginServices) -> None:
    client = _msal(services)
    flow = client.initiate_device_flow(SCOPES)
    services.entra.decline(flow["user_code"])
    assert client.acquire_token_by_device_flow(flow)["error"] == "authorization_declined"


def test_device_code_comes_with_instructions_for_the_user(services: LoginServices) -> None:
    flow = _start(services)
    assert (flow["expires_in"], flow["interval"], len(flow["user_code"])) == (900, 5, 9)
    assert flow["verification_uri"] in flow["message"]
    assert flow["user_code"] in flow["message"]


def test_page_signs_the_chosen_user_in(services: LoginServices) -> None:
    flow = _start(services)
    page = flow["verification_uri"]
    assert ANN.username in requests.get(page, timeout=5).text
    form = {"code": flow["user_code"].lower(), "account": ANN.object_id}
    assert requests.post(page, data=form, timeout=5).status_code == 200
    assert _poll(services, flow["device_code"]).status_code == 200
    assert requests.post(page, data=form, timeout=5).status_code == 400


def test_page_lets_a_user_decline_for_good(services: LoginServices) -> None:
    flow = _start(services)
    assert "Declined" in requests.post(flow["verification_uri"], data={"code": flow["user_code"]}, timeout=5).text
    assert _refusal(_poll(services, flow["device_code"])) == (400, "authorization_declined", 65004)
    with pytest.raises(KeyError):
        services.entra.approve(flow["user_code"], ANN)


def test_client_that_polls_too_often_is_slowed_down(services: LoginServices) -> None:
    flow = _start(services)
    polls = [(0, "authorization_pending"), (5, "authorization_pending")]
    polls += [(0, "slow_down"), (6, "slow_down"), (16, "authorization_pending")]
    for pause, error in polls:
        services.clock.advance(timedelta(seconds=pause))
        assert _refusal(_poll(services, flow["device_code"])) == (400, error, 70016)


def test_code_expires_after_fifteen_minutes(services: LoginServices) -> None:
    flow = _start(services)
    services.clock.advance(timedelta(minutes=15))
    assert _refusal(_poll(services, flow["device_code"])) == (400, "expired_token", 70020)
    with pytest.raises(KeyError):
        services.entra.approve(flow["user_code"], ANN)


def test_code_is_good_for_one_set_of_tokens_of_one_client(services: LoginServices) -> None:
    services.entra.register(Application(client_id=UNKNOWN, tenant_ids=(TENANT,), scopes=DELEGATED, public_client=True))
    code = _approved(services)
    assert _refusal(_poll(services, code, client_id=UNKNOWN)) == (400, "bad_verification_code", 70018)
    assert _poll(services, code).status_code == 200
    assert _refusal(_poll(services, code)) == (400, "bad_verification_code", 70018)


def test_confidential_application_needs_its_credential(services: LoginServices) -> None:
    services.entra.register(
        Application(client_id=CLIENT_ID, tenant_ids=(TENANT, OTHER_TENANT), secret=SECRET, scopes=DELEGATED)
    )
    code = _approved(services)
    assert _refusal(_poll(services, code)) == (401, "invalid_client", 7000218)
    assert _refusal(_poll(services, code, client_secret="x")) == (401, "invalid_client", 7000215)
    token = _poll(services, code, client_secret=SECRET).json()
    assert services.claims(token["access_token"])["appidacr"] == "1"


def test_user_of_another_tenant_is_refused(services: LoginServices) -> None:
    assert _refusal(_poll(services, _approved(services, EVE))) == (400, "invalid_grant", 50020)


def test_shared_tenant_accepts_a_user_of_any_tenant(services: LoginServices) -> None:
    flow = _post(services, "devicecode", tenant="organizations", scope=ALL_SCOPES).json()
    services.entra.approve(flow["user_code"], EVE)
    form = {"grant_type": DEVICE_GRANT, "device_code": flow["device_code"]}
    token = _post(services, "token", tenant="organizations", **form).json()["access_token"]
    assert services.claims(token)["tid"] == OTHER_TENANT


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
def test_device_code_is_refused_with_the_code_of_the_real_one(
    services: LoginServices, form: dict[str, str], refusal: tuple[int, str, int]
) -> None:
    assert _refusal(_post(services, "devicecode", **({"scope": ALL_SCOPES} | form))) == refusal


@pytest.mark.parametrize("scope", [f"{GRAPH}/Mail.Read", f"{GRAPH}/Chat.Read {GRAPH}/Mail.Read", "Mail.Read"])
def test_permission_without_consent_is_not_granted(services: LoginServices, scope: str) -> None:
    answer = _poll(services, _approved(services, scope=scope))
    assert _refusal(answer) == (400, "invalid_grant", 65001)
    assert answer.json()["suberror"] == "consent_required"


def test_single_permission_can_be_requested(services: LoginServices) -> None:
    answer = _poll(services, _approved(services, scope="Chat.Read offline_access")).json()
    assert services.claims(answer["access_token"])["scp"] == "Chat.Read"
    assert answer.keys().isdisjoint({"id_token", "client_info"})


def test_refresh_token_stays_good_after_its_use(services: LoginServices) -> None:
    """The platform does not revoke a refresh token when it is used."""
    first = _refresh_token(services)
    second = _refresh(services, first).json()["refresh_token"]
    assert second != first
    assert [_refresh(services, token).status_code for token in (first, second)] == [200, 200]


def test_revoked_session_needs_the_user_again(services: LoginServices) -> None:
    token, other = _refresh_token(services), _refresh_token(services)
    services.entra.revoke_sessions(EVE.object_id)
    assert _refresh(services, token).status_code == 200
    services.entra.revoke_sessions(ANN.object_id)
    assert [_refusal(_refresh(services, each)) for each in (token, other)] == [(400, "invalid_grant", 50173)] * 2
    assert _refresh(services, _refresh_token(services)).status_code == 200


def test_second_factor_is_asked_of_the_user_once(services: LoginServices) -> None:
    token = _refresh_token(services)
    services.entra.challenge(ANN.object_id)
    assert _refusal(_refresh(services, token)) == (400, "interaction_required", 50076)
    _refresh_token(services)
    assert _refresh(services, token).status_code == 200


def test_refresh_token_ends_after_ninety_idle_days(services: LoginServices) -> None:
    token = _refresh_token(services)
    services.clock.advance(timedelta(days=89))
    fresh = _refresh(services, token).json()["refresh_token"]
    services.clock.advance(timedelta(days=1))
    assert _refusal(_refresh(services, token)) == (400, "invalid_grant", 700082)
    assert _refresh(services, fresh).status_code == 200


def test_refresh_token_belongs_to_one_client_and_tenant(services: LoginServices) -> None:
    services.entra.register(Application(client_id=UNKNOWN, tenant_ids=(TENANT,), scopes=DELEGATED, public_client=True))
    token = _refresh_token(services)
    assert _refusal(_refresh(services, token, client_id=UNKNOWN)) == (400, "invalid_grant", 70000)
    assert _refusal(_refresh(services, "1.invented")) == (400, "invalid_grant", 9002313)
    elsewhere = _post(services, "token", tenant=OTHER_TENANT, grant_type="refresh_token", refresh_token=token)
    assert _refusal(elsewhere) == (400, "invalid_grant", 50020)


def test_public_client_is_no_managed_identity(services: LoginServices) -> None:
    services.entra.register(Application(client_id=UNKNOWN, tenant_ids=(TENANT,), public_client=True))
    assert services.identity_request(client_id=UNKNOWN).status_code == 400
