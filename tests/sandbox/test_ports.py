"""Ports that are closed while a connection is being accepted."""

import asyncio
import gc
import socket

import pytest

from sandbox.ports import stop_accepting
from tests.sandbox.background import Background


async def _accept_and_stop(steps: int) -> None:
    """Stop a server some steps of the loop after a connection has arrived."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    socket.create_connection(server.sockets[0].getsockname()).close()
    for _ in range(steps):
        await asyncio.sleep(0)
    await stop_accepting(server)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


@pytest.mark.parametrize("steps", range(8))
def test_connection_that_is_being_accepted_is_closed_with_its_port(steps: int) -> None:
    background = Background()
    background.run(_accept_and_stop(steps))
    background.close()
    # What is left open is a warning, which fails this test.
    gc.collect()
