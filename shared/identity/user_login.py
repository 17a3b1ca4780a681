"""Tokens for Microsoft Graph on behalf of a user who signs in once, and where that login is stored.

One user (a service account) per tenant, for what only a signed-in user may watch. The app registration has to allow
public client flows, and the user's permissions are the delegated ones that were consented to. The login is a secret in
Key Vault, which encrypts it at rest; the app's identity needs the role "Key Vault Secrets Officer", to read and set it.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code and
https://learn.microsoft.com/azure/key-vault/general/rbac-guide#azure-built-in-roles-for-key-vault-data-plane-operations
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msal
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

from shared.azure_calls import CLIENT_ERRORS, as_unavailable
from shared.errors import Misconfigured, Problem, Unavailable
from shared.identity.entra import MSAL_ERRORS, TIMEOUT_SECONDS, entra_refusal, entra_unavailable, error_codes
from shared.settings import Settings

_LOG = logging.getLogger(__name__)

# What only the user can mend, by signing in.
# Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes#handling-error-codes-in-your-application
_LOGIN_REQUIRED = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
_TEMPORARY = frozenset({"temporarily_unavailable", "server_error"})
_SIGN_IN_FAILURES: Mapping[str, str] = {
    "authorization_declined": "the sign-in was declined",
    "authorization_pending": "nobody has signed in in time",
    "expired_token": "nobody has signed in in time",
    "slow_down": "nobody has signed in in time",
}

_FORBIDDEN = 403
_DELETED_SECRET = 409


class StoredLogins(Protocol):
    """MSAL's token cache of each tenant as a text that is kept for good; both raise Misconfigured or Unavailable."""

    def load(self, tenant_id: str) -> str | None:
        """Return what was saved last; None if nothing was."""

    def save(self, tenant_id: str, text: str) -> None:
        """Keep ``text``."""


class UserCredential:
    """The credential of the user who has signed in to the app in one tenant, used without asking the user."""

    def __init__(self, settings: Settings, tenant_id: str, logins: StoredLogins) -> None:
        self._settings = settings
        self._tenant_id = tenant_id
        self._logins = logins
        self._lock = threading.Lock()

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        """Return a token for ``scopes``, as ``azure.core``'s policies ask for it.

        Raises:
            Misconfigured: nobody is signed in, the user has to sign in again, or Entra ID or the vault refuses the app.
            Unavailable: Entra ID or the vault does not answer.
        """
        with self._lock:
            # Read anew each time: whoever signs in, or refreshes elsewhere, is believed at once.
            stored = self._logins.load(self._tenant_id)
            if stored is None:
                raise self._login_required("nobody is signed in")
            cache = self._cache(stored)
            token = self._token(cache, list(scopes))
            if cache.has_state_changed:
                self._save_unless_changed(cache.serialize(), loaded=stored)
            return token

    def _cache(self, stored: str) -> Any:
        cache = msal.SerializableTokenCache()
        try:
            cache.deserialize(stored)
        except (ValueError, RecursionError) as exc:
            raise self._login_required("the login that is kept cannot be read") from exc
        return cache

    def _token(self, cache: Any, scopes: list[str]) -> AccessToken:
        authority = _authority(self._settings, self._tenant_id)
        try:
            answer = _acquire_silently(_application(self._settings, authority, cache), scopes)
            if "access_token" in answer:
                return AccessToken(answer["access_token"], int(time.time()) + int(answer["expires_in"]))
            problem = self._problem(authority, answer)
        except MSAL_ERRORS as exc:
            raise entra_unavailable(authority, exc) from exc
        raise problem

    def _problem(self, authority: str, answer: Mapping[str, Any]) -> Problem:
        if answer.get("error") in _LOGIN_REQUIRED:
            return self._login_required(f"the user has to sign in again ({error_codes(answer) or answer['error']})")
        return _refusal(authority, answer)

    def _login_required(self, reason: str) -> Misconfigured:
        return Misconfigured(
            f"{reason} in tenant {self._tenant_id}: run: python -m cli login --tenant {self._tenant_id}"
        )

    def _save_unless_changed(self, text: str, *, loaded: str) -> None:
        try:
            # What came in between is a fresh sign-in, or another process's refresh: as good as this one, or better.
            # Source: https://learn.microsoft.com/entra/identity-platform/refresh-tokens#token-lifetime
            if self._logins.load(self._tenant_id) == loaded:
                self._logins.save(self._tenant_id, text)
        except Problem as exc:
            # The login that is kept stays good for 90 days: nothing is lost yet.
            _LOG.warning("the refreshed login of tenant %s could not be kept: %s", self._tenant_id, exc)


