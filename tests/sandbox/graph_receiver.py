"""The endpoint of an app: it remembers what came, and answers as a test wants."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


def echo(request: web.Request) -> web.Response:
    return web.Response(text=request.query["validationToken"])


@dataclass(kw_only=True)
class Receiver:
    """The endpoint of an app; it answers as a test wants, and remembers everything."""

    status: int = 202
    validate: Callable[[web.Request], web.Response] = echo
    handshakes: list[str] = field(default_factory=list)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/{anything:.*}", self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        if "validationToken" in request.query:
            assert request.headers["Content-Type"] == "text/plain; charset=utf-8"
            self.handshakes.append(request.path_qs)
            return self.validate(request)
        self.posts.append((request.path_qs, await request.json()))
        return web.Response(status=self.status)

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return what came at any URL but the lifecycle one."""
        return [item for path, body in self.posts if path != "/life" for item in body["value"]]

    @property
    def events(self) -> list[str]:
        """Return the lifecycle events, in order."""
        return [item["lifecycleEvent"] for path, body in self.posts if path == "/life" for item in body["value"]]
