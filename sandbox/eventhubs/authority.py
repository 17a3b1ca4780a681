"""Who may send: tokens of Entra ID, or signatures made with the namespace's key.

Sources: https://learn.microsoft.com/azure/event-hubs/authorize-access-azure-active-directory
and https://learn.microsoft.com/azure/event-hubs/authorize-access-shared-access-signature
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

from sandbox.clock import Clock

AUDIENCE = "https://eventhubs.azure.net"
KEY_NAME = "RootManageSharedAccessKey"

type Claims = Callable[[str, str], dict[str, Any] | None]
"""Returns the claims of an ``Authorization`` header for an audience, or None."""


@dataclass(slots=True, kw_only=True)
class Authority:
    """Checks the tokens of one namespace's only hub.

    ``senders`` have the role Azure Event Hubs Data Sender, by client id; None is everyone with a token.
    """

    hub: str
    clock: Clock
    claims: Claims | None
    senders: Collection[str] | None = None
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode(), repr=False)

    def refusal(self, token_type: object, audience: object, token: object) -> tuple[int, str] | None:
        """Return the status and the text with which a ``put-token`` is refused, or None if it is accepted."""
        if not isinstance(audience, str) or not isinstance(token, str):
            return 400, "The request has no name or no token."
        if urlsplit(audience).path != f"/{self.hub}":
            return 404, f"The messaging entity '{audience}' could not be found."
        accepted = {"jwt": self._is_token_good, "servicebus.windows.net:sastoken": self._is_signature_good}
        if not isinstance(token_type, str) or token_type not in accepted:
            return 400, f"The token type {token_type!r} is not supported."
        if not accepted[token_type](token, audience):
            return 401, "Unauthorized access. 'Send' claim(s) are required to perform this operation."
        return None

    def _is_token_good(self, token: str, _audience: str) -> bool:
        if self.claims is None:
            return False
        # Clients ask for the scope https://eventhubs.azure.net//.default: the audience has the slash, or has not.
        found = self.claims(f"Bearer {token}", AUDIENCE) or self.claims(f"Bearer {token}", f"{AUDIENCE}/")
        return found is not None and (self.senders is None or found["appid"] in self.senders)

    def _is_signature_good(self, token: str, audience: str) -> bool:
        parts = {name: values[0] for name, values in parse_qs(token.partition(" ")[2]).items()}
        if parts.get("sr") != audience or parts.get("skn") != KEY_NAME or not parts.get("se", "").isdecimal():
            return False
        text = f"{quote_plus(audience)}\n{parts['se']}".encode()
        signature = base64.b64encode(hmac.digest(self.key.encode(), text, hashlib.sha256)).decode()
        expires = int(parts["se"])
        return hmac.compare_digest(parts.get("sig", ""), signature) and expires > self.clock.outside().timestamp()