def sign_in(settings: Settings, tenant_id: str, logins: StoredLogins, *, show: Callable[[str], None]) -> str:
    """Return the name of the user who signs in to ``tenant_id``, after that login was kept in ``logins``.

    ``show`` gets the sentence that tells the user where to enter which code; for that there are 15 minutes.

    Raises:
        Misconfigured: the user declined or did not come, or Entra ID or the vault refuses the app.
        Unavailable: Entra ID or the vault does not answer.
    """
    # A vault that cannot be reached is found out before the user has taken the trouble.
    logins.load(tenant_id)
    cache, authority = msal.SerializableTokenCache(), _authority(settings, tenant_id)
    try:
        application = _application(settings, authority, cache)
        flow = application.initiate_device_flow([f"{settings.cloud.graph_url}/.default"])
        answer = _acquire_by_device_flow(application, flow, show) if "user_code" in flow else flow
        name = str(answer["id_token_claims"]["preferred_username"]) if "access_token" in answer else ""
        problem = _refusal(authority, answer)
    except MSAL_ERRORS as exc:
        raise entra_unavailable(authority, exc) from exc
    if not name:
        raise problem
    logins.save(tenant_id, cache.serialize())
    return name


def _acquire_silently(application: Any, scopes: list[str]) -> Mapping[str, Any]:
    account = next(iter(application.get_accounts()), None)
    answer: Mapping[str, Any] | None = application.acquire_token_silent_with_error(scopes, account)
    # Without an account or its refresh token there is nothing that could be asked of Entra ID.
    return {"error": "login_required"} if answer is None else answer


def _acquire_by_device_flow(application: Any, flow: dict[str, Any], show: Callable[[str], None]) -> Mapping[str, Any]:
    show(str(flow["message"]))
    answer: Mapping[str, Any] = application.acquire_token_by_device_flow(flow)
    return answer


def _refusal(authority: str, answer: Mapping[str, Any]) -> Problem:
    error = str(answer.get("error"))
    if error in _SIGN_IN_FAILURES:
        return Misconfigured(f"{_SIGN_IN_FAILURES[error]}: run the command again")
    if error in _TEMPORARY:
        return Unavailable(f"Entra ID puts the app off at {authority}: {error} {error_codes(answer)}")
    return entra_refusal(authority, answer)


def _authority(settings: Settings, tenant_id: str) -> str:
    return f"{settings.login_url}/{tenant_id}"


def _application(settings: Settings, authority: str, cache: Any) -> Any:
    return msal.PublicClientApplication(
        settings.client_id,
        authority=authority,
        instance_discovery=settings.instance_discovery,
        token_cache=cache,
        timeout=TIMEOUT_SECONDS,
    )


class LoginStore:
    """MSAL's token caches as texts, by tenant. A text is as good as the user's password: it is never logged."""

    def __init__(self, client: SecretClient) -> None:
        self._client = client

    def load(self, tenant_id: str) -> str | None:
        """Return what was saved last; None if nothing was.

        Raises:
            Misconfigured: the vault refuses this identity.
            Unavailable: the vault does not answer.
        """
        name = _secret_name(tenant_id)
        try:
            return self._client.get_secret(name).value
        except ResourceNotFoundError:
            return None
        except CLIENT_ERRORS as exc:
            raise _vault_problem(name, exc) from exc

    def save(self, tenant_id: str, text: str) -> None:
        """Keep ``text`` as a fresh version of the secret.

        Raises:
            Misconfigured: the vault refuses this identity, or the secret.
            Unavailable: the vault does not answer.
        """
        name = _secret_name(tenant_id)
        try:
            self._client.set_secret(name, text, content_type="application/json")
        except CLIENT_ERRORS as exc:
            raise _vault_problem(name, exc) from exc


def _secret_name(tenant_id: str) -> str:
    return f"teams-notifications-login-{tenant_id}"


def _vault_problem(name: str, exc: Exception) -> Problem:
    status = exc.status_code if isinstance(exc, HttpResponseError) else None
    if status == _FORBIDDEN:
        return Misconfigured(
            f"Key Vault refuses the secret {name}: give this identity the role Key Vault Secrets Officer, and have the "
            "secret enabled"
        )
    if status == _DELETED_SECRET:
        return Misconfigured(f"the secret {name} was deleted from Key Vault: recover or purge it there")
    # Without a status it is azure-identity's: the hiccup of an identity endpoint, or a machine that has no identity.
    if status is None and isinstance(exc, ClientAuthenticationError):
        return Unavailable(f"no token for Key Vault ({name}): is there a managed identity, or have you run az login?")
    return as_unavailable(f"Key Vault ({name})", exc)
