"""An event loop in a thread, so that blocking clients of a test can talk to the sandbox's services."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.serving import Service


class Background:
    """A running event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result; 50 s at most."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=50)

    def close(self) -> None:
        """End the loop and its thread, and what still waits there, such as a request that a service cut off."""
        self.run(_cancel_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def running(*services: Service) -> Iterator[Background]:
    """Start services on a background loop, and stop them at the end."""
    background = Background()
    try:
        for service in services:
            background.run(service.start())
        yield background
    finally:
        for service in services:
            background.run(service.stop())
        background.close()
