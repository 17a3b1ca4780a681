"""How long the app and Graph wait, and what holds a test to it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

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
    """Hold what is done inside to a limit."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds
