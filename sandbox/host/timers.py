"""Timer functions: run on their schedule, again when they fail and have a retry policy, and by hand.

As on the real host a function's scheduled runs never overlap. A run that outlasts its interval is followed by another
at once, and so is the start of a host that did not run when a timer was due; that run is past due.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
"""

import asyncio
import json
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.clock import Clock
from sandbox.host.functions import Function, TimerTrigger
from sandbox.host.invocations import Invoker
from sandbox.host.runtime import TimerCall
from sandbox.host.schedules import next_occurrence

_MONITORED = timedelta(minutes=1)


class ScheduleStatus:
    """When each timer is due next, in a file that outlives the host; without one nothing is ever past due.

    As on the real host, of schedules with at least a minute between two runs.
    Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#configuration (useMonitor)
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def due(self, name: str) -> datetime | None:
        """Return when a timer was to run next when that was last recorded."""
        recorded = self._recorded().get(name)
        return None if recorded is None else datetime.fromisoformat(recorded)

    def record(self, name: str, schedule: str, due: datetime) -> None:
        """Record when a timer is due next."""
        if self._file is not None and next_occurrence(schedule, due) - due >= _MONITORED:
            # At once as a whole: the host may be killed at any moment.
            written = self._file.with_suffix(".new")
            written.write_text(json.dumps(self._recorded() | {name: due.isoformat()}), encoding="utf-8")
            written.replace(self._file)

    def _recorded(self) -> dict[str, str]:
        if self._file is None or not self._file.exists():
            return {}
        recorded: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8"))
        return recorded


class Timers:
    """The schedules of all timer functions among ``functions``."""

    def __init__(self, functions: Iterable[Function], invoker: Invoker, status: ScheduleStatus) -> None:
        self._status = status
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
        self._spawn(self._invoker.invoke(function, TimerCall()))
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
        name, now = function.name, self._now()
        recorded = self._status.due(name)
        past_due = recorded is not None and recorded < now
        due = recorded if recorded is not None and past_due else next_occurrence(schedule, now)
        while True:
            self._status.record(name, schedule, due)
            await self._clock.sleep_until(due)
            began = self._now()
            await self._run(function, TimerCall(past_due=past_due))
            # It has passed already if the run has taken longer than that.
            due, past_due = next_occurrence(schedule, began), False

    async def _run(self, function: Function, call: TimerCall) -> None:
        for attempt in range(1 + (function.retry.max_count if function.retry else 0)):
            if attempt and function.retry:
                await asyncio.sleep(function.retry.delay.total_seconds())
            reason = f"Timer fired at {self._now().isoformat()}"
            outcome = await self._invoker.invoke(function, call, reason=reason, attempt=attempt)
            if outcome.error is None:
                return

    def _now(self) -> datetime:
        """Return the time in the machine's time zone, by which the real host schedules.

        Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-time-zones
        """
        return self._clock.now().astimezone()
