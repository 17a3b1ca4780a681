"""The host's HTTP side: requests into invocations and back, with the real host's status codes, and its admin API.

Sources: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger
https://github.com/Azure/azure-functions-host (ToRpcHttp: what of a request reaches a function)
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.host.functions import Function, HttpTrigger
from sandbox.host.invocations import Invoker
from sandbox.host.runtime import HttpAnswer, HttpCall
from sandbox.host.timers import Timers

# aiohttp writes the framing of its own answer.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The access keys that the host was started with; without any, everything is open, as under ``func start``.

    Source: https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
    """

    function_key: str | None = field(default=None, repr=False)
    master_key: str | None = field(default=None, repr=False)

    def admit(self, request: web.Request, auth_level: str) -> bool:
        """Return whether the key of a request opens ``auth_level``: anonymous, function or admin."""
        keys = [key for key in (self.function_key, self.master_key) if key]
        if auth_level == "anonymous" or not keys:
            return True
        presented = request.headers.get("x-functions-key") or request.query.get("code", "")
        accepted = keys if auth_level == "function" else [self.master_key or ""]
        return any(key and hmac.compare_digest(presented.encode(), key.encode()) for key in accepted)


class Web:
    """One app's HTTP functions, and ``/admin`` beside them."""

    def __init__(
        self, functions: Iterable[Function], timers: Timers, invoker: Invoker, *, route_prefix: str, keys: Keys
    ) -> None:
        base = f"/{route_prefix}" if route_prefix else ""
        self._functions = {
            f"{base}/{function.name}".lower(): (function, function.trigger)
            for function in functions
            if isinstance(function.trigger, HttpTrigger)
        }
        self._timers = timers
        self._invoker = invoker
        self._keys = keys

    def application(self) -> web.Application:
        """Return the application that answers every path."""
        # The real host takes bodies of up to 100 MB, aiohttp's own limit is 1 MB.
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/admin{path:(/.*)?}", self._admin)
        app.router.add_route("*", "/{path:.*}", self._function)
        return app

    async def _function(self, request: web.Request) -> web.Response:
        function, trigger = self._functions.get(request.path.rstrip("/").lower(), (None, None))
        if function is None or trigger is None or (trigger.methods and request.method not in trigger.methods):
            # A wrong method is an unknown route, not a 405.
            return web.Response(status=404)
        if not self._keys.admit(request, trigger.auth_level):
            return web.Response(status=401)
        outcome = await self._invoker.invoke(function, await _call(request))
        if outcome.answer is None:
            return web.Response(status=204 if outcome.error is None else 500)
        return _response(outcome.answer)

    async def _admin(self, request: web.Request) -> web.Response:
        """Answer whether the host is ready, or run a timer function by hand.

        Sources: https://github.com/Azure/azure-functions-host/wiki/Admin-API
        https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
        """
        # First the key: without it, existing and unknown paths look the same.
        if not self._keys.admit(request, "admin"):
            return web.Response(status=401)
        match request.method, request.path.split("/")[2:]:
            case "GET", ["host", "status"]:
                return web.json_response({"id": "sandbox", "state": "Running", "version": "4.0.0.0"})
            case "POST", ["functions", name]:
                return web.Response(status=await self._fire(name, request))
        return web.Response(status=404)

    async def _fire(self, name: str, request: web.Request) -> int:
        if request.content_type != "application/json":
            return 415
        try:
            json.loads(await request.read())
        except ValueError:
            return 400
        return 202 if self._timers.fire(name) else 404


async def _call(request: web.Request) -> HttpCall:
    path, _, query = request.raw_path.partition("?")
    return HttpCall(
        method=request.method,
        url=f"{request.scheme}://{request.host}{path}{'?' + query if query else ''}",
        headers=_joined((name.lower(), value) for name, value in request.headers.items()),
        # Empty values are dropped, as parse_qsl does.
        query=_joined(parse_qsl(query, errors="replace")),
        # The host copies a body only if its length was announced: a chunked one reaches the function empty.
        # Source: https://github.com/Azure/azure-functions-host/issues/4926
        body=await request.read() if request.content_length else b"",
    )


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ",".join(found) for name, found in values.items()}


def _response(answer: HttpAnswer) -> web.Response:
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _FRAMING}
    return web.Response(status=answer.status, headers=headers, body=answer.body)
