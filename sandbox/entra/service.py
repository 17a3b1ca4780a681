"""Entra ID as the rest of the sandbox sees it: an application to serve, and tokens to issue and to verify."""

from datetime import timedelta
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.clock import Clock
from sandbox.entra.device_codes import DeviceCodes
from sandbox.entra.device_page import DevicePage
from sandbox.entra.directory import Application, Directory
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
        identity = ManagedIdentity(self._directory, self._tokens, clock)
        codes, sessions = DeviceCodes(clock), Sessions(clock)
        users = UserGrants(self._directory, self._tokens, codes, sessions)
        self.identity_header = identity.header
        """The value of ``IDENTITY_HEADER`` beside ``IDENTITY_ENDPOINT`` = ``{url}/msi/token``."""
        self.app = web.Application(middlewares=[refusals(clock)])
        self.app.add_routes(identity.routes())
        self.app.add_routes(DevicePage(self._directory, codes).routes())
        self.app.add_routes(Endpoints(self._directory, self._keys, self._tokens, users).routes())
        # What an administrator and a user do, who have no endpoint of their own here.
        self.find_application = self._directory.find
        self.register, self.add_account = self._directory.register, self._directory.add_account
        self.approve, self.decline = codes.approve, codes.decline
        self.revoke_sessions, self.challenge = sessions.revoke, sessions.challenge
        self.validation_token = self._tokens.validation_token

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
        """The private key that signs tokens at present."""
        return self._keys.current.private_key

    @property
    def kid(self) -> str:
        """The id of the key that signs tokens at present."""
        return self._keys.current.kid

    def rotate_signing_key(self, *, retire_old: bool = False) -> str:
        """Sign with a fresh key and return its id; the old keys stay published unless retired."""
        return self._keys.rotate(retire_old=retire_old).kid

    def access_claims(self, authorization_header: str, audience: str) -> dict[str, Any] | None:
        """Return the claims of a bearer token issued here, for exactly that audience and alive; else None."""
        scheme, _, token = authorization_header.partition(" ")
        return self._tokens.verified(token.strip(), audience) if scheme.lower() == "bearer" else None
