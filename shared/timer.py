"""A run of the timer, step by step: one that fails does not keep the next from its turn."""

import logging
from collections.abc import Callable, Mapping

from shared.errors import Problem

_LOG = logging.getLogger(__name__)

type Step = Callable[[], Mapping[str, int]]


def run(steps: Mapping[str, Step]) -> None:
    """Do all steps, and log what each has done, in one line.

    Raises:
        Problem: the first with which a step failed, once the others have had their turn.
    """
    problems = [problem for name, step in steps.items() if (problem := _do(name, step)) is not None]
    if problems:
        raise problems[0]


def _do(name: str, step: Step) -> Problem | None:
    try:
        done = step()
    except Problem as problem:
        _LOG.error("%s: %s", name, problem)
        return problem
    _LOG.info("%s: %s", name, ", ".join(f"{what} {count}" for what, count in done.items()) or "settled")
    return None
