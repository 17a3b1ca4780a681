"""How the steps of a timer run share its time, and the one line that says what they did.

The first step waits for the rate that Graph allows, so the others run beside it. They take turns in slices until none
of them has more to do, or the run's deadline is near: trouble with one delays no other.

Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json#functiontimeout
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.errors import Problem
from shared.timing import Clock

_LOG = logging.getLogger(__name__)

# The host ends a run after ten minutes (functionTimeout in host.json).
_TIME_FOR_RUN = timedelta(minutes=9)
# Nearly every run has renewed what is due by then, so that what it finds is worked on in the same turn.
_HEAD_START_SECONDS = 5.0
_SECONDS_BETWEEN_TURNS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a run. ``work`` returns counts and starts nothing after the moment it is given.

    ``prefix`` is put before the names of its counts. ``slice``: how long one turn may last. ``within``: how long after
    its beginning a run gives it turns.
    """

    name: str
    work: Callable[[datetime], Mapping[str, int]]
    prefix: str = ""
    slice: timedelta = _TIME_FOR_RUN
    within: timedelta = _TIME_FOR_RUN


@dataclass(slots=True, kw_only=True)
class TimerRun:
    """One run: ``first`` runs beside ``others``, which take turns. ``facts`` are put first in the line."""

    first: Step
    others: Sequence[Step]
    clock: Clock
    facts: Callable[[], Mapping[str, str]] = dict
    _counts: Counter[str] = field(default_factory=Counter, init=False)
    _problems: dict[str, Problem] = field(default_factory=dict, init=False)

    def run(self) -> None:
        """Run all steps, and log one line with their counts.

        The line is ``run ms=812 failed_steps=0 renewed=3 parked_published=2 ``. A blank follows each value, so that a
        query finds its end.

        Raises:
            Problem: the first failure of a step, after all steps have run.
        """
        began = time.monotonic()
        self._take_turns(self.clock.now() + _TIME_FOR_RUN)
        facts = "".join(f"{key}={value} " for key, value in {**self.facts(), **self._counts}.items())
        milliseconds = (time.monotonic() - began) * 1000
        _LOG.info("run ms=%d failed_steps=%d %s", milliseconds, len(self._problems), facts)
        for problem in self._problems.values():
            raise problem

    def _take_turns(self, ends: datetime) -> None:
        with ThreadPoolExecutor(1, thread_name_prefix=self.first.name) as pool:
            first: Future[bool] = pool.submit(self._has_more, self.first, ends)
            seconds = _HEAD_START_SECONDS
            while True:
                wait([first], timeout=seconds)
                # What the first step still finds is worked on in the next turn.
                is_last = first.done()
                have_more = [self._has_more(step, ends) for step in self.others]
                if self.clock.now() >= ends or (is_last and not any(have_more)):
                    break
                seconds = 0 if any(have_more) else _SECONDS_BETWEEN_TURNS
            first.result()

    def _has_more(self, step: Step, ends: datetime) -> bool:
        """Give a step one turn, unless it has failed before; return whether it used up its slice."""
        if step.name in self._problems:
            return False
        until = min(self.clock.now() + step.slice, ends - _TIME_FOR_RUN + step.within)
        if self.clock.now() >= until:
            # It goes on in the next run, and does not prolong this one.
            return False
        try:
            counts = step.work(until)
        except Problem as problem:
            _LOG.error("step %s of this run failed: %s", step.name, problem)
            self._problems[step.name] = problem
            return False
        self._counts.update({f"{step.prefix}{name}".replace(" ", "_"): count for name, count in counts.items()})
        return self.clock.now() >= until
