"""The host's HTTP side: requests into invocations and back, with the real host's codes and quirks, and its admin API.

Sources: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger
https://github.com/Azure/azure-functions-host (ToRpcHttp: what of a request reaches a function)
"""

import json
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDict

from sandbox.host.invocations import Invoker
from sandbox.host.keys import Keys
from sandbox.host.routes import Match, Routes
from sandbox.host.runtime import HttpAnswer, HttpCall
from sandbox.host.timers import Timers

# Kestrel's limit; a longer body is answered with 500.  Source: https://github.com/Azure/azure-functions-host/issues/10519
DEFAULT_BODY_LIMIT_BYTES = 104_857_600

# aiohttp writes the framing of its own answer.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


class Web:
    """One app's HTTP functions, and ``/admin`` beside them."""

    def __init__(self, routes: Routes, timers: Timers, invoker: Invoker, *, keys: Keys, body_limit_bytes: int) -> None:
        self._routes = routes
        self._timers = timers
        self._invoker = invoker
        self._keys = keys
        self._body_limit_bytes = body_limit_bytes

    def application(self) -> web.Application:
        """Return the application that answers every path."""
        # The limit is ours: aiohttp would answer 413.
        app = web.Application(client_max_size=0)
        app.router.add_get("/admin/host/status", self._status)
        app.router.add_post("/admin/functions/{name}", self._fire)
        app.router.add_route("*", "/admin{path:(/.*)?}", self._unknown)
        app.router.add_route("*", "/{path:.*}", self._function)
        return app

    async def _function(self, request: web.Request) -> web.Response:
        match = self._routes.find(request.method, request.path)
        if match is None:
            # A wrong method is an unknown route, not a 405.
            return web.Response(status=404)
        if not self._keys.admit(_key(request), match.trigger.auth_level):
            return web.Response(status=401)
        if (request.content_length or 0) > self._body_limit_bytes:
            return web.Response(status=500)
        outcome = await self._invoker.invoke(match.function, await _call(request, match))
        if outcome.error is not None:
            return web.Response(status=500)
        return web.Response(status=204) if outcome.answer is None else _response(outcome.answer)

    async def _fire(self, request: web.Request) -> web.Response:
        """Run a timer function by hand.

        Source: https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
        """
        if not self._keys.admit(_key(request), "admin"):
            return web.Response(status=401)
        if request.content_type != "application/json":
            return web.Response(status=415)
        try:
            json.loads(await request.read())
        except ValueError:
            return web.Response(status=400)
        return web.Response(status=202 if self._timers.fire(request.match_info["name"]) else 404)

    async def _status(self, request: web.Request) -> web.Response:
        """Whoever waits for the host to be ready asks here.

        Source: https://github.com/Azure/azure-functions-host/wiki/Admin-API
        """
        if not self._keys.admit(_key(request), "admin"):
            return web.Response(status=401)
        return web.json_response({"id": "sandbox", "state": "Running", "version": "4.0.0.0"})

    async def _unknown(self, request: web.Request) -> web.Response:
        """Refuse whoever has no key before telling what there is not."""
        return web.Response(status=404 if self._keys.admit(_key(request), "admin") else 401)


def _key(request: web.Request) -> str:
    return request.headers.get("x-functions-key") or request.query.get("code", "")


async def _call(request: web.Request, match: Match) -> HttpCall:
    path, _, query = request.raw_path.partition("?")
    return HttpCall(
        method=request.method,
        url=f"{request.scheme}://{request.host}{path}{'?' + query if query else ''}",
        headers=_joined((name.lower(), value) for name, value in request.headers.items()),
        query={name: value for name, value in _query(query).items() if value},
        route_params=match.params,
        # The host copies a body only if its length was announced: a chunked one reaches the function empty.
        # Source: https://github.com/Azure/azure-functions-host/issues/4926
        body=await request.read() if request.content_length else b"",
    )


def _query(query: str) -> dict[str, str]:
    """Names are compared without regard to case; the first spelling is the one that the function sees."""
    spelling: dict[str, str] = {}
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    return _joined((spelling.setdefault(name.lower(), name), value) for name, value in pairs)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ",".join(found) for name, found in values.items()}


def _response(answer: HttpAnswer) -> web.Response:
    headers = CIMultiDict(_kept(answer.headers))
    headers.extend(("Set-Cookie", cookie) for cookie in answer.cookies)
    return web.Response(status=answer.status, headers=headers, body=answer.body)


def _kept(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in _FRAMING]
