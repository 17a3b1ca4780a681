"""What is posted: kinds of notifications, each POST with items that no other one has."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.posts import Addressee, message_item
from tests.sender import basic_item, body

type MakeItem = Callable[[Addressee, int], dict[str, Any]]
"""Returns the item that has a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """POSTs of ``items`` items each; ``query`` is that of the URL which Graph was given for them."""

    name: str
    item: MakeItem
    items: int = 1
    query: str = ""

    def post(self, addressee: Addressee, numbers: Sequence[int], token: str) -> bytes:
        """Return the POST of the items that have these numbers, with Graph's validation token."""
        return body(*(self.item(addressee, number) for number in numbers), tokens=[token])


def member_item(addressee: Addressee, number: int) -> dict[str, Any]:
    """Return a new member of a chat, of which each has twenty.

    Source: https://learn.microsoft.com/graph/api/resources/aaduserconversationmember
    """
    member_id = f"MCMjMCMj{number:032x}"
    content = {
        "id": member_id,
        "@odata.type": "#microsoft.graph.aadUserConversationMember",
        "roles": ["owner"],
        "displayName": "Ada Lovelace",
        "visibleHistoryStartDateTime": "0001-01-01T00:00:00Z",
        "userId": f"{number:08x}-efb3-4757-924a-5f94061cf8c2",
        "email": f"ada{number}@contoso.example",
        "tenantId": addressee.tenant_id,
    }
    path = f"chats('19:{number // 20:032x}@thread.v2')/members('{member_id}')"
    return _item(addressee, path, "aadUserConversationMember", content)


def team_item(addressee: Addressee, number: int) -> dict[str, Any]:
    """Return a team that was renamed.

    Source: https://learn.microsoft.com/graph/api/resources/team
    """
    team_id = f"{number:08x}-efb3-4757-924a-5f94061cf8c2"
    content = {
        "id": team_id,
        "createdDateTime": "2026-11-21T18:13:12.105Z",
        "displayName": f"Team {number}",
        "description": "Everything about the bridge",
        "visibility": "private",
        "isArchived": False,
        "tenantId": addressee.tenant_id,
    }
    return _item(addressee, f"teams('{team_id}')", "team", content) | {"changeType": "updated"}


def fetched_item(resources: Mapping[int, str]) -> MakeItem:
    """Return what makes items without content, of messages that are at Graph: ``resources`` by number."""

    def item(addressee: Addressee, number: int) -> dict[str, Any]:
        path = resources[number]
        data = {"id": path.split("'")[-2], "@odata.type": "#Microsoft.Graph.chatMessage", "@odata.id": path}
        common = {"tenantId": addressee.tenant_id, "clientState": addressee.client_state}
        return basic_item(**common, resource=path, resourceData=data)

    return item


def _item(addressee: Addressee, path: str, type_name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return basic_item(
        tenantId=addressee.tenant_id,
        clientState=addressee.client_state,
        resource=path,
        resourceData={"id": content["id"], "@odata.type": f"#Microsoft.Graph.{type_name}", "@odata.id": path},
        encryptedContent=addressee.sender.encrypted(json.dumps(content, ensure_ascii=False).encode()),
    )


MESSAGE = Kind(name="message", item=message_item)
TEN_MESSAGES = Kind(name="ten messages", item=message_item, items=10)
MEMBER = Kind(name="member", item=member_item)
TEAM = Kind(name="team", item=team_item)
