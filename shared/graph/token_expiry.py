"""When the token expires that the next request carries: Graph delivers no longer than the token of the last renewal.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from azure.core.credentials import TokenCredential

from shared.azure_calls import CLIENT_ERRORS, as_unavailable


@dataclass(slots=True, kw_only=True)
class TokenExpiry:
    """Knows by ``now`` when a credential's token expires; the credential itself goes by the machine's clock."""

    credential: TokenCredential
    scope: str
    now: Callable[[], datetime]
    _newest: tuple[str, datetime] | None = field(default=None, init=False)

    def expires_at(self) -> datetime:
        """Return when the credential's current token expires; raises as a request to Graph does."""
        try:
            token = self.credential.get_token(self.scope)
        except CLIENT_ERRORS as exc:
            raise as_unavailable("Graph", exc) from exc
        if self._newest is None or self._newest[0] != token.token:
            self._newest = (token.token, self.now() + timedelta(seconds=token.expires_on - time.time()))
        return self._newest[1]
