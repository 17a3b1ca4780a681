"""The pace of writes, on a clock that moves only when somebody sleeps."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.errors import Unavailable
from shared.pacing import Lists, Pacer
from tests.shared.account import SettableClock
from tests.shared.tracked_values import HOUR, MINUTE, NOW

SECOND = timedelta(seconds=1)


def test_no_twenty_seconds_hold_more_writes_than_graph_bears() -> None:
    clock = SettableClock()
    pacer = Pacer(clock, ends=NOW + 4 * MINUTE)
    moments = []
    for _ in range(1000):
        pacer.wait()
        moments.append(clock.now())
    assert not [one for one, other in zip(moments, moments[500:], strict=False) if other - one < 20 * SECOND]
    assert moments[0] == NOW
    # Nor does it dawdle.
    assert moments[-1] - NOW < 50 * SECOND


def test_threads_share_one_pace() -> None:
    clock = SettableClock()
    pacer = Pacer(clock, ends=NOW + 4 * MINUTE)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: pacer.wait(), range(450)))
    assert clock.now() - NOW > 19.9 * SECOND


def test_who_comes_late_does_not_catch_up_in_a_burst() -> None:
    clock = SettableClock()
    pacer = Pacer(clock, ends=NOW + 4 * MINUTE)
    clock.pass_by(MINUTE)
    for _ in range(451):
        pacer.wait()
    assert clock.now() > NOW + MINUTE + 19.9 * SECOND


def test_a_pause_puts_off_every_write_and_is_never_cut_short_by_a_shorter_one() -> None:
    clock = SettableClock()
    pacer = Pacer(clock, ends=NOW + 4 * MINUTE)
    pacer.pause(MINUTE)
    pacer.pause(SECOND)
    pacer.wait()
    assert clock.now() == NOW + MINUTE


def test_it_is_over_when_its_time_is_or_when_a_pause_outlasts_it() -> None:
    clock = SettableClock()
    pacer = Pacer(clock, ends=NOW + 4 * MINUTE)
    assert not pacer.is_over()
    pacer.pause(4 * MINUTE)
    assert not pacer.is_over()
    pacer.pause(4 * MINUTE + SECOND)
    assert pacer.is_over()
    late = Pacer(clock, ends=NOW + 4 * MINUTE)
    clock.pass_by(4 * MINUTE + SECOND)
    assert late.is_over()


@pytest.mark.parametrize(("pause", "waits"), [(4 * MINUTE + 30 * SECOND, True), (4 * MINUTE + 31 * SECOND, False)])
def test_what_has_begun_waits_a_little_beyond_the_end_and_no_longer(pause: timedelta, *, waits: bool) -> None:
    clock = SettableClock()
    pacer = Pacer(clock, ends=NOW + 4 * MINUTE)
    pacer.pause(pause)
    if waits:
        pacer.wait()
        assert clock.now() == NOW + pause
        return
    with pytest.raises(Unavailable):
        pacer.wait()
    assert clock.now() == NOW


def test_an_endless_pause_keeps_nobody_waiting() -> None:
    clock = SettableClock()
    pacer = Pacer(clock, ends=NOW + 4 * MINUTE)
    pacer.pause(24 * HOUR)
    with pytest.raises(Unavailable):
        pacer.wait()


def test_no_twenty_seconds_hold_more_pages_of_lists_than_graph_bears() -> None:
    clock = SettableClock()
    lists, moments = Lists(clock), []
    for _ in range(100):
        lists.wait()
        moments.append(clock.now())
    assert not [one for one, other in zip(moments, moments[25:], strict=False) if other - one < 20 * SECOND]
    # The few pages of a common run need not wait.
    assert moments[20] == NOW


def test_a_page_after_a_quiet_time_need_not_wait() -> None:
    clock = SettableClock()
    lists = Lists(clock)
    for _ in range(22):
        lists.wait()
    clock.pass_by(MINUTE)
    lists.wait()
    assert clock.now() == NOW + MINUTE
