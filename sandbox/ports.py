"""Closing a port without leaving behind a connection that is being accepted."""

import asyncio


async def stop_accepting(server: asyncio.Server) -> None:
    """Close a server's port, once the connections that it is accepting at this moment have begun.

    The task of such a connection is made a step later, and begins another step later. If the server is closed before,
    or the task cancelled, asyncio leaves the socket open.
    Source: https://github.com/python/cpython/blob/3.13/Lib/asyncio/selector_events.py (``_accept_connection2``)
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    for _ in range(2):
        await asyncio.sleep(0)
    server.close()
