"""The page's server, on a free port of 127.0.0.1: the page, its data as server-sent events, and what its buttons ask.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from dashboard.door import Door, headers
from dashboard.feed import Feed
from dashboard.source import Actor, CannotBeDone, Source

_PAGE = Path(__file__).with_name("page.html")
_PLACEHOLDER = "NONCE"
_NONCE = web.RequestKey("nonce", str)
_MAX_BODY_BYTES = 16 * 1024
# aiohttp waits a minute for answers in progress, and a stream always is.
_SHUTDOWN_SECONDS = 0.2


class Dashboard:
    """Serves what a source shows, until it is stopped; without an ``actor`` the page is for reading only."""

    def __init__(self, source: Source, actor: Actor | None = None) -> None:
        self._feed = Feed(source)
        self._actor = actor
        self._door = Door()
        self._page = _PAGE.read_text(encoding="utf-8")
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._streams = set[asyncio.Task[Any]]()

    @property
    def link(self) -> str:
        """The address to open: its fragment, which no browser sends, lets one in."""
        return f"http://127.0.0.1:{self._port}/#{self._door.token}"

    async def start(self, port: int = 0) -> None:
        """Listen, on a free port if none is given.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application(middlewares=[self._guarded], client_max_size=_MAX_BODY_BYTES)
        app.add_routes(
            [web.get("/", self._get_page), web.post("/session", self._session), web.get("/events", self._events)]
        )
        if self._actor is not None:
            app.add_routes([web.post("/act", self._act)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner, self._port = runner, int(runner.addresses[0][1])
        self._door.listen(self._port)

    async def stop(self) -> None:
        """Close the port and every stream; harmless where nothing runs."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for stream in self._streams:
            stream.cancel()
        await runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check where a request comes from, before anything else; headers belong to every answer."""
        nonce = request[_NONCE] = secrets.token_urlsafe(16)
        try:
            self._door.check_address(request)
            response = await handler(request)
        except web.HTTPException as exc:
            exc.headers.update(headers(nonce))
            raise
        if not response.prepared:
            response.headers.update(headers(nonce))
        return response

    async def _get_page(self, request: web.Request) -> web.Response:
        # There is nothing in it that a stranger must not see.
        return web.Response(text=self._page.replace(_PLACEHOLDER, request[_NONCE]), content_type="text/html")

    async def _session(self, request: web.Request) -> web.Response:
        response = web.Response(status=204)
        self._door.let_in(_text(await _body(request), "token"), response)
        return response

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self._door.check_session(request)
        response = web.StreamResponse(headers={**headers(request[_NONCE]), "Content-Type": "text/event-stream"})
        await response.prepare(request)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a handler runs in a task
        self._streams.add(task)
        try:
            await self._stream(response)
        finally:
            self._streams.discard(task)
        return response

    async def _stream(self, response: web.StreamResponse) -> None:
        with suppress(ConnectionError):
            async with aclosing(self._feed.follow()) as snapshots:
                async for snapshot in snapshots:
                    await response.write(b"data: %b\n\n" % snapshot if snapshot else b":\n\n")

    async def _act(self, request: web.Request) -> web.Response:
        self._door.check_session(request)
        body = await _body(request)
        values = {name: value for name, value in body.items() if isinstance(value, str)}
        try:
            said = await self._actor.act(values.pop("verb", ""), values) if self._actor else ""
        except CannotBeDone as exc:
            return web.json_response({"error": str(exc)}, status=409)
        return web.json_response({"said": said})


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="body: a JSON object is expected")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
