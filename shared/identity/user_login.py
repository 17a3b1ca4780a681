"""Tokens for Microsoft Graph on behalf of a user who signed in once, and the store of that login in Key Vault.

Each tenant has one user (a service account), for resources that only a signed-in user may watch. The app registration
must allow public client flows and have consent for delegated permissions. To read and write the login, the app's
identity needs the role "Key Vault Secrets Officer".

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
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

from shared.azure_calls import CLIENT_ERRORS, as_problem
from shared.errors import Misconfigured, Problem, Unavailable
from shared.identity.entra import MSAL_ERRORS, TIMEOUT_SECONDS, entra_refusal, entra_unavailable, error_codes
from shared.settings import Settings

_LOG = logging.getLogger(__name__)

# Only the user can fix these, by signing in.
# Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes#handling-error-codes-in-your-application
_LOGIN_REQUIRED = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
_TEMPORARY = frozenset({"temporarily_unavailable", "server_error"})
_TOO_LATE = frozenset({"authorization_pending", "expired_token", "slow_down"})

_DELETED_SECRET = 409


class StoredLogins(Protocol):
    """MSAL's token cache of each tenant, as a text. Both methods raise Misconfigured or Unavailable."""

    def load(self, tenant_id: str) -> str | None:
        """Return the text that was saved last, or None."""

    def save(self, tenant_id: str, text: str) -> None:
        """Replace the text."""


class UserCredential:
    """The credential of the user who signed in to the app in one tenant; it never prompts the user."""

    def __init__(self, settings: Settings, tenant_id: str, logins: StoredLogins) -> None:
        self._settings = settings
        self._tenant_id = tenant_id
        self._logins = logins
        self._lock = threading.Lock()

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        """Return a token for ``scopes``.

        Raises:
            Misconfigured: the user has to sign in, or Entra ID or the vault refuses the app.
            Unavailable: Entra ID or the vault does not answer.
        """
        with self._lock:
            # Load it each time: another process may have refreshed the login, or the user signed in again.
            stored = self._logins.load(self._tenant_id)
            if stored is None:
                raise self._login_required("no user is signed in")
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
            raise self._login_required("the stored login cannot be read") from exc
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
        return Misconfigured(f"{reason}; run: python -m cli login --tenant {self._tenant_id}")

    def _save_unless_changed(self, text: str, *, loaded: str) -> None:
        try:
            # Do not overwrite what another process saved in the meantime: a new sign-in, or a refresh as good as this.
            # Source: https://learn.microsoft.com/entra/identity-platform/refresh-tokens#token-lifetime
            if self._logins.load(self._tenant_id) == loaded:
                self._logins.save(self._tenant_id, text)
        except Problem as exc:
            # The stored login remains valid for 90 days.
            _LOG.warning("the refreshed login of tenant %s could not be saved: %s", self._tenant_id, exc)


def sign_in(settings: Settings, tenant_id: str, logins: StoredLogins, *, show: Callable[[str], None]) -> str:
    """Let a user sign in to ``tenant_id``, save the login, and return the user's name.

    ``show`` receives the instructions for the user, who has 15 minutes to enter a code.

    Raises:
        Misconfigured: the user declined or was too late, or Entra ID or the vault refuses the app.
        Unavailable: Entra ID or the vault does not answer.
    """
    # If the vault is unreachable, fail before the user signs in.
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
    # MSAL returns None if the cache has no account or no refresh token.
    return {"error": "login_required"} if answer is None else answer


def _acquire_by_device_flow(application: Any, flow: dict[str, Any], show: Callable[[str], None]) -> Mapping[str, Any]:
    show(str(flow["message"]))
    answer: Mapping[str, Any] = application.acquire_token_by_device_flow(flow)
    return answer


def _refusal(authority: str, answer: Mapping[str, Any]) -> Problem:
    error = str(answer.get("error"))
    if error == "authorization_declined":
        return Misconfigured("the user declined to sign in: run the command again")
    if error in _TOO_LATE:
        return Misconfigured("the user did not sign in in time: run the command again")
    if error in _TEMPORARY:
        return Unavailable(f"Entra ID is temporarily unavailable at {authority}: {error} {error_codes(answer)}")
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
    """The ``StoredLogins`` in Key Vault. Never log a text: it is worth as much as the user's password."""

    def __init__(self, client: SecretClient) -> None:
        self._client = client

    def load(self, tenant_id: str) -> str | None:
        """Return the text that was saved last, or None."""
        name = _secret_name(tenant_id)
        try:
            return self._client.get_secret(name).value
        except ResourceNotFoundError:
            return None
        except CLIENT_ERRORS as exc:
            raise _vault_problem(name, exc) from exc

    def save(self, tenant_id: str, text: str) -> None:
        """Save ``text`` as a new version of the secret."""
        name = _secret_name(tenant_id)
        try:
            self._client.set_secret(name, text, content_type="application/json")
        except CLIENT_ERRORS as exc:
            raise _vault_problem(name, exc) from exc


def _secret_name(tenant_id: str) -> str:
    return f"teams-notifications-login-{tenant_id}"


def _vault_problem(name: str, exc: Exception) -> Problem:
    status = exc.status_code if isinstance(exc, HttpResponseError) else None
    if status == _DELETED_SECRET:
        return Misconfigured(f"the secret {name} was deleted from Key Vault: recover or purge it")
    return as_problem(f"Key Vault ({name})", exc, role="Key Vault Secrets Officer")
