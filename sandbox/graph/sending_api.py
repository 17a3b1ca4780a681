"""How does Graph let a signed-in user write in a chat? By a POST to its messages.

Source: https://learn.microsoft.com/en-us/graph/api/chat-post-messages
"""

import json

from aiohttp import web

from sandbox.graph.api import Parts
from sandbox.graph.errors import Refused, invalid

_PERMISSIONS = ("ChatMessage.Send", "Chat.ReadWrite", "Group.ReadWrite.All")


class SendingApi:
    """The handler of a POST to a chat's messages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        """Return what is served under both versions."""
        return [web.post(r"/{version:v1\.0|beta}/chats/{id}/messages", self.send)]

    async def send(self, request: web.Request) -> web.Response:
        """Answer 201 and the message; an application for itself may only migrate messages, so it is refused."""
        who = self._parts.admit(request, "messages", resource=f"chats/{request.match_info['id']}")
        if who.user_id is None:
            raise Refused(403, "Forbidden", "Requested API is not supported in application-only context.")
        who.require(_PERMISSIONS)
        chat = ("chats", request.match_info["id"])
        users = {user.id: user for user in self._parts.teams.contents.users(who.tenant_id)}
        if who.user_id not in users or not self._parts.teams.can_see(chat, user_id=who.user_id):
            raise Refused(404, "NotFound", "NotFound")
        text = _content(await request.read())
        message = self._parts.teams.messages.send(chat, users[who.user_id], text)
        entity = self._parts.teams.get(message, tenant_id=who.tenant_id)
        return web.json_response(entity, status=201)


def _content(body: bytes) -> str:
    try:
        content = json.loads(body)["body"]["content"]
    except (ValueError, LookupError, TypeError):
        content = None
    if not isinstance(content, str):
        raise invalid("The body of the message is missing.")
    return content
