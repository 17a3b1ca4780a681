"""Calls that are bounded as a whole: in time, in number, and for one system alone."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared.bounded_calls import MAX_ABANDONED, BoundedCalls
from shared.errors import NotFound, Unavailable
from tests.eventually import eventually

SHORT = timedelta(milliseconds=20)
LONG = timedelta(minutes=1)


@dataclass
class System:
    """Leaves every call without an answer for longer than a test takes, or until it answers."""

    answers: threading.Event = field(default_factory=threading.Event)
    began: list[int] = field(default_factory=list)

    def call(self) -> str:
        self.began.append(1)
        self.answers.wait(3)
        return "late"


@pytest.fixture
def trickling() -> Iterator[System]:
    system = System()
    yield system
    system.answers.set()


def _abandon(calls: BoundedCalls, trickling: System, count: int) -> None:
    for _ in range(count):
        with pytest.raises(Unavailable, match=r"vault has not answered within 0\.02 seconds"):
            calls.call(trickling.call)


def test_call_that_goes_on_for_too_long_is_unavailable(trickling: System) -> None:
    _abandon(BoundedCalls("vault", timeout=SHORT), trickling, 1)
    assert trickling.began == [1]


def test_call_in_time_returns_its_result_or_raises_its_error() -> None:
    calls = BoundedCalls("vault", timeout=LONG)
    assert calls.call(max, 1, 2) == 2
    with pytest.raises(NotFound, match="no such secret"):
        calls.call(_not_found)


def _not_found() -> None:
    raise NotFound("no such secret")


def test_system_with_four_abandoned_calls_is_not_called(trickling: System) -> None:
    calls = BoundedCalls("vault", timeout=SHORT)
    _abandon(calls, trickling, MAX_ABANDONED)
    for _ in range(10):
        with pytest.raises(Unavailable, match="vault counts as down: 4 calls have gone on for too long"):
            calls.call(trickling.call)
    assert len(trickling.began) == MAX_ABANDONED


def test_system_whose_abandoned_calls_have_ended_is_called_again(trickling: System) -> None:
    calls = BoundedCalls("vault", timeout=SHORT)
    _abandon(calls, trickling, MAX_ABANDONED)
    trickling.answers.set()
    assert eventually(lambda: _answer(calls) == "here")


def _answer(calls: BoundedCalls) -> str:
    try:
        return calls.call(lambda: "here")
    except Unavailable:
        return "down"


def test_abandoned_calls_of_one_system_delay_no_other(trickling: System) -> None:
    _abandon(BoundedCalls("vault", timeout=SHORT), trickling, MAX_ABANDONED)
    assert BoundedCalls("storage", timeout=LONG).call(lambda: "here") == "here"


def test_slow_calls_in_time_do_not_count_as_abandoned(trickling: System) -> None:
    calls = BoundedCalls("vault", timeout=LONG)
    with ThreadPoolExecutor(2 * MAX_ABANDONED) as pool:
        running = [pool.submit(calls.call, trickling.call) for _ in range(2 * MAX_ABANDONED)]
        assert calls.call(lambda: "here") == "here"
        trickling.answers.set()
        assert {each.result() for each in running} == {"late"}
