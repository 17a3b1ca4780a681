"""Tokens for Microsoft Graph: MSAL with the app registration's secret or certificate, or a managed identity.

Source: https://learn.microsoft.com/entra/msal/python/
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msal
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential
from azure.identity import ManagedIdentityCredential
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.certificates import Certificate
from shared.entra_calls import NO_ANSWER, TIMEOUT_SECONDS, refused, unanswered
from shared.errors import Problem
from shared.settings import Settings

# Each attempt may take as long as a time-out does, and azure.core makes one before every request.
_COOLDOWN_SECONDS = 60.0


class AppCredential:
    """An app registration's credential in one tenant.

    Graph delivers as long as the token lives with which a subscription was last renewed, so a token is replaced at half
    of its life: MSAL would hand it out until five minutes before its end. While no other can be had, it is still good.

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
        self._application: Any = None
        self._half_life = 0
        self._ask_again_at = float("-inf")

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        """Return a token for ``scopes``.

        Raises:
            Misconfigured: Entra ID refuses the app; the AADSTS code tells why.
            Unavailable: Entra ID does not answer.
        """
        token = self.get_token_info(*scopes)
        return AccessToken(token.token, token.expires_on)

    def get_token_info(self, *scopes: str, options: object = None) -> AccessTokenInfo:  # noqa: ARG002  azure.core's name
        """Return a token for ``scopes`` with the moment from which on another one is to be asked for.

        Raises:
            Misconfigured, Unavailable: as ``get_token``.
        """
        with self._lock:
            kept = self._kept(scopes)
            if kept is not None and self._now() < max(self._ask_again_at, kept.expires_on - self._half_life):
                return self._with_refresh(kept)
            try:
                return self._with_refresh(self._fetched(scopes))
            except Problem:
                if kept is None:
                    raise
                self._ask_again_at = self._now() + _COOLDOWN_SECONDS
                return self._with_refresh(kept)

    def _with_refresh(self, token: AccessToken) -> AccessTokenInfo:
        refresh_on = int(max(token.expires_on - self._half_life, self._ask_again_at))
        return AccessTokenInfo(token.token, token.expires_on, refresh_on=refresh_on)

    def _kept(self, scopes: Sequence[str]) -> AccessToken | None:
        """Return the token that MSAL has; it fetches one itself when that has five minutes left."""
        if self._application is None:
            return None
        try:
            return self._asked(self._application, scopes)
        except Problem:
            return None

    def _fetched(self, scopes: Sequence[str]) -> AccessToken:
        # MSAL offers no way to replace a token that is good: an application of its own has none.
        try:
            application = self._connect()
        except NO_ANSWER as exc:
            raise unanswered(self._authority, exc) from exc
        token = self._asked(application, scopes)
        self._application = application
        self._half_life = int(token.expires_on - time.time()) // 2
        return token

    def _asked(self, application: Any, scopes: Sequence[str]) -> AccessToken:
        try:
            answer = application.acquire_token_for_client(list(scopes))
            if "access_token" in answer:
                return AccessToken(answer["access_token"], int(time.time()) + int(answer["expires_in"]))
            refusal = refused(self._authority, answer)
        except NO_ANSWER as exc:
            raise unanswered(self._authority, exc) from exc
        raise refusal

    def _connect(self) -> Any:
        return msal.ConfidentialClientApplication(
            self._settings.client_id,
            client_credential=self._secret(),
            authority=self._authority,
            instance_discovery=self._settings.instance_discovery,
            timeout=TIMEOUT_SECONDS,
        )


def graph_credential(settings: Settings, tenant_id: str, certificate: Callable[[], Certificate]) -> TokenCredential:
    """Return the credential that the settings ask for; ``certificate`` fetches the app's own when it is needed."""
    if settings.client_secret is not None:
        secret = settings.client_secret
        return AppCredential(settings, tenant_id, lambda: secret)
    if settings.client_certificate_name is not None:
        return AppCredential(settings, tenant_id, lambda: _client_certificate(certificate()))
    # A managed identity has one tenant, its own; AZURE_CLIENT_ID chooses among several, as everywhere in Azure.
    return ManagedIdentityCredential(connection_timeout=1, read_timeout=2)


def _client_certificate(certificate: Certificate) -> Mapping[str, str]:
    key = certificate.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = certificate.certificate.public_bytes(Encoding.PEM)
    return {"private_key": key.decode("ascii"), "public_certificate": public.decode("ascii")}
