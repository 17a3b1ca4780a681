"""Graph's HTTP side of lists: pages with links to the next one, and delta queries with links to what comes later.

Sources: https://learn.microsoft.com/en-us/graph/paging, https://learn.microsoft.com/en-us/graph/delta-query-overview
"""

from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.graph.access import require
from sandbox.graph.api import Parts
from sandbox.graph.errors import Refused
from sandbox.graph.listing import options
from sandbox.graph.listing.catalogue import find
from sandbox.graph.listing.delta import page_of_changes
from sandbox.graph.listing.pages import page_of
from sandbox.graph.listing.paging import Paging
from sandbox.graph.listing.places import can_see
from sandbox.graph.listing.row import Asked, Listing
from sandbox.graph.paths import segments
from sandbox.teams import Path


class ListsApi:
    """The handler of every list; what is none goes to ``otherwise``."""

    def __init__(self, parts: Parts, paging: Paging, *, otherwise: Handler) -> None:
        self._parts = parts
        self._paging = paging
        self._otherwise = otherwise

    def routes(self) -> list[web.RouteDef]:
        """Return what is served under both versions."""
        return [web.get(r"/{version:v1\.0|beta}/{path:(?:chats|teams|users).*}", self.get)]

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer one page, in any spelling of its path."""
        path = segments(request.match_info["path"])
        row = find(path)
        if row is None:
            return await self._otherwise(request)
        who = self._parts.admit(request, row.throttle, resource="/".join(path[: row.per_resource]))
        require(who, row.application if who.user_id is None else row.delegated)
        asked = Asked(
            teams=self._parts.teams,
            who=who,
            path=path,
            options=options.read(request.query, row),
            address=f"{request.url.origin()}{request.rel_url.raw_path}",
            paging=self._paging,
        )
        _check_place(asked, row)
        page = page_of_changes(asked, row) if row.is_delta else page_of(asked, row)
        context = (
            f"https://graph.microsoft.com/{request.match_info['version']}/$metadata#{row.context or _spelled(path)}"
        )
        return web.json_response({"@odata.context": context} | page)


def _check_place(asked: Asked, row: Listing) -> None:
    if asked.path[0] == "users":
        _check_user(asked)
    elif len(asked.path) > 1:
        for end, name in enumerate(row.template.split("/"), start=1):
            there = asked.teams.exists(asked.path[:end], tenant_id=asked.who.tenant_id) if name[0] == "{" else True
            if not there:
                raise Refused(404, "NotFound", "NotFound")
        if not can_see(asked, asked.path):
            raise Refused(403, "Forbidden", "The user is no member of what the request is about.")


def _check_user(asked: Asked) -> None:
    # Everybody may list the people of the tenant, and one's own chats.
    if len(asked.path) > 1 and asked.who.user_id not in {None, asked.user_id()}:
        raise Refused(403, "Forbidden", "The user may not look at the chats of somebody else.")


def _spelled(path: Path) -> str:
    keyed = [f"{name}('{quote(key, safe='')}')" for name, key in zip(path[:-1:2], path[1::2], strict=True)]
    return "/".join([*keyed, path[-1]])
