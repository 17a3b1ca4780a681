"""A tenant of a test's own with a user who can sign in, and the logins in Key Vault."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox.entra import Account, Application
from shared.identity.user_login import LoginStore, StoredLogins, UserCredential, sign_in
from shared.settings import Settings
from tests.fakes.identity_services import CERTIFICATE_NAME, CLIENT_SECRET, IDENTITY, IdentityServices
from tests.sender import CLIENT_ID, STATE_KEY_TEXT

TOKENS = "/oauth2/v2.0/token"
METADATA = "openid-configuration"


def account(tenant_id: str, name: str) -> Account:
    return Account(object_id=str(uuid4()), tenant_id=tenant_id, name=name, username=f"{name}@contoso.example")


@dataclass(frozen=True, kw_only=True)
class Login:
    """A tenant of a test's own, its users, and the logins stored for it."""

    outside: IdentityServices
    client: SecretClient
    tenant_id: str
    ann: Account
    shown: list[str] = field(default_factory=list)

    @property
    def application(self) -> Application:
        tenant_ids = (self.tenant_id, *IDENTITY.tenant_ids)
        return Application(
            client_id=CLIENT_ID, tenant_ids=tenant_ids, secret=CLIENT_SECRET, scopes=("Chat.Read",), public_client=True
        )

    @property
    def caches(self) -> LoginStore:
        return LoginStore(self.client)

    @property
    def settings(self) -> Settings:
        return Settings.from_environ(
            {
                "AzureWebJobsStorage": "UseDevelopmentStorage=true",
                "TENANT_IDS": self.tenant_id,
                "CLIENT_ID": CLIENT_ID,
                "CLIENT_STATE_KEY": STATE_KEY_TEXT,
                "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
                "LOGIN_URL": self.outside.login.url,
                "KEY_VAULT_URL": self.outside.vault_service.url,
                "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME,
            }
        )

    def credential(self, caches: StoredLogins | None = None) -> UserCredential:
        return UserCredential(self.settings, self.tenant_id, caches or self.caches)

    def sign_in(self, user: Account | None = None) -> str:
        return self.sign_in_by(lambda code: self.outside.entra.approve(code, user or self.ann))

    def sign_in_by(self, answer: Callable[[str], None]) -> str:
        def show(message: str) -> None:
            self.shown.append(message)
            answer(message.partition("enter the code ")[2].partition(" ")[0])

        return sign_in(self.settings, self.tenant_id, self.caches, show=show)

    def age(self) -> str:
        """Have the access token expire, by MSAL's reckoning, and return the login as stored."""
        stored = json.loads(self.caches.load(self.tenant_id) or "{}")
        for token in stored["AccessToken"].values():
            token["expires_on"] = "0"
        text = json.dumps(stored)
        self.caches.save(self.tenant_id, text)
        return text

    def claims(self, token: str) -> dict[str, Any]:
        claims = self.outside.entra.access_claims(f"Bearer {token}", "https://graph.microsoft.com")
        assert claims is not None
        return claims

    def token_requests(self) -> int:
        return sum(TOKENS in request.path_qs for request in self.outside.login.requests)


@dataclass
class Overtaken:
    """The vault, in which something happens right after the first look."""

    caches: LoginStore
    meanwhile: Callable[[], object]
    looks: int = 0

    def load(self, tenant_id: str) -> str | None:
        stored = self.caches.load(tenant_id)
        self.looks += 1
        if self.looks == 1:
            self.meanwhile()
        return stored

    def save(self, tenant_id: str, text: str) -> None:
        self.caches.save(tenant_id, text)


def refresh_tokens(stored: str | None) -> list[str]:
    assert stored is not None
    return [token["secret"] for token in json.loads(stored)["RefreshToken"].values()]


@contextmanager
def login_of(outside: IdentityServices) -> Iterator[Login]:
    tenant_id = str(uuid4())
    with (
        ManagedIdentityCredential() as identity,
        SecretClient(outside.vault_service.url, identity, retry_total=0) as client,
    ):
        login = Login(outside=outside, client=client, tenant_id=tenant_id, ann=account(tenant_id, "ann"))
        outside.entra.register(login.application)
        yield login
        outside.vault.writers = None
