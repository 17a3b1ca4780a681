"""How long the app and Graph wait, and what holds a test to it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from shared.timing import Deadline

# What the app gives a POST, and what Graph gives the app.
BUDGET = timedelta(seconds=2.5)
PATIENCE_SECONDS = 3.0
# A machine that runs two test suites at once takes longer than that; a client without a deadline, longer than this.
BUSY_MACHINE_SECONDS = 4.5


def in_time() -> Deadline:
    return Deadline.after(BUDGET)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Hold what is done inside to a limit, less the time in which it could go on but other programs had the cores."""
    began, before = time.monotonic(), _seconds_without_a_core()
    yield
    taken = time.monotonic() - began
    waits = (waited - before.get(thread, 0) for thread, waited in _seconds_without_a_core().items())
    # One thread's, the longest: of several that wait for each other, the sum would count some of the time twice.
    assert taken - max(waits, default=0) < seconds


def _seconds_without_a_core() -> Mapping[str, float]:
    """Return how long each thread of this process has been ready to run and was not run; nothing but on Linux.

    Source: https://docs.kernel.org/scheduler/sched-stats.html
    """
    waited = dict[str, float]()
    for thread in Path("/proc/self/task").glob("*"):
        # A thread may end meanwhile.
        with suppress(OSError):
            _running, waiting, _times = (thread / "schedstat").read_text(encoding="ascii").split()
            waited[thread.name] = int(waiting) / 1e9
    return waited
