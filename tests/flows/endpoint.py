"""The app's public URL: Graph's handshakes answered, its POSTs passed on to the app in this process."""

import asyncio

from aiohttp import web

from tests.flows.app import App


def endpoint(app: App) -> web.Application:
    """Return what serves every path, so that a test may move the notification URL."""

    async def post(request: web.Request) -> web.Response:
        token = request.query.get("validationToken")
        if token is not None:
            return web.Response(text=token)
        # The app's own calls are answered by this very loop.
        status = await asyncio.to_thread(app.receive, await request.read(), request.query.get("fetch"))
        return web.Response(status=status)

    served = web.Application()
    served.router.add_post("/{anything:.*}", post)
    return served
