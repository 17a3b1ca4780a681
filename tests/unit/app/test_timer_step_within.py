"""A step with a part of the run: an hour of its work does not make every run as long as the host allows."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.app.timer_run import Step, TimerRun
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import MINUTE, NOW


def _run(clock: SettableClock, *, others: int) -> list[str]:
    """Run a step that always has more to do, with four minutes, beside one that has ``others`` minutes to do."""
    turns: list[str] = []

    def endless(ends: datetime) -> Mapping[str, int]:
        turns.append("audit")
        clock.sleep_until(ends)
        return {}

    def busy(ends: datetime) -> Mapping[str, int]:
        turns.append("gaps")
        if turns.count("gaps") <= others:
            clock.sleep_until(ends)
        return {}

    steps = (
        Step(name="gaps", work=busy, slice=MINUTE),
        Step(name="audit", work=endless, slice=MINUTE, within=4 * MINUTE),
    )
    first = Step(name="subscriptions", work=lambda _ends: {})
    TimerRun(first=first, others=steps, clock=clock).run()
    return turns


def test_endless_step_ends_with_its_part_of_the_run() -> None:
    clock = SettableClock()
    assert _run(clock, others=0).count("audit") == 4
    assert clock.now() - NOW == 4 * MINUTE


def test_other_steps_go_on_without_it() -> None:
    clock = SettableClock()
    turns = _run(clock, others=7)
    assert (turns.count("audit"), turns[-1]) == (2, "gaps")
    assert clock.now() - NOW == timedelta(minutes=9)
