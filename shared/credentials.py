"""Tokens for Microsoft Graph: MSAL with the app registration's secret or certificate, or a managed identity.

Source: https://learn.microsoft.com/entra/msal/python/
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msal
from azure.core.credentials import AccessToken, TokenCredential
from azure.identity import ManagedIdentityCredential
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.certificates import Certificate
from shared.entra_calls import NO_ANSWER, TIMEOUT_SECONDS, refused, unanswered
from shared.settings import Settings


class AppCredential:
    """An app registration's credential in one tenant; MSAL keeps the token until it is about to expire."""

    def __init__(self, settings: Settings, tenant_id: str, secret: Callable[[], str | Mapping[str, str]]) -> None:
        self._settings = settings
        self._authority = f"{settings.login_url}/{tenant_id}"
        self._secret = secret
        self._lock = threading.Lock()
        self._application: Any = None

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        """Return a token for ``scopes``, as ``azure.core``'s policies ask for it.

        Raises:
            Misconfigured: Entra ID refuses the app; the AADSTS code tells why.
            Unavailable: Entra ID does not answer.
        """
        try:
            with self._lock:
                self._application = self._application or self._connect()
                answer = self._application.acquire_token_for_client(list(scopes))
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
