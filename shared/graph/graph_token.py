"""The token that requests to Graph carry, and when it expires: Graph delivers no longer than that of the last renewal.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from azure.core.credentials import AccessToken, TokenCredential

from shared.azure_calls import CLIENT_ERRORS, as_unavailable


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class GraphToken:
    """A credential's token; when it expires is told by ``now``, but the credential goes by the machine's clock."""

    credential: TokenCredential
    scope: str
    now: Callable[[], datetime] = _utc_now
    _newest: tuple[str, datetime] | None = field(default=None, init=False)

    def text(self) -> str:
        """Return the credential's current token; raises as a request to Graph does."""
        return self._fetch().token

    def expires_at(self) -> datetime:
        """Return when the credential's current token expires; raises as a request to Graph does."""
        token = self._fetch()
        if self._newest is None or self._newest[0] != token.token:
            self._newest = (token.token, self.now() + timedelta(seconds=token.expires_on - time.time()))
        return self._newest[1]

    def _fetch(self) -> AccessToken:
        try:
            return self.credential.get_token(self.scope)
        # A managed identity's; those of an app registration and of a user are problems already.
        except CLIENT_ERRORS as exc:
            raise as_unavailable("the managed identity", exc) from exc
