"""Who calls Graph: an application in a tenant, proven by its access token.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.graph.errors import Refused

AUDIENCE = "https://graph.microsoft.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An application, the tenant it acts in, and what it may do there until its token ends."""

    application_id: str
    tenant_id: str
    object_id: str
    roles: frozenset[str]
    token_expires_at: datetime

    def may(self, permissions: Iterable[str]) -> bool:
        """Return whether the token holds one of the permissions."""
        return not self.roles.isdisjoint(permissions)


def caller(claims: Mapping[str, Any] | None) -> Caller:
    """Return who a verified access token stands for.

    Raises:
        Refused: with 401, there was no valid token.
    """
    if claims is None:
        raise Refused(401, "InvalidAuthenticationToken", "Access token is missing, expired or not meant for Graph.")
    return Caller(
        application_id=claims["appid"],
        tenant_id=claims["tid"],
        object_id=claims["oid"],
        roles=frozenset(claims.get("roles", ())),
        token_expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )
