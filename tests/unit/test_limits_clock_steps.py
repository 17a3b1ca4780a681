"""Rates of requests while the clock is set: by storage's answer, it may step an hour in either direction.

Row: the clock of one instance is an hour fast, or slow.
"""

from datetime import timedelta

import pytest

from shared.limits import LISTS, WRITES, Rate, RateLimiter
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import HOUR, MINUTE, NOW

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "forward"])
@pytest.mark.parametrize("rate", [WRITES, LISTS], ids=["writes", "lists"])
def test_limiter_from_before_a_step_of_the_clock_delays_nothing(rate: Rate, step: timedelta) -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, rate)
    clock.pass_by(step)
    limiter.wait()
    assert clock.now() == NOW + step


def test_used_limiter_keeps_its_distance_when_the_clock_is_set_back() -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, LISTS)
    for _ in range(22):
        limiter.wait()
    clock.pass_by(-HOUR)
    limiter.wait()
    assert clock.now() == NOW - HOUR + 20 * SECOND


def test_pause_lasts_as_long_when_the_clock_is_set_back() -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, WRITES, ends=NOW + MINUTE)
    limiter.pause_for(MINUTE)
    clock.pass_by(-HOUR)
    assert not limiter.is_over()
    limiter.wait()
    assert clock.now() == NOW - HOUR + MINUTE
