"""Timer functions: run on their schedule, again when they fail and have a retry policy, and by hand.

As on the real host a function's scheduled runs never overlap, and moments that pass during a run are skipped. Other
than the real host this one has no record of past runs, so a timer is never past due.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
"""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import datetime

from sandbox.clock import Clock
from sandbox.host.functions import Function, TimerTrigger
from sandbox.host.invocations import Invoker
from sandbox.host.schedules import next_occurrence


class Timers:
    """The schedules of all timer functions among ``functions``."""

    def __init__(self, functions: Iterable[Function], invoker: Invoker) -> None:
        self._functions = {
            function.name.lower(): (function, function.trigger.schedule)
            for function in functions
            if isinstance(function.trigger, TimerTrigger)
        }
        self._invoker = invoker
        # A process of its own, hence the real time, whatever time the rest of the sandbox is set to.
        self._clock = Clock()
        self._tasks: set[asyncio.Task[object]] = set()

    def start(self) -> None:
        """Let the schedules run."""
        for function, schedule in self._functions.values():
            self._spawn(self._follow(function, schedule))

    def fire(self, name: str) -> bool:
        """Run the timer function of that name, in whatever case, at once; False if it does not exist.

        Such a run is not retried, and a scheduled run does not wait for it.
        """
        if name.lower() not in self._functions:
            return False
        function, _ = self._functions[name.lower()]
        self._spawn(self._invoker.invoke(function, None))
        return True

    async def stop(self) -> None:
        """End the schedules; a run in flight goes on, and the invoker waits for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, function: Function, schedule: str) -> None:
        while True:
            await self._clock.sleep_until(next_occurrence(schedule, self._now()))
            await self._run(function)

    async def _run(self, function: Function) -> None:
        for attempt in range(1 + (function.retry.max_count if function.retry else 0)):
            if attempt and function.retry:
                await asyncio.sleep(function.retry.delay.total_seconds())
            reason = f"Timer fired at {self._now().isoformat()}"
            outcome = await self._invoker.invoke(function, None, reason=reason, attempt=attempt)
            if outcome.error is None:
                return

    def _now(self) -> datetime:
        """Return the time in the machine's time zone, by which the real host schedules.

        Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-time-zones
        """
        return self._clock.now().astimezone()
