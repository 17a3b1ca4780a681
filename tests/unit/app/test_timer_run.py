"""The steps of a timer run: they take turns beside the first one, within the run's time."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Event

import pytest

from shared.app.timer_run import Step, TimerRun
from shared.errors import Misconfigured, Unavailable
from tests.fakes.calls import raising
from tests.fakes.clocks import SettableClock

MINUTE = timedelta(minutes=1)

type Work = Callable[[datetime], Mapping[str, int]]


def _nothing(_ends: datetime) -> Mapping[str, int]:
    return {}


def _busy(clock: SettableClock, *, turns: int) -> Work:
    """Return work that uses up its slice in so many turns."""
    left = iter([True] * turns)

    def work(ends: datetime) -> Mapping[str, int]:
        if next(left, False):
            clock.sleep_until(ends)
        return {"done": 1}

    return work


class Run:
    """A run, with the turns that its steps took; ``first`` and ``others`` are the work of the steps by name."""

    def __init__(self, first: Work = _nothing, *, clock: SettableClock | None = None, **others: Work) -> None:
        self.turns: list[str] = []
        self._run = TimerRun(
            first=Step(name="subscriptions", work=first),
            others=[
                Step(name=name, prefix=f"{name}_", work=self._counted(name, work), slice=MINUTE)
                for name, work in others.items()
            ],
            clock=clock or SettableClock(),
        )

    def play(self) -> list[str]:
        """Run all steps, and return the turns."""
        self._run.run()
        return self.turns

    def _counted(self, name: str, work: Work) -> Work:
        def counted(ends: datetime) -> Mapping[str, int]:
            self.turns.append(name)
            return work(ends)

        return counted


def test_each_step_has_one_turn_if_none_uses_up_its_slice() -> None:
    assert Run(parked=_nothing, gaps=_nothing, quarantine=_nothing).play() == ["parked", "gaps", "quarantine"]


def test_steps_take_turns_until_none_has_more_to_do() -> None:
    clock = SettableClock()
    run = Run(clock=clock, parked=_busy(clock, turns=3), gaps=_nothing)
    assert run.play() == ["parked", "gaps"] * 4


def test_run_ends_before_the_host_ends_it() -> None:
    clock = SettableClock()
    began = clock.now()
    Run(clock=clock, parked=_busy(clock, turns=1000), gaps=_nothing).play()
    assert clock.now() - began == 9 * MINUTE


@pytest.mark.slow
def test_steps_do_not_wait_for_renewals_that_wait_for_graph() -> None:
    parked = Event()

    def renew(_ends: datetime) -> Mapping[str, int]:
        assert parked.wait(60)
        return {"renewed": 1}

    def redrive(_ends: datetime) -> Mapping[str, int]:
        parked.set()
        return {}

    began = time.monotonic()
    # The second turn works on what the renewals have found.
    assert Run(renew, parked=redrive, gaps=_nothing).play() == ["parked", "gaps"] * 2
    assert time.monotonic() - began < 30


def test_failing_step_stops_no_other_and_fails_the_run() -> None:
    first, second = Unavailable("the table"), Misconfigured("the vault")
    run = Run(parked=raising(first), gaps=_nothing, quarantine=raising(second))
    with pytest.raises(Unavailable) as caught:
        run.play()
    assert (caught.value, run.turns) == (first, ["parked", "gaps", "quarantine"])


def test_failing_step_gets_no_second_turn() -> None:
    clock = SettableClock()
    run = Run(clock=clock, parked=raising(Unavailable("storage")), gaps=_busy(clock, turns=2))
    with pytest.raises(Unavailable):
        run.play()
    assert run.turns == ["parked", "gaps", "gaps", "gaps"]


def test_run_writes_one_line_with_all_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    run = Run(
        lambda _: {"renewed": 3, "left to another run": 1},
        parked=lambda _: {"published": 2, "put off": 1},
        gaps=_nothing,
        quarantine=raising(Misconfigured("no role")),
    )
    with pytest.raises(Misconfigured):
        run.play()
    failed, line = caplog.records
    assert (failed.levelname, failed.getMessage()) == ("ERROR", "step quarantine of this run failed: no role")
    assert line.levelname == "INFO"
    expected = "failed_steps=1 renewed=3 left_to_another_run=1 parked_published=2 parked_put_off=1 "
    assert re.fullmatch(rf"run ms=\d+ {expected}", line.getMessage())


@pytest.mark.parametrize(
    "run", [Run(raising(ZeroDivisionError())), Run(parked=raising(ZeroDivisionError()))], ids=["first", "other"]
)
def test_bug_in_a_step_is_not_taken_for_a_problem(run: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        run.play()
