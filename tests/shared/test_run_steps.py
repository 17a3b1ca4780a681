"""A run of the timer, step by step."""

import logging
from collections.abc import Mapping

import pytest

from shared.app.renew_subscriptions import Step, run
from shared.errors import Misconfigured, Problem, Unavailable


def _failing(problem: Problem) -> Step:
    def step() -> Mapping[str, int]:
        raise problem

    return step


def test_each_step_has_its_turn_in_order_whatever_became_of_those_before() -> None:
    done: list[str] = []
    first, second = Unavailable("the table"), Misconfigured("the vault")

    def noting(name: str) -> Step:
        def step() -> Mapping[str, int]:
            done.append(name)
            return {"done": len(done)}

        return step

    steps = {"one": noting("one"), "two": _failing(first), "three": noting("three"), "four": _failing(second)}
    with pytest.raises(Unavailable) as caught:
        run(steps)
    assert (caught.value, done) == (first, ["one", "three"])


def test_a_step_writes_one_line_with_its_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    with pytest.raises(Misconfigured):
        run(
            {"parked": lambda: {"published": 2, "put off": 1}, "rest": dict, "gone": _failing(Misconfigured("no role"))}
        )
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", "parked: published 2, put off 1"),
        ("INFO", "rest: settled"),
        ("ERROR", "gone: no role"),
    ]


def test_a_fault_of_the_code_is_not_taken_for_a_problem() -> None:
    def step() -> Mapping[str, int]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run({"one": step})
