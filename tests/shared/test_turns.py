"""Turns: bursts wait, what hangs holds nobody up, and what is less urgent waits for its moment."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.turns import Turns

# They wait as long as POSTs do.
pytestmark = pytest.mark.slow

# Far less than anybody waits for a turn, but for those who find that something hangs.
SOON, A_MOMENT = 0.9, 0.3


def _has_turn(turns: Turns) -> bool:
    with suppress(Unavailable), turns.turn():
        return True
    return False


def _keeps_turn(turns: Turns, let_go: Event) -> bool:
    with suppress(Unavailable), turns.turn():
        return let_go.wait(10)
    return False


def _fails(turns: Turns, problem: Exception) -> None:
    with suppress(type(problem)), turns.turn():
        raise problem


class Taken:
    """A turn that somebody has until ``give_back``; a ``problem`` is how the work ends."""

    def __init__(self, pool: ThreadPoolExecutor, turns: Turns) -> None:
        self._turns = turns
        self._begun, self._go_on = Event(), Event()
        self._problem: Exception | None = None
        self._done: Future[None] = pool.submit(self._work)
        assert self._begun.wait(10)

    def give_back(self, problem: Exception | None = None) -> None:
        self._problem = problem
        self._go_on.set()
        with suppress(Unavailable, Misconfigured):
            self._done.result(10)

    def _work(self) -> None:
        with self._turns.turn():
            self._begun.set()
            assert self._go_on.wait(10)
            if self._problem is not None:
                raise self._problem


def _seconds(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def test_as_many_work_at_once_as_there_are_turns_and_the_next_is_refused_after_a_while() -> None:
    with ThreadPoolExecutor(3) as pool:
        turns = Turns(2)
        taken = [Taken(pool, turns) for _ in range(2)]
        assert SOON < _seconds(lambda: _refused(turns)) < 2 * SOON + 1
        for each in taken:
            each.give_back()
        assert _has_turn(turns)


def _refused(turns: Turns) -> None:
    with pytest.raises(Unavailable, match="too many"), turns.turn():
        pytest.fail("there was no turn to have")


def test_who_waits_has_the_turn_that_is_given_back() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert _waits(pool, Turns(1))


def _hangs(turns: Turns) -> None:
    """Have one wait for long, and in vain."""
    with suppress(Unavailable), turns.turn():
        time.sleep(1.1)
        raise Unavailable("no answer")


def test_once_one_has_waited_long_in_vain_others_wait_for_a_moment() -> None:
    with ThreadPoolExecutor(2) as pool:
        turns = Turns(1)
        _hangs(turns)
        # What is refused soon says nothing about those who wait.
        _fails(turns, Unavailable("refused"))
        _fails(turns, Misconfigured("403"))
        taken = Taken(pool, turns)
        assert A_MOMENT < _seconds(lambda: _refused(turns)) < SOON
        taken.give_back(Unavailable("refused"))
        assert _waits(pool, turns, seconds=0.1)
        # It went through: bursts wait again.
        assert _waits(pool, turns)


def test_after_a_while_bursts_wait_again() -> None:
    with ThreadPoolExecutor(2) as pool:
        turns = Turns(1)
        _hangs(turns)
        time.sleep(2.6)
        assert _waits(pool, turns)


def _waits(pool: ThreadPoolExecutor, turns: Turns, seconds: float = 0.6) -> bool:
    """Return whether somebody waits for the only turn, which is taken for so long, and gets it."""
    taken = Taken(pool, turns)
    waiting = pool.submit(_has_turn, turns)
    time.sleep(seconds)
    taken.give_back()
    return waiting.result(10)


def test_who_waits_already_is_told_when_one_has_waited_long_in_vain() -> None:
    with ThreadPoolExecutor(4) as pool:
        turns = Turns(2)
        first, second, let_go = Taken(pool, turns), Taken(pool, turns), Event()
        time.sleep(1.1)
        waiting = [pool.submit(_keeps_turn, turns, let_go) for _ in range(2)]
        time.sleep(0.1)
        first.give_back(Unavailable("no answer"))
        # One has the turn that is free now, and the other waits no longer.
        done, going_on = wait(waiting, timeout=SOON, return_when=FIRST_COMPLETED)
        assert [each.result() for each in done] == [False]
        let_go.set()
        assert [each.result(10) for each in going_on] == [True]
        second.give_back()


def test_what_is_refused_soon_makes_nobody_give_up_waiting() -> None:
    with ThreadPoolExecutor(2) as pool:
        turns = Turns(1)
        _fails(turns, Unavailable("refused"))
        assert _waits(pool, turns)


@pytest.mark.parametrize("problem", [Unavailable("no answer"), Misconfigured("403"), ValueError("a bug")])
def test_a_turn_is_given_back_however_the_work_ends(problem: Exception) -> None:
    turns = Turns(1)
    for _ in range(3):
        _fails(turns, problem)
    assert _has_turn(turns)


def test_calm_is_waited_for_but_not_for_ever() -> None:
    with ThreadPoolExecutor(4) as pool:
        turns = Turns(4)
        taken = [Taken(pool, turns) for _ in range(2)]
        assert 0.2 <= _seconds(lambda: turns.await_calm(0.2)) < SOON
        waiting = pool.submit(turns.await_calm, 10)
        time.sleep(0.1)
        assert not waiting.done()
        taken[0].give_back()
        waiting.result(SOON)
        # A quarter of them taken is calm enough.
        assert _seconds(lambda: turns.await_calm(10)) < SOON
        taken[1].give_back()
