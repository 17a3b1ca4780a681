"""Tokens for Microsoft Graph: MSAL with what the app registration trusts, or a managed identity.

Source: https://learn.microsoft.com/entra/msal/python/ and
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msal
import requests
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msal.exceptions import MsalError

from shared.errors import Misconfigured, Problem, Unavailable
from shared.identity.certificates import Certificate
from shared.settings import Settings

TIMEOUT_SECONDS = 10

# MSAL does not translate the errors of requests, nor those of indexing into a response that it did not expect.
MSAL_ERRORS = (
    MsalError,
    requests.RequestException,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    RecursionError,  # of JSON, nested too deeply
)

# azure.core asks for a token before every request, and each failing attempt may last until its timeout.
_COOLDOWN_SECONDS = 60


def entra_unavailable(authority: str, exc: Exception) -> Unavailable:
    """Return the problem for one of ``MSAL_ERRORS``; to MSAL, an unknown tenant looks like a malformed response."""
    hint = "if this persists, check the tenant id and the cloud"
    return Unavailable(f"Entra ID does not answer as documented at {authority}: {type(exc).__name__} ({hint})")


def entra_refusal(authority: str, answer: Mapping[str, Any]) -> Misconfigured:
    """Return the problem for an error response of Entra ID; operators can look up its AADSTS codes.

    Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    """
    return Misconfigured(f"Entra ID refuses the app in {authority}: {answer.get('error')} {error_codes(answer)}")


def error_codes(answer: Mapping[str, Any]) -> str:
    """Return the AADSTS codes of an error response, separated by commas; raises TypeError if it is malformed."""
    return ", ".join(f"AADSTS{code}" for code in answer.get("error_codes", []))


class AppCredential:
    """An app registration's credential in one tenant.

    A token is replaced after half its lifetime, because Graph stops delivering when the token expires that last renewed
    the subscription. If no new token can be fetched, the old one is used until it expires.

    The methods raise Misconfigured (Entra ID refuses the app; the text has the AADSTS code) and Unavailable.

    Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
    """

    def __init__(
        self,
        settings: Settings,
        tenant_id: str,
        secret: Callable[[], str | Mapping[str, Any]],
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
        """Return a token for ``scopes``."""
        token = self.get_token_info(*scopes)
        return AccessToken(token.token, token.expires_on)

    def get_token_info(self, *scopes: str, options: object = None) -> AccessTokenInfo:  # noqa: ARG002  azure.core's name
        """Return a token for ``scopes``, and when to ask for the next one."""
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
            # A new application each time: MSAL would return its cached token until five minutes before it expires.
            application = msal.ConfidentialClientApplication(
                self._settings.client_id,
                client_credential=self._secret(),
                authority=self._authority,
                instance_discovery=self._settings.instance_discovery,
                timeout=TIMEOUT_SECONDS,
            )
            answer = application.acquire_token_for_client(list(scopes))
            if "access_token" in answer:
                lifetime = int(answer["expires_in"])
                return AccessTokenInfo(answer["access_token"], now + lifetime, refresh_on=now + lifetime // 2)
            refusal = entra_refusal(self._authority, answer)
        except MSAL_ERRORS as exc:
            raise entra_unavailable(self._authority, exc) from exc
        raise refusal


def graph_credential(settings: Settings, tenant_id: str, certificate: Callable[[], Certificate]) -> TokenCredential:
    """Return the credential that the settings select; ``certificate`` is called for each token."""
    if settings.federated_identity is not None:
        assertion = partial(_assertion, _managed_identity(settings.federated_identity), settings)
        # MSAL calls it for each request for a token: what it returned before may have expired.
        return AppCredential(settings, tenant_id, lambda: {"client_assertion": assertion})
    if settings.client_secret is not None:
        secret = settings.client_secret
        return AppCredential(settings, tenant_id, lambda: secret)
    if settings.client_certificate_name is not None:
        return AppCredential(settings, tenant_id, lambda: _client_certificate(certificate()))
    # A managed identity belongs to one tenant. It does not read AZURE_CLIENT_ID, which names one of several.
    return _managed_identity(settings.managed_identity)


def _managed_identity(client_id: str | None) -> ManagedIdentityCredential:
    return ManagedIdentityCredential(client_id=client_id, connection_timeout=1, read_timeout=2)


def _assertion(identity: ManagedIdentityCredential, settings: Settings) -> str:
    """Return the managed identity's token that proves to Entra ID that this is the app."""
    try:
        return str(identity.get_token(f"{settings.cloud.exchange_audience}/.default").token)
    except (AzureError, *MSAL_ERRORS) as exc:
        # Whether the app lacks the identity or its endpoint is down, azure-identity raises the same.
        raise Unavailable(
            f"no token of the managed identity {settings.federated_identity} in FEDERATED_IDENTITY_CLIENT_ID: "
            f"assign it to the Function App if it is not (a laptop has none) ({type(exc).__name__})"
        ) from exc


def _client_certificate(certificate: Certificate) -> Mapping[str, str]:
    key = certificate.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = certificate.certificate.public_bytes(Encoding.PEM)
    return {"private_key": key.decode("ascii"), "public_certificate": public.decode("ascii")}
