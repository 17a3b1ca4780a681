"""Client states: they prove that an item belongs to a subscription that this app created in the item's tenant.

The app signs a client state when it creates a subscription, and Graph repeats it in every item. An item with any other
client state is not ours: Graph mixes the items of several apps and tenants that use one URL into one POST.

Source: https://learn.microsoft.com/graph/api/resources/subscription (clientState)
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import NewType

from shared.errors import InvalidClientState
from shared.notifications.collection import ChangeNotification, ReceivedItem
from shared.settings import ClientStateKey

# Source: https://learn.microsoft.com/graph/api/resources/subscription (clientState)
MAX_CLIENT_STATE = 128

AuthenticItem = NewType("AuthenticItem", ReceivedItem)
"""An item whose client state this app has signed for the item's tenant."""

AuthenticNotification = NewType("AuthenticNotification", ChangeNotification)
"""The notification in an ``AuthenticItem``."""


def sign_client_state(key: ClientStateKey, *, nonce: bytes, tenant_id: str) -> str:
    """Return ``v1.<key id>.<nonce>.<mac>``, at most ``MAX_CLIENT_STATE`` characters for a nonce of 16 bytes."""
    prefix = f"v1.{key.key_id}.{_base64url(nonce)}"
    return f"{prefix}.{_client_state_mac(key, prefix, tenant_id)}"


def authenticate(item: ReceivedItem, *, keys: Sequence[ClientStateKey]) -> AuthenticItem:
    """Return ``item`` once its client state is valid for its tenant.

    Raises:
        InvalidClientState: this app did not sign the client state for the tenant.
    """
    state = item.client_state
    if state is None or len(state) > MAX_CLIENT_STATE or not state.isascii():
        raise InvalidClientState("the client state is missing or not signed by this app")
    prefix, _, mac = state.rpartition(".")
    for key in keys:
        if prefix.startswith(f"v1.{key.key_id}."):
            expected = _client_state_mac(key, prefix, item.tenant_id)
            if hmac.compare_digest(expected.encode(), mac.encode()):
                return AuthenticItem(item)
    raise InvalidClientState("the client state is missing or not signed by this app")


def notification_in(item: AuthenticItem) -> AuthenticNotification:
    """Return the notification in ``item``; raise Malformed if it lacks a property that Graph documents."""
    return AuthenticNotification(ChangeNotification.from_json(item.raw))


def _client_state_mac(key: ClientStateKey, prefix: str, tenant_id: str) -> str:
    return _base64url(hmac.digest(key.secret, f"{prefix}.{tenant_id}".encode(), hashlib.sha256))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
