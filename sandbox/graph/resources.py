"""Graph's GETs of the things that notifications are about, for apps that get only their ids.

Sources: https://learn.microsoft.com/en-us/graph/api/chat-get, https://learn.microsoft.com/en-us/graph/api/chatmessage-get,
https://learn.microsoft.com/en-us/graph/api/team-get, https://learn.microsoft.com/en-us/graph/api/channel-get
"""

from aiohttp import web

from sandbox.graph.access import require, shown
from sandbox.graph.api import Parts
from sandbox.graph.errors import Refused
from sandbox.graph.paths import bind, segments

_CHAT_MEMBERS = (
    "ChatMember.Read.All",
    "ChatMember.ReadWrite.All",
    "Chat.ReadBasic.All",
    "Chat.Read.All",
    "Chat.ReadWrite.All",
)
_CHANNEL_MESSAGES = ("ChannelMessage.Read.All", "Group.Read.All", "Group.ReadWrite.All")
_CHANNEL = "teams/{team}/channels/{channel}"
_PERMISSIONS = {
    "chats/{chat}": ("Chat.ReadBasic.All", "Chat.Read.All", "Chat.ReadWrite.All"),
    "chats/{chat}/messages/{message}": ("Chat.Read.All", "Chat.ReadWrite.All"),
    "chats/{chat}/members/{member}": _CHAT_MEMBERS,
    "teams/{team}": ("Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All"),
    "teams/{team}/members/{member}": ("TeamMember.Read.All", "TeamMember.ReadWrite.All"),
    _CHANNEL: ("Channel.ReadBasic.All", "ChannelSettings.Read.All", "ChannelSettings.ReadWrite.All"),
    f"{_CHANNEL}/messages/{{message}}": _CHANNEL_MESSAGES,
    f"{_CHANNEL}/messages/{{message}}/replies/{{reply}}": _CHANNEL_MESSAGES,
    f"{_CHANNEL}/members/{{member}}": ("ChannelMember.Read.All", "ChannelMember.ReadWrite.All"),
}


class ResourcesApi:
    """The handler of everything below ``/chats`` and ``/teams``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def get(self, request: web.Request) -> web.Response:
        """Answer one thing as it is now, in any spelling of its path."""
        path = segments(request.match_info["path"])
        permissions = _permissions(path)
        kind = "messages" if path[-2] == "replies" else path[-2]
        who = self._parts.admit(request, kind, resource="/".join(path[: 4 if path[2:3] == ("channels",) else 2]))
        require(who, permissions)
        entity = self._parts.teams.get(path, tenant_id=who.tenant_id)
        if entity is None:
            raise Refused(404, "NotFound", "NotFound")
        expanded = request.query.get("$expand", "").split(",")
        context = f"https://graph.microsoft.com/{request.match_info['version']}/$metadata#{path[-2]}/$entity"
        return web.json_response({"@odata.context": context} | shown(entity, path[-2], expanded))


def _permissions(path: tuple[str, ...]) -> tuple[str, ...]:
    for template, permissions in _PERMISSIONS.items():
        if bind(template, path) is not None:
            return permissions
    raise Refused(400, "BadRequest", f"Resource not found for the segment '{path[-1]}'.")
