"""Entra ID and a Key Vault on loopback, and the environment in which the real clients find them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.clock import Clock
from sandbox.entra import Application, Entra
from sandbox.keyvault import KeyVault
from sandbox.keyvault.certificates import KeyPair, self_signed
from sandbox.rsa_keys import KeySource
from sandbox.serving import Service
from sandbox.tls import Tls
from tests.sandbox.background import running
from tests.sandbox.used_keys import used_keys

TENANT = "2bcd9dfb-6a66-4236-98f9-e8fe4a675323"
OTHER_TENANT = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
IDENTITY = "f3f1a0f4-6b0c-4b0e-9ed4-7ad6d7d3a5c1"
OTHER_IDENTITY = "5a1e35a5-2a1d-4f1e-8a4d-0d5a5f0e9b11"
CLIENT_ID = "8e460676-ae3f-4b1e-8790-ee0fb5d6148f"
SECRET = "correct horse battery staple"
UNKNOWN = "00000000-0000-0000-0000-00000000dead"
GRAPH = "https://graph.microsoft.com"
SCOPES = [f"{GRAPH}/.default"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginServices:
    clock: Clock
    entra: Entra
    vault: KeyVault
    login: Service
    vault_service: Service
    tls: Tls
    key_source: KeySource

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that Graph accepts."""
        claims = self.entra.access_claims(f"Bearer {token}", GRAPH)
        assert claims is not None
        return claims

    def key_pair(self, name: str) -> KeyPair:
        return self_signed(name, self.key_source(2048), now=self.clock.now())

    def token_request(self, *, tenant: str = TENANT, **changes: str) -> requests.Response:
        """Post a token request without MSAL: a good one, but for the changes; an empty value leaves a field out."""
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": SECRET}
        body = {name: value for name, value in (form | {"scope": SCOPES[0]} | changes).items() if value}
        return requests.post(f"{self.login.url}/{tenant}/oauth2/v2.0/token", data=body, timeout=5)

    def identity_request(self, **changes: str) -> requests.Response:
        """Ask for a managed identity's token without azure-identity: as above."""
        query = {"resource": GRAPH, "api-version": "2019-08-01"} | changes
        headers = {"X-IDENTITY-HEADER": self.entra.identity_header}
        query = {name: value for name, value in query.items() if value}
        return requests.get(f"{self.login.url}/msi/token", params=query, headers=headers, timeout=5)

    def vault_request(self, method: str, path: str, *, resource: str = "", **more: Any) -> requests.Response:
        """Ask the vault without the SDK, with a token for the vault or for another ``resource``."""
        vault = f"https://0.0.1:{self.vault_service.url.rpartition(':')[2]}"
        token = self.identity_request(resource=resource or vault).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        return requests.request(method, f"{self.vault_service.url}/secrets/{path}", headers=bearer, timeout=5, **more)


@contextmanager
def login_services(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginServices]:
    clock, tls, keys = Clock(), Tls(folder), used_keys()
    entra = Entra(clock, key_source=keys)
    roles = ("Chat.Read.All", "ChannelMessage.Read.All")
    entra.register(Application(client_id=CLIENT_ID, tenant_ids=(TENANT, OTHER_TENANT), secret=SECRET, roles=roles))
    entra.system_identity = Application(client_id=IDENTITY, tenant_ids=(TENANT,), roles=("Chat.Read.All",))
    vault = KeyVault(entra, clock, key_source=keys)
    login, vault_service = Service(entra.app, tls), Service(vault.app, tls)
    with running(login, vault_service):
        for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_TOKEN_CREDENTIALS"):
            monkeypatch.delenv(name, raising=False)
        environment = {"IDENTITY_ENDPOINT": f"{login.url}/msi/token", "IDENTITY_HEADER": entra.identity_header}
        for name, value in (tls.environment() | environment).items():
            monkeypatch.setenv(name, value)
        yield LoginServices(
            clock=clock, entra=entra, vault=vault, login=login, vault_service=vault_service, tls=tls, key_source=keys
        )
