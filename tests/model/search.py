"""Searches many random histories for one that breaks a law, in several processes."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded

from tests.model.history import History, histories
from tests.model.laws import violations
from tests.model.play import played
from tests.model.story import story

# So many histories are drawn by one search of Hypothesis, which remembers all of them.
_SHARE = 250


def search(count: int, *, seed: int) -> Iterator[str]:
    """Yield, for each share of the histories, the story of the shortest that breaks a law, or nothing."""
    shares = -(-count // _SHARE)
    # Threads of the app must not be copied in the middle of what they do.
    with ProcessPoolExecutor(os.process_cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(_counterexample, [min(_SHARE, count)] * shares, range(seed, seed + shares))


class _LawIsBroken(AssertionError):
    """Its text is the story."""


def _counterexample(count: int, seed: int) -> str:
    # What is made to fail is logged as errors, thousands of them.
    logging.disable()

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories())
    def holds(history: History) -> None:
        play = played(history)
        if broken := violations(play):
            raise _LawIsBroken(story(play, broken))

    try:
        holds()
    except _LawIsBroken as found:
        return str(found)
    return ""
