"""The moment by which Graph must have its answer."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest

from shared.deadline import Deadline
from shared.errors import Misconfigured, Unavailable

LONG = timedelta(seconds=30)
SHORT = timedelta(milliseconds=20)


def test_a_call_that_ends_in_time_returns_its_result() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert Deadline.after(LONG).call(pool, divmod, 7, 2) == (3, 1)


def test_a_call_that_fails_in_time_raises_its_own_problem() -> None:
    def fail() -> None:
        raise Misconfigured("the text that an operator needs")

    with ThreadPoolExecutor(1) as pool, pytest.raises(Misconfigured, match="an operator needs"):
        Deadline.after(LONG).call(pool, fail)


def test_a_call_that_hangs_is_unavailable_and_goes_on_behind_the_scenes() -> None:
    let_go = Event()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(Unavailable):
            Deadline.after(SHORT).call(pool, let_go.wait)
        assert not let_go.is_set()
        let_go.set()


def test_a_call_that_never_began_never_will() -> None:
    let_go, begun = Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(let_go.wait)
        with pytest.raises(Unavailable):
            Deadline.after(SHORT).call(pool, begun.set)
        let_go.set()
    assert not begun.is_set()


@pytest.mark.parametrize(("whole", "part"), [(LONG, SHORT), (SHORT, LONG)])
def test_a_deadline_within_another_is_the_earlier_of_the_two(whole: timedelta, part: timedelta) -> None:
    let_go = Event()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(Unavailable):
            Deadline.after(whole).within(part).call(pool, let_go.wait)
        let_go.set()


def test_a_result_that_is_there_counts_even_behind_the_deadline() -> None:
    future: Future[int] = Future()
    future.set_result(7)
    assert Deadline.after(-LONG).wait(future) == 7


def test_a_cancelled_call_is_unavailable() -> None:
    future: Future[int] = Future()
    future.cancel()
    with pytest.raises(Unavailable):
        Deadline.after(LONG).wait(future)


def test_a_deadline_says_how_long_it_is_until_then() -> None:
    assert 29 < Deadline.after(LONG).seconds_left() <= 30
    assert Deadline.after(-LONG).seconds_left() == 0


def test_what_is_kept_in_reserve_is_left_when_the_earlier_deadline_has_come() -> None:
    whole = Deadline.after(LONG)
    early = whole.before(LONG)
    with pytest.raises(Unavailable):
        early.check()
    whole.check()
    assert 29 < whole.seconds_left() <= 30
