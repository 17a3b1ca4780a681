"""Searches many random histories, or plots of audits, for one that breaks a law, in several processes."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis.strategies import SearchStrategy

from tests.model.audits import laws as laws_of_audits
from tests.model.audits.play import played as played_plot
from tests.model.audits.plot import Plot, plots
from tests.model.audits.story import audit_story
from tests.model.history import History, histories
from tests.model.laws import violations
from tests.model.play import played
from tests.model.story import story

# So many histories are drawn by one search of Hypothesis, which remembers all of them.
_SHARE = 250

type Tell[T] = Callable[[T], str]
"""Plays one, and returns the story if it breaks a law; else nothing."""


def _story_of_delivery(history: History) -> str:
    """Return the story of a history that breaks a law of delivery, or nothing."""
    play = played(history)
    return story(play, broken) if (broken := violations(play)) else ""


def _story_of_audit(plot: Plot) -> str:
    """Return the story of a plot that breaks a law of the audit, or nothing."""
    play = played_plot(plot)
    return audit_story(play, broken) if (broken := laws_of_audits.violations(play)) else ""


def search(count: int, *, seed: int) -> Iterator[str]:
    """Yield, for each share of the histories, the story of the shortest that breaks a law, or nothing."""
    yield from _search(_of_delivery, count, seed)


def search_audits(count: int, *, seed: int) -> Iterator[str]:
    """Yield the same for each share of the plots."""
    yield from _search(_of_audit, count, seed)


def _search(counterexample: Callable[[int, int], str], count: int, seed: int) -> Iterator[str]:
    shares = -(-count // _SHARE)
    # Threads of the app must not be copied in the middle of what they do.
    with ProcessPoolExecutor(os.process_cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(counterexample, [min(_SHARE, count)] * shares, range(seed, seed + shares))


class _LawIsBroken(AssertionError):
    """Its text is the story."""


def _counterexample[T](strategy: SearchStrategy[T], tell: Tell[T], count: int, seed: int) -> str:
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
    @given(strategy)
    def holds(drawn: T) -> None:
        if told := tell(drawn):
            raise _LawIsBroken(told)

    try:
        holds()
    except _LawIsBroken as found:
        return str(found)
    return ""


def _of_delivery(count: int, seed: int) -> str:
    return _counterexample(histories(), _story_of_delivery, count, seed)


def _of_audit(count: int, seed: int) -> str:
    return _counterexample(plots(), _story_of_audit, count, seed)
