"""Timer functions: run on their schedule, again when they fail and have a retry policy, and by hand.

As on the real host a function's scheduled runs never overlap, and moments that pass during a run are skipped. Other
than the real host this one keeps no record of past runs, so a timer is never past due.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from datetime import datetime

from sandbox.clock import Clock
from sandbox.host.functions import Function, TimerTrigger
from sandbox.host.invocations import CALLED_BY_API, Invoker
from sandbox.host.schedules import occurrences

_LOG = logging.getLogger("host")

_ANNOUNCED = 5


class Timers:
    """The schedules of all timer functions among ``functions``."""

    def __init__(self, functions: Iterable[Function], invoker: Invoker) -> None:
        self._functions = {function.name.lower(): function for function in functions if _is_timer(function)}
        self._invoker = invoker
        # A process of its own, hence the real time, whatever the rest of the sandbox takes for now.
        self._clock = Clock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Announce the next moments of each timer and let time take its course."""
        for function in self._functions.values():
            if isinstance(function.trigger, TimerTrigger):
                _announce(function.name, function.trigger.schedule, self._now())
                self._spawn(self._follow(function, function.trigger))

    def fire(self, name: str) -> bool:
        """Run the timer function of that name, in whatever case, at once; False when there is none.

        Such a run is not retried, and a scheduled run does not wait for it.
        """
        function = self._functions.get(name.lower())
        if function is None:
            return False
        self._spawn(self._once(function))
        return True

    async def stop(self) -> None:
        """End the schedules; a run in flight goes on, and the invoker waits for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, function: Function, trigger: TimerTrigger) -> None:
        if trigger.run_on_startup:
            await self._run(function)
        while True:
            await self._clock.sleep_until(occurrences(trigger.schedule, self._now(), 1)[0])
            await self._run(function)

    async def _once(self, function: Function) -> None:
        await self._invoker.invoke(function, None, reason=CALLED_BY_API)

    async def _run(self, function: Function) -> None:
        retries = function.retry.max_count if function.retry else 0
        attempt = 0
        while True:
            reason = f"Timer fired at {self._now().isoformat()}"
            outcome = await self._invoker.invoke(function, None, reason=reason, attempt=attempt)
            if outcome.error is None or function.retry is None or attempt == retries:
                return
            await asyncio.sleep(function.retry.pause(attempt).total_seconds())
            attempt += 1

    def _now(self) -> datetime:
        """Return the time in the machine's time zone, by which the real host schedules.

        Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-time-zones
        """
        return self._clock.now().astimezone()


def _is_timer(function: Function) -> bool:
    return isinstance(function.trigger, TimerTrigger)


def _announce(name: str, schedule: str, now: datetime) -> None:
    moments = "\n".join(moment.isoformat() for moment in occurrences(schedule, now, _ANNOUNCED))
    _LOG.info(
        "The next %s occurrences of the '%s' schedule (Cron: '%s') will be:\n%s", _ANNOUNCED, name, schedule, moments
    )
