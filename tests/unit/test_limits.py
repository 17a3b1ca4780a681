"""Rates of requests, and pauses that Graph asks for, on a clock that only a sleep moves."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.limits import LISTS, WRITES, OutOfTime, Rate, RateLimiter, wait_out_retry_after
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import HOUR, MINUTE, NOW

SECOND = timedelta(seconds=1)
ENDS = NOW + 4 * MINUTE
# Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits
WINDOW, MOST_WRITES, MOST_LISTS = 20 * SECOND, 500, 25


def _moments(clock: SettableClock, limiter: RateLimiter, times: int) -> Sequence[datetime]:
    moments = []
    for _ in range(times):
        limiter.wait()
        moments.append(clock.now())
    return moments


@pytest.mark.parametrize(("rate", "most", "burst"), [(WRITES, MOST_WRITES, 1), (LISTS, MOST_LISTS, 22)])
def test_no_window_has_more_requests_than_graph_allows(rate: Rate, most: int, burst: int) -> None:
    clock = SettableClock()
    moments = _moments(clock, RateLimiter(clock, rate), 2 * most)
    assert not [one for one, other in zip(moments, moments[most:], strict=False) if other - one < WINDOW]
    # The few pages of lists of a common run need not wait.
    assert moments.count(NOW) == burst
    # Nor is Graph asked much more slowly than it allows.
    assert moments[-1] - NOW < 2.3 * WINDOW


@pytest.mark.parametrize(("rate", "times"), [(WRITES, 450), (LISTS, 23)])
def test_threads_share_one_rate(rate: Rate, times: int) -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, rate)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: limiter.wait(), range(times)))
    assert clock.now() - NOW > 19.9 * SECOND


def test_writes_after_an_idle_time_come_in_no_burst() -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, WRITES)
    clock.pass_by(MINUTE)
    assert _moments(clock, limiter, 451)[-1] > NOW + MINUTE + 19.9 * SECOND


def test_lists_after_an_idle_time_need_not_wait() -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, LISTS)
    _moments(clock, limiter, 22)
    clock.pass_by(WINDOW)
    assert set(_moments(clock, limiter, 22)) == {NOW + WINDOW}


@pytest.mark.parametrize("rate", [WRITES, LISTS])
def test_pause_delays_every_request_and_no_shorter_one_ends_it(rate: Rate) -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, rate)
    limiter.pause_for(MINUTE)
    limiter.pause_for(SECOND)
    assert min(_moments(clock, limiter, 2)) == NOW + MINUTE


def test_limiter_is_over_at_its_end_or_when_a_pause_outlasts_it() -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, WRITES, ends=ENDS)
    assert not limiter.is_over()
    limiter.pause_for(4 * MINUTE)
    assert not limiter.is_over()
    limiter.pause_for(4 * MINUTE + SECOND)
    assert limiter.is_over()
    late = RateLimiter(clock, WRITES, ends=ENDS)
    clock.pass_by(4 * MINUTE + SECOND)
    assert late.is_over()


def test_started_write_waits_half_a_minute_beyond_the_end() -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, WRITES, ends=ENDS)
    limiter.pause_for(4 * MINUTE + 30 * SECOND)
    limiter.wait()
    assert clock.now() == ENDS + 30 * SECOND


@pytest.mark.parametrize("pause", [4 * MINUTE + 31 * SECOND, 24 * HOUR])
def test_request_long_after_the_end_is_out_of_time_at_once(pause: timedelta) -> None:
    clock = SettableClock()
    limiter = RateLimiter(clock, WRITES, ends=ENDS)
    limiter.pause_for(pause)
    with pytest.raises(OutOfTime):
        limiter.wait()
    assert clock.now() == NOW


# --- Retry-After


def test_short_pauses_are_slept_through_until_graph_answers() -> None:
    clock = SettableClock()
    problems = [Unavailable("429", retry_after=15 * SECOND), Unavailable("503", retry_after=SECOND)]

    def request() -> str:
        if problems:
            raise problems.pop(0)
        return "the answer"

    assert wait_out_retry_after(request, clock) == "the answer"
    assert clock.now() == NOW + 16 * SECOND


@pytest.mark.parametrize(
    "problem",
    [
        Unavailable("429", retry_after=16 * SECOND),
        Unavailable("no answer"),
        OutOfTime("the run ends"),
        Misconfigured("403"),
    ],
    ids=["a longer pause", "no pause", "no time left", "a refusal"],
)
def test_anything_else_is_raised_at_once(problem: Exception) -> None:
    clock = SettableClock()

    def request() -> None:
        raise problem

    with pytest.raises(type(problem)) as raised:
        wait_out_retry_after(request, clock)
    assert raised.value is problem
    assert clock.now() == NOW
