"""Client states: they prove that an item belongs to a subscription that this app created in the item's tenant.

The app signs a client state when it creates a subscription, and Graph repeats it in every item. An item with any other
client state is not ours: Graph mixes the items of several apps and tenants that use one URL into one POST.

Source: https://learn.microsoft.com/graph/api/resources/subscription (clientState)
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NewType

from msgspec import Raw

from shared.notifications.collection import ChangeNotification
from shared.notifications.properties import Fields, ObjectReader, is_loggable, text_or_none
from shared.settings import ClientStateKey

# Source: https://learn.microsoft.com/graph/api/resources/subscription (clientState)
MAX_CLIENT_STATE = 128

_SIGNED = ObjectReader("clientState", "tenantId", "organizationId")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticItem:
    """An item whose client state this app has signed for its tenant, as received; only ``authenticate`` creates one.

    ``tenant_id`` is in lower case.
    """

    tenant_id: str
    raw: Raw = field(repr=False)


AuthenticNotification = NewType("AuthenticNotification", ChangeNotification)
"""The notification in an ``AuthenticItem``."""


def sign_client_state(key: ClientStateKey, *, nonce: bytes, tenant_id: str) -> str:
    """Return ``v1.<key id>.<nonce>.<mac>``, at most ``MAX_CLIENT_STATE`` characters for a nonce of 16 bytes."""
    prefix = f"v1.{key.key_id}.{_base64url(nonce)}"
    return f"{prefix}.{_client_state_mac(key, prefix, tenant_id).decode()}"


def possible_keys(body: bytes, *, keys: Sequence[ClientStateKey]) -> Sequence[ClientStateKey]:
    """Return ``keys`` if one of them may have signed an item in ``body``, or none: so a stranger's need not be read."""
    # The ids are hex digits, which no JSON encoder escapes.
    return keys if any(key.key_id.encode() in body for key in keys) else ()


def authenticate(raw: Raw, *, keys: Sequence[ClientStateKey]) -> AuthenticItem | None:
    """Return the item in ``raw`` if its client state is valid for its tenant, or None: it is not ours.

    It raises nothing, because an error costs more than an item, and anyone can post 10,000 of them.
    """
    fields = _SIGNED.read_or_none(raw) if keys else None
    state = text_or_none(fields.get("clientState")) if fields else None
    if not fields or not state or len(state) > MAX_CLIENT_STATE:
        return None
    prefix, _, mac = state.rpartition(".")
    for key in keys:
        if prefix.startswith(f"v1.{key.key_id}."):
            tenant_id = _tenant_id(fields)
            if tenant_id and hmac.compare_digest(_client_state_mac(key, prefix, tenant_id), mac.encode()):
                return AuthenticItem(tenant_id=tenant_id, raw=raw)
    return None


def _tenant_id(fields: Fields) -> str | None:
    # Some lifecycle, presence and meeting notifications have organizationId instead.
    tenant_id = text_or_none(fields.get("tenantId")) or text_or_none(fields.get("organizationId"))
    return tenant_id.lower() if tenant_id and is_loggable(tenant_id) else None


def notification_in(item: AuthenticItem) -> AuthenticNotification:
    """Return the notification in ``item``; raise Malformed if it lacks a property that Graph documents."""
    return AuthenticNotification(ChangeNotification.from_json(item.raw, tenant_id=item.tenant_id))


# Graph repeats the client state of a subscription in each item. These are 4,096 subscriptions, about 1 MB.
@lru_cache(maxsize=4096)
def _client_state_mac(key: ClientStateKey, prefix: str, tenant_id: str) -> bytes:
    return _base64url(hmac.digest(key.secret, f"{prefix}.{tenant_id}".encode(), hashlib.sha256)).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
