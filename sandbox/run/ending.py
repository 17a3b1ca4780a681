"""When does a session end? At Ctrl-C, SIGTERM, the end of its terminal, or when nobody reads what it says.

Source: https://rich.readthedocs.io/en/stable/reference/console.html#rich.console.Console.on_broken_pipe
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from rich.console import Console

# What a shell makes of a program that a signal has ended.
_BY_SIGNAL = 128


class Interrupted(Exception):
    """The session was to end before its work was done; ``status`` is the exit status."""

    def __init__(self, status: int) -> None:
        super().__init__("Ended before the scene was over.")
        self.status = status


class Ending:
    """Waits for the first reason to end; ``console`` falls silent if nobody can read it any more."""

    def __init__(self) -> None:
        self.console: Console = _Console(self._nobody_reads)
        self._asked = asyncio.Event()
        self._status = 0

    def watch(self) -> None:
        """Take signals from here on, in the running event loop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ask, number)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    async def asked(self) -> None:
        """Return once there is a reason."""
        await self._asked.wait()

    async def unless_asked[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Return what ``work`` returns.

        Raises:
            Interrupted: there was a reason to end before; the work was cancelled.
        """
        working, asking = asyncio.create_task(work), asyncio.create_task(self.asked())
        try:
            await asyncio.wait([working, asking], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise Interrupted(self._status)
        finally:
            for task in (working, asking):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    def _ask(self, number: signal.Signals) -> None:
        self._status = self._status or _BY_SIGNAL + number
        self._asked.set()

    def _hang_up(self) -> None:
        self.console.quiet = True
        self._ask(signal.SIGHUP)

    def _nobody_reads(self) -> None:
        self.console.quiet = True
        # What is flushed at exit would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        self._ask(signal.SIGPIPE)


class _Console(Console):
    def __init__(self, on_broken_pipe: Callable[[], None]) -> None:
        super().__init__()
        self._on_broken_pipe = on_broken_pipe

    def on_broken_pipe(self) -> None:
        self._on_broken_pipe()
