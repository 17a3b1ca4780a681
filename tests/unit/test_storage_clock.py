"""A clock that goes by storage's time once it knows it.

Row: the clock of one instance is an hour fast, or slow.
"""

from datetime import timedelta

import pytest

from shared.limits import LISTS, RateLimiter
from shared.timing import StorageClock
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import HOUR, NOW

SECOND = timedelta(seconds=1)


class Machine:
    """A machine whose clock is ``wrong_by``; ``seconds`` is what its monotonic clock shows."""

    def __init__(self, wrong_by: timedelta) -> None:
        self.seconds, self.slept = 100.0, 0.0
        self.clock = StorageClock(
            lambda: NOW + wrong_by + self.seconds * SECOND, monotonic=lambda: self.seconds, sleep=self.sleep
        )

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.seconds += seconds


@pytest.mark.parametrize("wrong_by", [HOUR, -HOUR])
def test_clock_goes_by_the_machine_until_it_knows_storages_time(wrong_by: timedelta) -> None:
    machine = Machine(wrong_by)
    assert machine.clock.now() == NOW + wrong_by + 100 * SECOND
    machine.clock.synchronise(NOW)
    assert machine.clock.now() == NOW + SECOND / 2
    machine.seconds += 60
    assert machine.clock.now() == NOW + 60.5 * SECOND


def test_clock_that_is_right_within_a_second_is_left_alone() -> None:
    machine = Machine(timedelta(0))
    before = machine.clock.now()
    machine.clock.synchronise(before - SECOND)
    assert machine.clock.now() == before


def test_sleep_ends_at_storages_time() -> None:
    machine = Machine(HOUR)
    machine.clock.synchronise(NOW)
    machine.clock.sleep_until(NOW + 30 * SECOND)
    assert machine.slept == pytest.approx(29.5)
    machine.clock.sleep_until(NOW)
    assert machine.clock.now() >= NOW + 30 * SECOND


def test_rate_limit_survives_a_clock_that_is_set_back() -> None:
    machine = Machine(HOUR)
    limiter = RateLimiter(machine.clock, LISTS)
    machine.clock.synchronise(NOW)
    limiter.wait()
    assert machine.slept == 0


@pytest.mark.parametrize("wrong_by", [timedelta(0), HOUR], ids=["right", "fast"])
def test_step_of_the_machines_clock_moves_nothing_once_storage_answered(wrong_by: timedelta) -> None:
    wall = SettableClock(NOW + wrong_by)
    clock = StorageClock(wall.now, monotonic=lambda: 100.0)
    clock.synchronise(NOW)
    before = clock.now()
    wall.pass_by(HOUR)
    assert clock.now() == before
