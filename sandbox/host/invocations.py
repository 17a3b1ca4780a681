"""Invocations: their ids, their time limit, their log lines, and waiting for those in flight."""

import asyncio
import logging
import time
import uuid
from datetime import timedelta

from sandbox.host import runtime
from sandbox.host.functions import Function
from sandbox.host.runtime import INVOCATION_ID, HttpCall, Outcome, TimerCall

_LOG = logging.getLogger("host")

# What the real host gives as the reason of HTTP requests and of calls over the admin API.
CALLED_BY_API = "This function was programmatically called via the host APIs."


class Invoker:
    """Runs functions, each for ``function_timeout`` at most."""

    def __init__(self, function_timeout: timedelta) -> None:
        self._timeout = function_timeout
        self._running: set[asyncio.Task[Outcome]] = set()

    async def invoke(
        self, function: Function, call: HttpCall | TimerCall, *, reason: str = CALLED_BY_API, attempt: int = 0
    ) -> Outcome:
        """Run ``function`` once, under an id of its own, and return how that ended.

        The run goes on when the caller is cancelled: a function is not undone because its caller hung up.
        """
        task = asyncio.create_task(self._run(function, call, reason, attempt))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def drain(self, within: timedelta) -> bool:
        """Wait for the invocations in flight and return whether all of them have ended."""
        if not self._running:
            return True
        _LOG.info("Waiting for %s invocation(s) to end.", len(self._running))
        _, left = await asyncio.wait(self._running, timeout=within.total_seconds())
        return not left

    async def _run(self, function: Function, call: HttpCall | TimerCall, reason: str, attempt: int) -> Outcome:
        name, invocation_id = function.name, str(uuid.uuid4())
        INVOCATION_ID.set(invocation_id)
        _LOG.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", name, reason, invocation_id)
        start = time.perf_counter()
        outcome = await self._limited(function, call, invocation_id, attempt)
        milliseconds = round((time.perf_counter() - start) * 1000)
        if outcome.error is None:
            _LOG.info("Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%sms)", name, invocation_id, milliseconds)
        else:
            _LOG.error("Executed 'Functions.%s' (Failed, Id=%s, Duration=%sms)", name, invocation_id, milliseconds)
            _LOG.error("Exception while executing function: Functions.%s. Result: Failure\n%s", name, outcome.error)
        return outcome

    async def _limited(
        self, function: Function, call: HttpCall | TimerCall, invocation_id: str, attempt: int
    ) -> Outcome:
        """Cancel a coroutine at its limit; a thread runs on, where the real host would restart the whole worker."""
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await runtime.invoke(function, call, invocation_id=invocation_id, attempt=attempt)
        except TimeoutError:
            name, limit = function.name, f"{self._timeout!s:0>8}"  # as .NET writes it: 00:05:00
            return Outcome(error=f"Timeout value of {limit} was exceeded by function: Functions.{name}")
