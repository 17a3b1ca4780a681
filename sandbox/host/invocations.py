"""Invocations: their ids, their time limit, what the log says of them, and waiting for those in flight."""

import asyncio
import logging
import time
import uuid
from datetime import timedelta

from sandbox.host import logs, runtime
from sandbox.host.functions import Function
from sandbox.host.runtime import HttpCall, Invocation, Outcome

_LOG = logging.getLogger("host")

# What the real host gives as the reason of HTTP requests and of calls over the admin API.
CALLED_BY_API = "This function was programmatically called via the host APIs."


class Invoker:
    """Runs functions, each for ``function_timeout`` at most; None means without a limit."""

    def __init__(self, function_timeout: timedelta | None) -> None:
        self._timeout = function_timeout
        self._running: set[asyncio.Task[Outcome]] = set()

    async def invoke(
        self, function: Function, call: HttpCall | None, *, reason: str = CALLED_BY_API, attempt: int = 0
    ) -> Outcome:
        """Run ``function`` once, under an id of its own, and return how that ended.

        The run goes on when the caller is cancelled: a function is not undone because its caller hung up.
        """
        invocation = Invocation(
            id=str(uuid.uuid4()),
            function=function,
            call=call,
            retry_count=attempt,
            max_retry_count=function.retry.max_count if function.retry else 0,
        )
        task = asyncio.create_task(self._run(invocation, reason))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def drain(self, within: timedelta) -> bool:
        """Wait for the invocations in flight and say whether all of them have ended."""
        if not self._running:
            return True
        _LOG.info("Waiting for %s invocation(s) to end.", len(self._running))
        _, left = await asyncio.wait(self._running, timeout=within.total_seconds())
        return not left

    async def _run(self, invocation: Invocation, reason: str) -> Outcome:
        name = invocation.function.name
        logs.begin(invocation.id, name)
        try:
            _LOG.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", name, reason, invocation.id)
            start = time.perf_counter()
            outcome = await self._limited(invocation)
            milliseconds = round((time.perf_counter() - start) * 1000)
            _report(invocation, outcome, milliseconds)
            return outcome
        finally:
            logs.end(invocation.id)

    async def _limited(self, invocation: Invocation) -> Outcome:
        """Cancel a coroutine at its limit; a thread runs on, where the real host would restart the whole worker."""
        try:
            async with asyncio.timeout(self._timeout.total_seconds() if self._timeout else None):
                return await runtime.invoke(invocation)
        except TimeoutError:
            name, limit = invocation.function.name, f"{self._timeout!s:0>8}"  # as .NET writes it: 00:05:00
            _LOG.error(
                "Timeout value of %s exceeded by function 'Functions.%s' (Id: '%s'). Initiating cancellation.",
                limit,
                name,
                invocation.id,
            )
            return Outcome(error=f"Timeout value of {limit} was exceeded by function: Functions.{name}")


def _report(invocation: Invocation, outcome: Outcome, milliseconds: int) -> None:
    name = invocation.function.name
    if outcome.error is None:
        _LOG.info("Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%sms)", name, invocation.id, milliseconds)
        return
    _LOG.error("Executed 'Functions.%s' (Failed, Id=%s, Duration=%sms)", name, invocation.id, milliseconds)
    _LOG.error("Exception while executing function: Functions.%s. Result: Failure\n%s", name, outcome.error)
