"""Rich POSTs as Graph makes them, with a message of some size in each item, made before the clock runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.sender import Sender, basic_item, body

# An ordinary message of Teams, with its identities and mentions, is 2 to 4 KB of JSON.
PARAGRAPH = "<p>Grüße aus Köln, und bis morgen um neun! 👋</p>"
PARAGRAPHS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """The app that a POST is for, as Graph knows it."""

    sender: Sender
    client_id: str
    tenant_id: str
    client_state: str


def post(addressee: Addressee, *, first: int, items: int) -> bytes:
    """Return a POST of ``items`` messages, of which ``first`` is the first one's number."""
    token = addressee.sender.token(tenant_id=addressee.tenant_id, audience=addressee.client_id)
    return body(*(message_item(addressee, number) for number in range(first, first + items)), tokens=[token])


def message_item(addressee: Addressee, number: int) -> dict[str, Any]:
    """Return a message that was sent."""
    message = _message(number)
    resource = f"chats('{message['chatId']}')/messages('{message['id']}')"
    return basic_item(
        tenantId=addressee.tenant_id,
        clientState=addressee.client_state,
        resource=resource,
        resourceData={"id": message["id"], "@odata.type": "#Microsoft.Graph.chatMessage", "@odata.id": resource},
        encryptedContent=addressee.sender.encrypted(json.dumps(message, ensure_ascii=False).encode()),
    )


def _message(number: int) -> Mapping[str, Any]:
    """Return a ``chatMessage``.

    Source: https://learn.microsoft.com/graph/api/resources/chatmessage
    """
    message_id = str(1_612_289_992_105 + number)
    user = {"id": "8ea0e38b-efb3-4757-924a-5f94061cf8c2", "displayName": "Ada Lovelace", "userIdentityType": "aadUser"}
    return {
        "@odata.context": "https://graph.microsoft.com/$metadata#chats('19%3Ameeting')/messages/$entity",
        "id": message_id,
        "replyToId": None,
        "etag": message_id,
        "messageType": "message",
        "createdDateTime": "2026-11-21T18:13:12.105Z",
        "lastModifiedDateTime": "2026-11-21T18:13:12.105Z",
        "lastEditedDateTime": None,
        "deletedDateTime": None,
        "importance": "normal",
        "locale": "en-us",
        "chatId": "19:8ea0e38b-efb3-4757-924a-5f94061cf8c2_97f62344-57dc-409c-88ad-c4af14158ff5@unq.gbl.spaces",
        "from": {"application": None, "device": None, "user": user},
        "body": {"contentType": "html", "content": PARAGRAPH * PARAGRAPHS},
        "attachments": [],
        "mentions": [{"id": 0, "mentionText": "Alan Turing", "mentioned": {"user": user | {"displayName": "Alan"}}}],
        "reactions": [],
    }
