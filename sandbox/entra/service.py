"""Entra ID as the rest of the sandbox sees it: an application to serve, and tokens to issue and to verify."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.clock import Clock
from sandbox.entra.device_codes import DeviceCodes
from sandbox.entra.device_page import DevicePage
from sandbox.entra.directory import Account, Application, Directory
from sandbox.entra.endpoints import Endpoints
from sandbox.entra.keys import SigningKeys
from sandbox.entra.managed_identity import ManagedIdentity
from sandbox.entra.refused import refusals
from sandbox.entra.sessions import Sessions
from sandbox.entra.tokens import Tokens
from sandbox.entra.users import UserGrants
from sandbox.rsa_keys import KeySource, fresh_key

_ACCESS_TOKEN_LIFETIME = timedelta(seconds=3599)


class Entra:
    """Entra ID of several tenants, and the managed-identity endpoint of one function app.

    Tokens expire by the sandbox's clock, but the clients that cache them live by the real one: a test that moves the
    clock past ``access_token_lifetime`` needs fresh clients, or a longer lifetime.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        access_token_lifetime: timedelta = _ACCESS_TOKEN_LIFETIME,
        key_source: KeySource = fresh_key,
    ) -> None:
        self._directory = Directory()
        self._keys = SigningKeys(clock, key_source)
        self._tokens = Tokens(clock, self._keys, lifetime=access_token_lifetime)
        self._managed_identity = ManagedIdentity(self._directory, self._tokens, clock)
        self._codes = DeviceCodes(clock)
        self._sessions = Sessions(clock)
        users = UserGrants(self._directory, self._tokens, self._codes, self._sessions)
        self.app = web.Application(middlewares=[refusals(clock)])
        self.app.add_routes(self._managed_identity.routes())
        self.app.add_routes(DevicePage(self._directory, self._codes).routes())
        self.app.add_routes(Endpoints(self._directory, self._keys, self._tokens, users).routes())

    @property
    def identity_header(self) -> str:
        """What ``IDENTITY_HEADER`` has to be for ``IDENTITY_ENDPOINT`` = ``{url}/msi/token``."""
        return self._managed_identity.header

    @property
    def system_identity(self) -> Application:
        """The system-assigned managed identity; the Key Vault lives in the first of its tenants."""
        return self._directory.system_identity

    @system_identity.setter
    def system_identity(self, identity: Application) -> None:
        self._directory.system_identity = identity

    @property
    def skew(self) -> timedelta:
        """By how much the clock that dates tokens is fast, or slow where it is negative; five minutes are harmless."""
        return self._tokens.skew

    @skew.setter
    def skew(self, skew: timedelta) -> None:
        self._tokens.skew = skew

    @property
    def signing_key(self) -> rsa.RSAPrivateKey:
        """The private key that signs the tokens of the moment."""
        return self._keys.current.private_key

    @property
    def kid(self) -> str:
        """The id of the signing key of the moment."""
        return self._keys.current.kid

    def register(self, application: Application) -> None:
        """Add an application; one without secret and certificate is a user-assigned managed identity."""
        self._directory.register(application)

    def add_account(self, account: Account) -> None:
        """Add a user, who can then be chosen on the page that ``verification_uri`` names."""
        self._directory.add_account(account)

    def approve(self, user_code: str, account: Account) -> None:
        """Sign a user in with a code that a device shows.

        Raises:
            KeyError: no sign-in with that code is waiting.
        """
        self._codes.approve(user_code, account)

    def decline(self, user_code: str) -> None:
        """Refuse a sign-in as the user whom a device asked.

        Raises:
            KeyError: no sign-in with that code is waiting.
        """
        self._codes.decline(user_code)

    def revoke_sessions(self, object_id: str) -> None:
        """End a user's sessions: refresh tokens are refused, access tokens live on until they expire.

        Source: https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions
        """
        self._sessions.revoke(object_id)

    def challenge(self, object_id: str) -> None:
        """Ask for a second factor at the user's next refresh, which no refresh can show: the user has to sign in."""
        self._sessions.challenge(object_id)

    def rotate_signing_key(self, *, retire_old: bool = False) -> str:
        """Sign with a fresh key and return its id; the old keys stay published unless retired."""
        return self._keys.rotate(retire_old=retire_old).kid

    def validation_token(
        self,
        *,
        audience: str,
        tenant_id: str,
        version: Literal["1.0", "2.0"],
        overrides: Mapping[str, object] | None = None,
    ) -> str:
        """Return the token that Graph Change Tracking attaches to rich notifications for the app ``audience``.

        ``overrides`` replaces claims, or removes those that it maps to None. The life is 86,700 s.
        Source: https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data
        """
        return self._tokens.validation_token(
            audience=audience, tenant_id=tenant_id, version=version, overrides=overrides
        )

    def access_claims(self, authorization_header: str, audience: str) -> dict[str, Any] | None:
        """Return the claims of a bearer token issued here, for exactly that audience and alive; else None."""
        scheme, _, token = authorization_header.partition(" ")
        return self._tokens.verified(token.strip(), audience) if scheme.lower() == "bearer" else None
