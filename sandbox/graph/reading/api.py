"""How does Graph answer a GET below ``/chats``, ``/teams`` and ``/users``? With one item, or with a page of a list.

Sources: https://learn.microsoft.com/en-us/graph/api/chat-get, https://learn.microsoft.com/en-us/graph/paging,
https://learn.microsoft.com/en-us/graph/delta-query-overview
"""

from urllib.parse import quote

from aiohttp import web

from sandbox.graph.api import Parts
from sandbox.graph.errors import Refused
from sandbox.graph.paths import bind, segments
from sandbox.graph.reading.link_tokens import Paging
from sandbox.graph.reading.pages import page_of, page_of_changes
from sandbox.graph.reading.query import Asked, Listing, read_options, shown
from sandbox.graph.reading.resources import ITEMS, find_list
from sandbox.teams import Path


class ReadingApi:
    """The handler of every item and list."""

    def __init__(self, parts: Parts, paging: Paging) -> None:
        self._parts = parts
        self._paging = paging

    def routes(self) -> list[web.RouteDef]:
        """Return what is served under both versions."""
        return [web.get(r"/{version:v1\.0|beta}/{path:(?:chats|teams|users).*}", self.get)]

    async def get(self, request: web.Request) -> web.Response:
        """Answer in any spelling of the path: that of an item and that of a list do not differ in form."""
        path = segments(request.match_info["path"])
        row = find_list(path)
        context, body = self._item(request, path) if row is None else self._page(request, path, row)
        context = f"https://graph.microsoft.com/{request.match_info['version']}/$metadata#{context}"
        return web.json_response({"@odata.context": context} | body)

    def _item(self, request: web.Request, path: Path) -> tuple[str, dict[str, object]]:
        permissions = next((held for template, held in ITEMS.items() if bind(template, path) is not None), None)
        if permissions is None:
            raise Refused(400, "BadRequest", f"Resource not found for the segment '{path[-1]}'.")
        throttle = "messages" if path[-2] == "replies" else path[-2]
        who = self._parts.admit(request, throttle, resource="/".join(path[: 4 if path[2:3] == ("channels",) else 2]))
        who.require(permissions)
        entity = self._parts.teams.get(path, tenant_id=who.tenant_id)
        if entity is None:
            raise Refused(404, "NotFound", "NotFound")
        return f"{path[-2]}/$entity", shown(entity, path[-2], request.query.get("$expand", "").split(","))

    def _page(self, request: web.Request, path: Path, row: Listing) -> tuple[str, dict[str, object]]:
        who = self._parts.admit(request, row.throttle, resource="/".join(path[: row.per_resource]))
        who.require(row.permissions if who.user_id is None else ())
        asked = Asked(
            teams=self._parts.teams,
            tenant_id=who.tenant_id,
            path=path,
            options=read_options(request.query, row),
            address=f"{request.url.origin()}{request.rel_url.raw_path}",
            paging=self._paging,
        )
        for end, name in enumerate(row.template.split("/"), start=1):
            if name.startswith("{") and not asked.teams.exists(path[:end], tenant_id=who.tenant_id):
                raise Refused(404, "NotFound", "NotFound")
        page = page_of_changes if row.is_delta else page_of
        return row.context or _spelled(path), page(asked, row)


def _spelled(path: Path) -> str:
    keyed = [f"{name}('{quote(key, safe='')}')" for name, key in zip(path[:-1:2], path[1::2], strict=True)]
    return "/".join([*keyed, path[-1]])
