"""Who calls Graph, and what may they do? An application in a tenant, for itself or for a signed-in user, by its token.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.graph.errors import Refused
from sandbox.graph.subscription import Subscription

AUDIENCE = "https://graph.microsoft.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An application, the tenant it acts in, and what it may do there until its token ends.

    With ``user_id`` it acts for a user, and may do what the delegated permissions in ``scopes`` say.
    """

    application_id: str
    tenant_id: str
    object_id: str
    roles: frozenset[str]
    token_expires_at: datetime
    user_id: str | None = None
    scopes: frozenset[str] = frozenset()

    def may(self, permissions: Iterable[str]) -> bool:
        """Return whether the token holds one of the permissions."""
        held = self.roles if self.user_id is None else self.scopes
        return not held.isdisjoint(permissions)

    def require(self, permissions: Sequence[str]) -> None:
        """Look whether the token holds one of the permissions; without any, no caller of this kind may.

        Raises:
            Refused: with 403; it names what is needed and what there is.
        """
        if self.may(permissions):
            return
        is_app = self.user_id is None
        if not permissions:
            context = "application-only" if is_app else "delegated"
            raise Refused(403, "Forbidden", f"Requested API is not supported in {context} context.")
        kind, held = ("role", self.roles) if is_app else ("scope", self.scopes)
        raise Refused(
            403,
            "Forbidden",
            f"Missing {kind} permissions on the request. API requires one of '{', '.join(permissions)}'. "
            f"{kind.capitalize()}s on the request '{', '.join(sorted(held))}'.",
        )

    def sees(self, subscription: Subscription) -> bool:
        """Return whether a subscription is one of those that this caller can list, read and change.

        They are those of the app, for itself or for any user; for a user's app, those that it made for this user.
        Source: https://learn.microsoft.com/en-us/graph/api/subscription-list
        """
        if (subscription.application_id, subscription.tenant_id) != (self.application_id, self.tenant_id):
            return False
        return self.user_id is None or self.user_id == subscription.user_id


def caller(claims: Mapping[str, Any] | None) -> Caller:
    """Return who a verified access token stands for.

    Raises:
        Refused: with 401, there was no valid token.
    """
    if claims is None:
        raise Refused(401, "InvalidAuthenticationToken", "Access token is missing, expired or not meant for Graph.")
    is_user = claims.get("idtyp") == "user"
    return Caller(
        application_id=claims["appid"],
        tenant_id=claims["tid"],
        object_id=claims["oid"],
        roles=frozenset(claims.get("roles", ())),
        token_expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        user_id=claims["oid"] if is_user else None,
        scopes=frozenset(claims["scp"].split()) if is_user else frozenset(),
    )
