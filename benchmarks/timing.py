"""How often something can be done: a piece of work in, operations per second out, on one thread or several."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

type Work = Callable[[], int]
"""Does something and returns how many operations that was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Operations per second of time passed, and per second of a processor's work.

    The two differ where other processes take the processors away. Time passed tells what threads gain; a processor's
    work tells what one operation costs, whatever the neighbours do.
    """

    per_second: float
    per_processor_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    operations: int
    seconds: float
    processor_seconds: float


def rate(work: Work, *, threads: int, window: timedelta) -> Rate:
    """Return how fast ``threads`` threads repeat ``work`` side by side for at least ``window``."""
    with ThreadPoolExecutor(threads) as pool:
        spans = [done.result() for done in [pool.submit(_repeat, work, window) for _ in range(threads)]]
    operations = sum(span.operations for span in spans)
    return Rate(
        # Each thread by its own time: the last operation ends a little behind the window.
        per_second=sum(span.operations / span.seconds for span in spans),
        per_processor_second=operations / sum(span.processor_seconds for span in spans),
    )


def _repeat(work: Work, window: timedelta) -> _Span:
    started, processor_started = time.perf_counter(), time.thread_time()
    # Once at least: on a busy machine a thread may be kept waiting for longer than the window.
    operations = work()
    while time.perf_counter() - started < window.total_seconds():
        operations += work()
    return _Span(
        operations=operations,
        seconds=time.perf_counter() - started,
        processor_seconds=time.thread_time() - processor_started,
    )
