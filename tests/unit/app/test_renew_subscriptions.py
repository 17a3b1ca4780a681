"""A run of the timer, step by step."""

import logging
import re
from collections.abc import Mapping

import pytest

from shared.app.renew_subscriptions import Step, run
from shared.errors import Misconfigured, Unavailable
from tests.fakes.calls import raising


def test_each_step_has_its_turn_in_order_whatever_became_of_those_before() -> None:
    done: list[str] = []
    first, second = Unavailable("the table"), Misconfigured("the vault")

    def recording(name: str) -> Step:
        def step() -> Mapping[str, int]:
            done.append(name)
            return {"done": len(done)}

        return step

    steps = {"one": recording("one"), "two": raising(first), "three": recording("three"), "four": raising(second)}
    with pytest.raises(Unavailable) as caught:
        run(steps)
    assert (caught.value, done) == (first, ["one", "three"])


def test_run_writes_one_line_with_all_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    steps: dict[str, Step] = {
        "subscriptions": lambda: {"renewed": 3, "left to another run": 1},
        "parked": lambda: {"published": 2, "put off": 1},
        "gaps": dict,
        "quarantine": raising(Misconfigured("no role")),
    }
    with pytest.raises(Misconfigured):
        run(steps)
    failed, line = caplog.records
    assert (failed.levelname, failed.getMessage()) == ("ERROR", "step quarantine of this run failed: no role")
    assert line.levelname == "INFO"
    expected = "failed_steps=1 renewed=3 left_to_another_run=1 parked_published=2 parked_put_off=1 "
    assert re.fullmatch(rf"run ms=\d+ {expected}", line.getMessage())


def test_a_fault_of_the_code_is_not_taken_for_a_problem() -> None:
    with pytest.raises(ZeroDivisionError):
        run({"one": raising(ZeroDivisionError())})
