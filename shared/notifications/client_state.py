"""Client states: they prove that an item belongs to a subscription that this app created in the item's tenant.

The app signs a client state when it creates a subscription, and Graph repeats it in every item.

Source: https://learn.microsoft.com/graph/api/resources/subscription (clientState)
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import NewType

from shared.errors import InvalidClientState
from shared.notifications.collection import ChangeNotification
from shared.settings import ClientStateKey

# Source: https://learn.microsoft.com/graph/api/resources/subscription (clientState)
MAX_CLIENT_STATE = 128

AuthenticNotification = NewType("AuthenticNotification", ChangeNotification)
"""An item whose client state this app has signed for the item's tenant."""


def sign_client_state(key: ClientStateKey, *, nonce: bytes, tenant_id: str) -> str:
    """Return ``v1.<key id>.<nonce>.<mac>``, at most ``MAX_CLIENT_STATE`` characters for a nonce of 16 bytes."""
    prefix = f"v1.{key.key_id}.{_base64url(nonce)}"
    return f"{prefix}.{_client_state_mac(key, prefix, tenant_id)}"


def authenticate(
    notification: ChangeNotification, *, keys: Sequence[ClientStateKey], tenant_ids: Sequence[str]
) -> AuthenticNotification:
    """Return ``notification`` once its tenant is one of ``tenant_ids`` and its client state is valid.

    Raises:
        InvalidClientState: this app does not serve the tenant, or did not sign the client state for it.
    """
    if notification.tenant_id not in tenant_ids:
        raise InvalidClientState("the tenant is not in TENANT_IDS")
    state = notification.client_state
    if state is None or len(state) > MAX_CLIENT_STATE or not state.isascii():
        raise InvalidClientState("the client state is missing or not signed by this app")
    prefix, _, mac = state.rpartition(".")
    for key in keys:
        if prefix.startswith(f"v1.{key.key_id}."):
            expected = _client_state_mac(key, prefix, notification.tenant_id)
            if hmac.compare_digest(expected.encode(), mac.encode()):
                return AuthenticNotification(notification)
    raise InvalidClientState("the client state is missing or not signed by this app")


def _client_state_mac(key: ClientStateKey, prefix: str, tenant_id: str) -> str:
    return _base64url(hmac.digest(key.secret, f"{prefix}.{tenant_id}".encode(), hashlib.sha256))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
