"""Tokens for Microsoft Graph: MSAL with the app registration's secret or certificate, or a managed identity.

Source: https://learn.microsoft.com/entra/msal/python/
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msal
import requests
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential
from azure.identity import ManagedIdentityCredential
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msal.exceptions import MsalError

from shared.errors import Misconfigured, Problem, Unavailable
from shared.identity.certificates import Certificate
from shared.settings import Settings

TIMEOUT_SECONDS = 10

# MSAL lets through what requests raises, and what indexing does when an answer is not what Entra ID sends.
MSAL_ERRORS = (MsalError, requests.RequestException, ValueError, TypeError, AttributeError, LookupError)

# Each attempt may take as long as its time-out, and azure.core asks for a token before every request.
_COOLDOWN_SECONDS = 60


def entra_unavailable(authority: str, exc: Exception) -> Unavailable:
    """Return the problem that one of ``MSAL_ERRORS`` means; MSAL tells an unknown tenant no better than nonsense."""
    what = f"{type(exc).__name__} (if it stays: is this a tenant, and in this cloud?)"
    return Unavailable(f"Entra ID does not answer as it should at {authority}: {what}")


def entra_refusal(authority: str, answer: Mapping[str, Any]) -> Misconfigured:
    """Return the problem that Entra ID's error means: an operator finds the AADSTS code in its reference.

    Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    """
    return Misconfigured(f"Entra ID refuses the app in {authority}: {answer.get('error')} {error_codes(answer)}")


def error_codes(answer: Mapping[str, Any]) -> str:
    """Return the AADSTS codes of an error, separated by commas.

    Raises:
        TypeError: the answer is not what Entra ID sends.
    """
    return ", ".join(f"AADSTS{code}" for code in answer.get("error_codes", []))


class AppCredential:
    """An app registration's credential in one tenant.

    A token is replaced at half of its life, because Graph stops delivering when the token expires with which a
    subscription was last renewed. While no other token can be fetched, the old one is used until it expires.

    Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
    """

    def __init__(
        self,
        settings: Settings,
        tenant_id: str,
        secret: Callable[[], str | Mapping[str, str]],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._authority = f"{settings.login_url}/{tenant_id}"
        self._secret = secret
        self._now = now
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, ...], AccessTokenInfo] = {}

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        """Return a token for ``scopes``.

        Raises:
            Misconfigured: Entra ID refuses the app; the text has the AADSTS code.
            Unavailable: Entra ID does not answer.
        """
        token = self.get_token_info(*scopes)
        return AccessToken(token.token, token.expires_on)

    def get_token_info(self, *scopes: str, options: object = None) -> AccessTokenInfo:  # noqa: ARG002  azure.core's name
        """Return a token for ``scopes``, and when to ask for the next one.

        Raises:
            Misconfigured, Unavailable: as ``get_token``.
        """
        with self._lock:
            token = self._tokens.get(scopes)
            if token is None or self._now() >= (token.refresh_on or 0):
                token = self._tokens[scopes] = self._replace(token, scopes)
            return token

    def _replace(self, old: AccessTokenInfo | None, scopes: tuple[str, ...]) -> AccessTokenInfo:
        try:
            return self._fetch(scopes)
        except Problem:
            now = int(self._now())
            if old is None or now >= old.expires_on:
                raise
            refresh_on = min(now + _COOLDOWN_SECONDS, old.expires_on)
            return AccessTokenInfo(old.token, old.expires_on, refresh_on=refresh_on)

    def _fetch(self, scopes: tuple[str, ...]) -> AccessTokenInfo:
        now = int(self._now())
        try:
            # A new application each time: MSAL would return a token from its cache until five minutes before its end.
            application = msal.ConfidentialClientApplication(
                self._settings.client_id,
                client_credential=self._secret(),
                authority=self._authority,
                instance_discovery=self._settings.instance_discovery,
                timeout=TIMEOUT_SECONDS,
            )
            answer = application.acquire_token_for_client(list(scopes))
            if "access_token" in answer:
                life = int(answer["expires_in"])
                return AccessTokenInfo(answer["access_token"], now + life, refresh_on=now + life // 2)
            refusal = entra_refusal(self._authority, answer)
        except MSAL_ERRORS as exc:
            raise entra_unavailable(self._authority, exc) from exc
        raise refusal


def graph_credential(settings: Settings, tenant_id: str, certificate: Callable[[], Certificate]) -> TokenCredential:
    """Return the credential that the settings ask for; ``certificate`` is called for each token."""
    if settings.client_secret is not None:
        secret = settings.client_secret
        return AppCredential(settings, tenant_id, lambda: secret)
    if settings.client_certificate_name is not None:
        return AppCredential(settings, tenant_id, lambda: _client_certificate(certificate()))
    # A managed identity belongs to one tenant; AZURE_CLIENT_ID chooses between several identities.
    return ManagedIdentityCredential(connection_timeout=1, read_timeout=2)


def _client_certificate(certificate: Certificate) -> Mapping[str, str]:
    key = certificate.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = certificate.certificate.public_bytes(Encoding.PEM)
    return {"private_key": key.decode("ascii"), "public_certificate": public.decode("ascii")}
