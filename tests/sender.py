"""Graph's side of a POST, as values: items, tokens and bodies, good unless a test asks otherwise."""

import json
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from msgspec import Raw

from sandbox.entra import Entra
from sandbox.graph.encryption import encrypt
from shared.notifications.client_state import AuthenticNotification, authenticate, notification_in, sign_client_state
from shared.notifications.collection import ChangeNotification, EncryptedContent
from shared.settings import ClientStateKey

TENANT = "2bcd9dfb-6a66-4236-98f9-e8fe4a675323"
OTHER_TENANT = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
STRANGER = "99999999-9999-4999-8999-999999999999"
CLIENT_ID = "8e460676-ae3f-4b1e-8790-ee0fb5d6148f"
SUBSCRIPTION = "10493aa0-4d29-4df5-bc0c-ef742cc6cd7f"
CHAT = "19:8ea0e38b-efb3-4757-924a-5f94061cf8c2_97f62344-57dc-409c-88ad-c4af14158ff5@unq.gbl.spaces"
MESSAGE = f"chats('{CHAT}')/messages('1612289992105')"

STATE_KEY_TEXT = "the key that signs client states in these tests"
PREVIOUS_STATE_KEY_TEXT = "the key that signed client states before it"
STATE_KEY = ClientStateKey.from_text(STATE_KEY_TEXT)
PREVIOUS_STATE_KEY = ClientStateKey.from_text(PREVIOUS_STATE_KEY_TEXT)
FOREIGN_STATE_KEY = ClientStateKey.from_text("a key that this app has never been given")
NONCE = bytes(range(16))

# What no id, path or change type is.
NOT_SHORT_TEXT: tuple[Any, ...] = (7, [], {}, "x" * 4097, "a\r\nb", "\u2028", "\x00")

CONTENT = {"id": "1612289992105", "etag": "1612289992105", "body": {"contentType": "text", "content": "Grüße 👋"}}
PLAINTEXT = json.dumps(CONTENT, ensure_ascii=False).encode()


def client_state(tenant_id: str = TENANT, key: ClientStateKey = STATE_KEY) -> str:
    return sign_client_state(key, nonce=NONCE, tenant_id=tenant_id)


def basic_item(**changes: Any) -> dict[str, Any]:
    item = {
        "subscriptionId": SUBSCRIPTION,
        "changeType": "created",
        "tenantId": TENANT,
        "clientState": client_state(),
        "subscriptionExpirationDateTime": "2099-11-24T10:30:34.9097561+00:00",
        "resource": MESSAGE,
        "resourceData": {"id": "1612289992105", "@odata.type": "#Microsoft.Graph.chatMessage", "@odata.id": MESSAGE},
    }
    return item | changes


def pascal_case(name: str) -> str:
    return name[:1].upper() + name[1:]


def raw(value: Any) -> Raw:
    """Return ``value`` as it is received, as a part of a body; a lone surrogate becomes a question mark."""
    return Raw(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def authentic(item: dict[str, Any]) -> AuthenticNotification:
    """Return the notification in ``item``, which one of the two keys has signed; else raise ValueError."""
    found = authenticate(raw(item), keys=[STATE_KEY, PREVIOUS_STATE_KEY])
    if found is None:
        raise ValueError("not ours")
    return notification_in(found)


def unsigned(item: dict[str, Any]) -> AuthenticNotification:
    """Return the notification in ``item``, for tests of what follows its client state's check."""
    return AuthenticNotification(ChangeNotification.from_json(raw(item), tenant_id=item["tenantId"]))


def received_content(content: dict[str, Any]) -> EncryptedContent:
    """Return ``encryptedContent`` as it is received in an item."""
    encrypted = authentic(basic_item(encryptedContent=content)).encrypted_content
    if encrypted is None:
        raise ValueError("no content")
    return encrypted


def body(*items: Any, tokens: Any = ()) -> bytes:
    """Return a POST body; without tokens when there are none, as Graph does for basic notifications."""
    document: dict[str, Any] = {"value": list(items)}
    if tokens != ():
        document["validationTokens"] = tokens
    return json.dumps(document).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What differs between tests of values and of a running app: who signs tokens, and the certificate."""

    entra: Entra
    certificate: x509.Certificate
    certificate_id: str

    def token(self, version: str = "2.0", *, tenant_id: str = TENANT, audience: str = CLIENT_ID, **claims: Any) -> str:
        return self.entra.validation_token(
            audience=audience, tenant_id=tenant_id, version="1.0" if version == "1.0" else "2.0", overrides=claims
        )

    def encrypted(self, plaintext: bytes = PLAINTEXT, **changes: Any) -> dict[str, Any]:
        return encrypt(plaintext, self.certificate, self.certificate_id) | changes

    def rich_item(self, **changes: Any) -> dict[str, Any]:
        return basic_item(**({"encryptedContent": self.encrypted()} | changes))

    def unknown_item(self) -> dict[str, Any]:
        """Return an item encrypted for an unknown certificate."""
        return self.rich_item(encryptedContent=self.encrypted(encryptionCertificateId="f" * 32))

    def rich_body(self, *items: Any) -> bytes:
        return body(*(items or (self.rich_item(),)), tokens=[self.token()])
