"""The tokens that Entra issues, their claims, and the check that Microsoft's own services make on them.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import jwt

from sandbox.clock import Clock
from sandbox.entra.directory import Account, Application
from sandbox.entra.keys import SigningKeys

# "Microsoft Graph Change Tracking", the application that signs in to yours when Graph notifies it.
# Source: https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data
CHANGE_TRACKING_APP_ID = "0bf30f3b-4a52-48df-9a82-234910c4a086"
# The resource whose tokens stand in for an application's secret; a version 2.0 token has its application id.
# Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
EXCHANGE_APP_ID = "fb60f99c-7a34-4190-8149-302f77469936"
# Entra dates its tokens back, so that clocks that run late accept them; hence lives of 3,900 and 86,700 s.
_BACKDATING = timedelta(minutes=5)
_VALIDATION_TOKEN_LIFETIME = timedelta(days=1)
_MAX_SEEN = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Who gets a token, for what, and how they proved who they are (1: with a secret, 2: with a certificate)."""

    application: Application
    tenant_id: str
    resource: str
    proof: Literal["1", "2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGrant:
    """Which user signed in to which application, and what it may do in the user's name (0: without a credential)."""

    account: Account
    application: Application
    resource: str
    scopes: tuple[str, ...]
    proof: Literal["0", "1", "2"]


class Tokens:
    """Issues and verifies tokens, by the sandbox's clock."""

    def __init__(self, clock: Clock, keys: SigningKeys, *, lifetime: timedelta) -> None:
        self.lifetime = lifetime
        self.skew = timedelta()
        """By how much the clock that dates tokens is fast, or slow where it is negative."""
        self._clock = clock
        self._keys = keys
        self._seen: dict[tuple[str, str], tuple[str | None, dict[str, Any]]] = {}

    def now(self) -> datetime:
        """Return the time by which tokens and credentials end."""
        return self._clock.now()

    def access_token(self, grant: Grant) -> str:
        """Return a version 1.0 token, the version that Graph and Key Vault take; 2.0 for the token exchange."""
        times = _times(self._clock.now() + self.skew, self.lifetime)
        claims = _exchange(grant) if grant.resource == EXCHANGE_AUDIENCE else _access(grant)
        return self._sign(times | _common(grant.tenant_id) | claims)

    def delegated_token(self, grant: UserGrant) -> str:
        """Return a version 1.0 token with which an application acts for a user."""
        times = _times(self._clock.now() + self.skew, self.lifetime)
        return self._sign(times | _common(grant.account.tenant_id) | _delegated(grant))

    def id_token(self, account: Account, client_id: str) -> str:
        """Return the token by which a client knows who has signed in.

        Source: https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
        """
        # Clients read it, and compare it with their own time.
        times = _times(self._clock.outside(), self.lifetime)
        who = {"aud": client_id, "preferred_username": account.username, "ver": "2.0"}
        issuer = {"iss": f"https://login.microsoftonline.com/{account.tenant_id}/v2.0"}
        return self._sign(times | _common(account.tenant_id) | _user(account, client_id) | who | issuer)

    def validation_token(
        self,
        *,
        audience: str,
        tenant_id: str,
        version: Literal["1.0", "2.0"],
        overrides: Mapping[str, object] | None = None,
    ) -> str:
        """Return what Graph attaches to rich notifications for the app ``audience``.

        ``overrides`` replaces claims, or removes those that it maps to None. The life is 86,700 s.
        Source: https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data
        """
        times = _times(self._clock.now() + self.skew, _VALIDATION_TOKEN_LIFETIME)
        caller = _caller_v1(tenant_id) if version == "1.0" else _caller_v2(tenant_id)
        claims = {"aud": audience} | times | _common(tenant_id) | caller | dict(overrides or {})
        return self._sign({name: value for name, value in claims.items() if value is not None})

    def verified(self, token: str, audience: str) -> dict[str, Any] | None:
        """Return the claims of a token that was issued here, for that audience, and is valid; else None."""
        # To look at a signature takes longer than all else that is done about most requests.
        kid, claims = self._seen.get((token, audience)) or self._read(token, audience)
        if claims is None or self._keys.find(kid) is None:
            return None
        if len(self._seen) >= _MAX_SEEN:
            self._seen.clear()
        self._seen[token, audience] = (kid, claims)
        return dict(claims) if claims["nbf"] <= self._clock.now().timestamp() < claims["exp"] else None

    def is_signed(self, token: str, audience: str) -> bool:
        """Return whether a token was issued here for that audience, whatever the time."""
        return self._read(token, audience)[1] is not None

    def _read(self, token: str, audience: str) -> tuple[str | None, dict[str, Any] | None]:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.find(kid)
            if key is None:
                return kid, None
            public_key = key.private_key.public_key()
            return kid, jwt.decode(token, public_key, algorithms=["RS256"], audience=audience, options=_NO_TIMES)
        except (jwt.InvalidTokenError, UnicodeError):  # PyJWT lets the latter through for tokens that are no ASCII
            return None, None

    def _sign(self, claims: dict[str, Any]) -> str:
        key = self._keys.current
        return jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": key.kid, "x5t": key.kid})


# PyJWT would compare with the real clock; the sandbox's is compared afterwards.
_NO_TIMES: Any = {"require": ["exp", "nbf"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}


def _times(now: datetime, lifetime: timedelta) -> dict[str, Any]:
    issued = int((now - _BACKDATING).timestamp())
    return {"iat": issued, "nbf": issued, "exp": int((now + lifetime).timestamp())}


def _common(tenant_id: str) -> dict[str, Any]:
    return {
        "aio": secrets.token_urlsafe(24),
        "rh": f"1.{secrets.token_urlsafe(24)}.",
        "tid": tenant_id,
        "uti": secrets.token_urlsafe(16),
    }


def _access(grant: Grant) -> dict[str, Any]:
    object_id = grant.application.object_id(grant.tenant_id)
    roles = {"roles": list(grant.application.roles)} if grant.application.roles else {}
    return roles | {
        "aud": grant.resource,
        "iss": f"https://sts.windows.net/{grant.tenant_id}/",
        "appid": grant.application.client_id,
        "appidacr": grant.proof,
        "idp": f"https://sts.windows.net/{grant.tenant_id}/",
        "idtyp": "app",
        "oid": object_id,
        "sub": object_id,
        "ver": "1.0",
    }


def _exchange(grant: Grant) -> dict[str, Any]:
    object_id = grant.application.object_id(grant.tenant_id)
    caller = {"azp": grant.application.client_id, "azpacr": grant.proof, "idtyp": "app"}
    issuer = {"aud": EXCHANGE_APP_ID, "iss": f"https://login.microsoftonline.com/{grant.tenant_id}/v2.0"}
    return caller | issuer | {"oid": object_id, "sub": object_id, "ver": "2.0"}


def _delegated(grant: UserGrant) -> dict[str, Any]:
    account = grant.account
    issuer = f"https://sts.windows.net/{account.tenant_id}/"
    app = {"aud": grant.resource, "appid": grant.application.client_id, "appidacr": grant.proof}
    names = {"unique_name": account.username, "upn": account.username, "scp": " ".join(grant.scopes)}
    kind = {"acr": "1", "amr": ["pwd"], "idtyp": "user", "iss": issuer, "ver": "1.0"}
    return _user(account, grant.application.client_id) | app | names | kind


def _user(account: Account, client_id: str) -> dict[str, Any]:
    # The subject differs from application to application, so that two of them cannot compare their users.
    subject = str(uuid5(NAMESPACE_URL, f"{account.object_id}/{client_id}"))
    return {"name": account.name, "oid": account.object_id, "sub": subject}


def _caller_v1(tenant_id: str) -> dict[str, Any]:
    issuer = f"https://sts.windows.net/{tenant_id}/"
    caller = {"appid": CHANGE_TRACKING_APP_ID, "appidacr": "2", "idp": issuer}
    return _change_tracking(tenant_id) | caller | {"iss": issuer, "ver": "1.0"}


def _caller_v2(tenant_id: str) -> dict[str, Any]:
    issuer = f"https://login.microsoftonline.com/{tenant_id}/v2.0"
    caller = {"azp": CHANGE_TRACKING_APP_ID, "azpacr": "2"}
    return _change_tracking(tenant_id) | caller | {"iss": issuer, "ver": "2.0"}


def _change_tracking(tenant_id: str) -> dict[str, Any]:
    object_id = Application(client_id=CHANGE_TRACKING_APP_ID, tenant_ids=(tenant_id,)).object_id(tenant_id)
    return {"oid": object_id, "sub": object_id}
