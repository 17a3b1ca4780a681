"""The moment by which work must be done, and the pause after failed attempts."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.timing import Backoff, Deadline
from tests.fakes.subscription_values import HOUR, MINUTE, NOW

LONG = timedelta(seconds=30)
SHORT = timedelta(milliseconds=20)
REFUSED = Misconfigured("Graph answered 403")


def test_a_call_that_ends_in_time_returns_its_result() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert Deadline.after(LONG).run_on(pool, divmod, 7, 2) == (3, 1)


def test_a_call_that_fails_in_time_raises_its_own_problem() -> None:
    def fail() -> None:
        raise Misconfigured("the text that an operator needs")

    with ThreadPoolExecutor(1) as pool, pytest.raises(Misconfigured, match="an operator needs"):
        Deadline.after(LONG).run_on(pool, fail)


def test_a_call_that_hangs_is_unavailable_and_goes_on_behind_the_scenes() -> None:
    let_go = Event()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(Unavailable):
            Deadline.after(SHORT).run_on(pool, let_go.wait)
        assert not let_go.is_set()
        let_go.set()


def test_a_call_that_never_began_never_will() -> None:
    let_go, begun = Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(let_go.wait)
        with pytest.raises(Unavailable):
            Deadline.after(SHORT).run_on(pool, begun.set)
        let_go.set()
    assert not begun.is_set()


@pytest.mark.parametrize(("whole", "part"), [(LONG, SHORT), (SHORT, LONG)])
def test_a_deadline_within_another_is_the_earlier_of_the_two(whole: timedelta, part: timedelta) -> None:
    let_go = Event()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(Unavailable):
            Deadline.after(whole).within(part).run_on(pool, let_go.wait)
        let_go.set()


def test_a_result_that_is_there_counts_even_behind_the_deadline() -> None:
    future: Future[int] = Future()
    future.set_result(7)
    assert Deadline.after(-LONG).result_of(future) == 7


def test_a_cancelled_call_is_unavailable() -> None:
    future: Future[int] = Future()
    future.cancel()
    with pytest.raises(Unavailable):
        Deadline.after(LONG).result_of(future)


def test_a_deadline_says_how_long_it_is_until_then() -> None:
    assert 29 < Deadline.after(LONG).seconds_left() <= 30
    assert Deadline.after(-LONG).seconds_left() == 0


def test_reserve_remains_after_the_earlier_deadline() -> None:
    whole = Deadline.after(LONG)
    early = whole.less(LONG)
    with pytest.raises(Unavailable):
        early.raise_if_passed()
    whole.raise_if_passed()
    assert 29 < whole.seconds_left() <= 30


# --- Backoff


def test_each_pause_is_twice_as_long_as_the_one_before_up_to_an_hour() -> None:
    backoff, pauses = None, []
    for _ in range(7):
        backoff = Backoff.next(backoff, REFUSED, NOW)
        pauses.append((backoff.retry_at - NOW) / MINUTE)
    assert pauses == [4, 8, 16, 32, 60, 60, 60]
    assert backoff is not None
    assert (backoff.text, backoff.at, backoff.count) == ("Graph answered 403", NOW, 7)


def test_the_ten_thousandth_pause_is_an_hour_too() -> None:
    many = Backoff(text="", at=NOW, count=10_000, retry_at=NOW)
    assert Backoff.next(many, REFUSED, NOW).retry_at == NOW + HOUR


@pytest.mark.parametrize(
    ("asked", "pause"),
    [(None, 4 * MINUTE), (timedelta(0), 4 * MINUTE), (MINUTE, 4 * MINUTE), (2 * HOUR, 2 * HOUR)],
)
def test_a_pause_is_never_shorter_than_was_asked_for(asked: timedelta | None, pause: timedelta) -> None:
    backoff = Backoff.next(None, Unavailable("Graph answered 429", retry_after=asked), NOW)
    assert backoff.retry_at == NOW + pause


def test_graphs_words_are_cut_to_what_a_row_can_hold() -> None:
    assert len(Backoff.next(None, Misconfigured("x" * 100_000), NOW).text) == 1024
