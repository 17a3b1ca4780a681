"""What Graph refuses when a subscription is created, each rule a row; the sources are at the rules."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.sandbox.graph_keys import as_sent, certificate, rsa_key
from tests.sandbox.graph_world import CHAT, GUID, GraphWorld, error

pytestmark = pytest.mark.slow


LONG = {"clientState": "x" * 129}
BAD_BASE64 = "Certificate validation error: Invalid length for a Base-64 char array or string."
NO_OBJECT = "Certificate validation error: Cannot find the requested object."
GOOD = as_sent(certificate(rsa_key(2048)))
BARE_KEY = base64.b64encode(
    rsa_key(2048).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
EC = as_sent(certificate(ec.generate_private_key(ec.SECP256R1())))


def sealed(encoded: Any, **more: Any) -> dict[str, Any]:
    return {"includeResourceData": True, "encryptionCertificate": encoded, "encryptionCertificateId": "c"} | more


REFUSALS: list[tuple[str, dict[str, Any], int, str]] = [
    *(
        (f"no {name}", {name: None}, 400, f"{name} is a required property for subscription creation")
        for name in ("changeType", "notificationUrl", "resource", "expirationDateTime")
    ),
    ("http", {"notificationUrl": "http://127.0.0.1/hook"}, 400, "must be an https URL"),
    ("http lifecycle", {"lifecycleNotificationUrl": "http://127.0.0.1/"}, 400, "must be an https URL"),
    ("no host", {"notificationUrl": "https:///hook"}, 400, "must be an https URL"),
    ("event hub", {"notificationUrl": "EventHub:https://a.vault.azure.net/secrets/b?tenantId=c"}, 400, "https URL"),
    ("no string", {"resource": 7}, 400, "must be a string"),
    ("unknown property", {"colour": "red"}, 400, "'colour' is not valid"),
    ("web push", {"vapidPublicKey": "x"}, 400, "'vapidPublicKey' is not valid"),
    ("client state", LONG, 400, "clientState must not exceed 128 characters"),
    ("tls", {"latestSupportedTlsVersion": "v1_4"}, 400, "latestSupportedTlsVersion"),
    ("absolute resource", {"resource": "https://graph.microsoft.com/v1.0/chats"}, 400, "is not supported"),
    ("path typo", {"resource": f"/teams/{GUID}/channel/x/messages"}, 400, "is not supported"),
    ("bad chat id", {"resource": f"/chats/{CHAT.replace('@', '#')}/messages"}, 400, "is not supported"),
    ("query option", {"resource": "/chats/getAllMessages?$top=5"}, 400, "query option 'top' is not supported"),
    ("user context only", {"resource": f"/chats/{CHAT}?notifyOnUserSpecificProperties=true"}, 400, "not supported"),
    ("other filter", {"resource": f"/chats/{CHAT}/messages?$filter=subject eq 'x'"}, 400, "filter is not supported"),
    ("unknown chat", {"resource": f"/chats/{CHAT}/messages"}, 404, "There is no chats/"),
    ("unknown user", {"resource": f"/users/{GUID}/chats/getAllMessages"}, 404, "There is no users/"),
    ("change type", {"changeType": "created,changed"}, 400, "is invalid"),
    ("twice", {"changeType": "created,created"}, 400, "is invalid"),
    ("chats are never deleted", {"resource": "/chats", "changeType": "deleted"}, 400, "'deleted' is not supported"),
    ("members of chats", {"resource": "/chats/getAllMembers", "changeType": "updated"}, 400, "'updated' is not"),
    ("one chat", {"resource": f"/chats/{CHAT}", "changeType": "created"}, 400, "'created' is not supported"),
    ("one team", {"resource": f"/teams/{GUID}", "changeType": "created"}, 400, "'created' is not supported"),
    ("no offset", {"expirationDateTime": "2099-01-01T00:00:00"}, 400, "expected type"),
    ("no time", {"expirationDateTime": "tomorrow"}, 400, "expected type"),
    ("too long", {"expirationDateTime": "2099-01-01T00:00:00Z"}, 400, "can only be 4320 minutes in the future"),
    ("past", {"expirationDateTime": "2020-01-01T00:00:00Z"}, 400, "in the future"),
    ("rich nothing", sealed(None), 400, "Certificate validation error: Certificate cannot be empty"),
    ("rich empty", sealed(""), 400, "Certificate validation error: Certificate cannot be empty"),
    ("rich PEM", sealed(f"-----BEGIN CERTIFICATE-----\n{GOOD}"), 400, BAD_BASE64),
    ("rich two lines", sealed(f"{GOOD[:64]}\n{GOOD[64:]}"), 400, BAD_BASE64),
    ("rich cut", sealed(GOOD[:-1]), 400, BAD_BASE64),
    ("rich no X.509", sealed(BARE_KEY), 400, NO_OBJECT),
    ("rich ssh-rsa", sealed("AAAAB3NzaC1yc2EAAAADAQAB"), 400, NO_OBJECT),
    ("rich EC", sealed(EC), 400, "must be an RSA key"),
    ("rich 1,024 bits", sealed(as_sent(certificate(rsa_key(1024)))), 400, "2048 to 4096 bits"),
    ("rich no id", sealed(GOOD, encryptionCertificateId=None), 400, "encryptionCertificateId is a required"),
    ("rich long id", sealed(GOOD, encryptionCertificateId="x" * 129), 400, "must not exceed 128"),
    ("rich flag", sealed(GOOD, includeResourceData="yes"), 400, "must be a Boolean"),
    (
        "rich unsupported",
        sealed(GOOD, resource="/communications/callRecords", changeType="created"),
        400,
        "callRecord workload is not enabled for rich notifications.",
    ),
]


@pytest.mark.parametrize(
    ("changes", "status", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_bad_request_is_refused_in_graphs_words(
    stern: GraphWorld, changes: dict[str, Any], status: int, message: str
) -> None:
    stern.graph.throttle.enabled = False
    stern.receiver.handshakes.clear()
    answered, code, text = error(stern.call("POST", "v1.0/subscriptions", stern.body(**changes)))
    assert (answered, code) == (status, "ExtensionError" if status == 404 else "InvalidRequest")
    assert message in text
    assert stern.receiver.handshakes == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b"\xff\xfe"])
def test_body_that_is_not_a_json_object_is_a_bad_request(stern: GraphWorld, data: bytes) -> None:
    answer = stern.call("POST", "v1.0/subscriptions", data=data)
    assert error(answer)[:2] == (400, "BadRequest")


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
def test_address_that_graph_does_not_have_is_400(stern: GraphWorld, method: str) -> None:
    assert stern.call(method, "v1.0/subscription").status_code == 400
