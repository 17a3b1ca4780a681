"""The concurrency limiter: bursts wait, a stall shortens the wait, and less urgent work waits until it is quiet."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.limits import ConcurrencyLimiter
from tests.sender import OTHER_TENANT, TENANT

# The threads wait as long as POSTs do.
pytestmark = pytest.mark.slow

# Far less than a request waits for a slot, except while another is stalled.
SOON, A_MOMENT = 0.9, 0.3


def _gets_slot(limiter: ConcurrencyLimiter) -> bool:
    with suppress(Unavailable), limiter.slot(TENANT):
        return True
    return False


def _keeps_slot(limiter: ConcurrencyLimiter, let_go: Event) -> bool:
    with suppress(Unavailable), limiter.slot(TENANT):
        return let_go.wait(10)
    return False


def _fails(limiter: ConcurrencyLimiter, problem: Exception) -> None:
    with suppress(type(problem)), limiter.slot(TENANT):
        raise problem


class Taken:
    """A slot that a thread holds until ``release``; ``problem`` is what the block then raises."""

    def __init__(self, pool: ThreadPoolExecutor, limiter: ConcurrencyLimiter, tenant_id: str = TENANT) -> None:
        self._limiter = limiter
        self._tenant_id = tenant_id
        self._begun, self._go_on = Event(), Event()
        self._problem: Exception | None = None
        self._done: Future[None] = pool.submit(self._work)
        assert self._begun.wait(10)

    def release(self, problem: Exception | None = None) -> None:
        self._problem = problem
        self._go_on.set()
        with suppress(Unavailable, Misconfigured):
            self._done.result(10)

    def _work(self) -> None:
        with self._limiter.slot(self._tenant_id):
            self._begun.set()
            assert self._go_on.wait(10)
            if self._problem is not None:
                raise self._problem


def _seconds(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def test_request_without_a_slot_is_refused_after_a_while() -> None:
    with ThreadPoolExecutor(3) as pool:
        limiter = ConcurrencyLimiter(2)
        taken = [Taken(pool, limiter) for _ in range(2)]
        assert SOON < _seconds(lambda: _refused(limiter)) < 2 * SOON + 1
        for each in taken:
            each.release()
        assert _gets_slot(limiter)


def _refused(limiter: ConcurrencyLimiter) -> None:
    with pytest.raises(Unavailable, match="too many"), limiter.slot(TENANT):
        pytest.fail("there was no free slot")


def test_waiting_request_gets_the_slot_that_is_released() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert _waits(pool, ConcurrencyLimiter(1))


def _stalls(limiter: ConcurrencyLimiter) -> None:
    """Hold a slot for long, and fail then."""
    with suppress(Unavailable), limiter.slot(TENANT):
        time.sleep(1.1)
        raise Unavailable("no answer")


def test_requests_wait_only_briefly_while_another_is_stalled() -> None:
    with ThreadPoolExecutor(2) as pool:
        limiter = ConcurrencyLimiter(1)
        _stalls(limiter)
        # A quick refusal says nothing about those that wait.
        _fails(limiter, Unavailable("refused"))
        _fails(limiter, Misconfigured("403"))
        taken = Taken(pool, limiter)
        assert A_MOMENT < _seconds(lambda: _refused(limiter)) < SOON
        taken.release(Unavailable("refused"))
        assert _waits(pool, limiter, seconds=0.1)
        # One succeeded: bursts wait again.
        assert _waits(pool, limiter)


def test_stall_ends_by_itself_after_a_while() -> None:
    with ThreadPoolExecutor(2) as pool:
        limiter = ConcurrencyLimiter(1)
        _stalls(limiter)
        time.sleep(2.6)
        assert _waits(pool, limiter)


def _waits(pool: ThreadPoolExecutor, limiter: ConcurrencyLimiter, seconds: float = 0.6) -> bool:
    """Return whether a request waits for the only slot, which is taken for ``seconds``, and gets it."""
    taken = Taken(pool, limiter)
    waiting = pool.submit(_gets_slot, limiter)
    time.sleep(seconds)
    taken.release()
    return waiting.result(10)


def test_stall_cuts_the_wait_of_those_already_waiting() -> None:
    with ThreadPoolExecutor(4) as pool:
        limiter = ConcurrencyLimiter(2)
        first, second, let_go = Taken(pool, limiter), Taken(pool, limiter), Event()
        time.sleep(1.1)
        waiting = [pool.submit(_keeps_slot, limiter, let_go) for _ in range(2)]
        time.sleep(0.1)
        first.release(Unavailable("no answer"))
        # One gets the slot that is free now, and the other stops waiting.
        done, going_on = wait(waiting, timeout=SOON, return_when=FIRST_COMPLETED)
        assert [each.result() for each in done] == [False]
        let_go.set()
        assert [each.result(10) for each in going_on] == [True]
        second.release()


def test_quick_refusal_is_no_stall() -> None:
    with ThreadPoolExecutor(2) as pool:
        limiter = ConcurrencyLimiter(1)
        _fails(limiter, Unavailable("refused"))
        assert _waits(pool, limiter)


@pytest.mark.parametrize("problem", [Unavailable("no answer"), Misconfigured("403"), ValueError("a bug")])
def test_slot_is_released_however_the_block_ends(problem: Exception) -> None:
    limiter = ConcurrencyLimiter(1)
    for _ in range(3):
        _fails(limiter, problem)
    assert _gets_slot(limiter)


def test_wait_until_quiet_ends_when_quiet_or_timed_out() -> None:
    with ThreadPoolExecutor(4) as pool:
        limiter = ConcurrencyLimiter(4)
        taken = [Taken(pool, limiter) for _ in range(2)]
        assert 0.2 <= _seconds(lambda: limiter.wait_until_quiet(0.2)) < SOON
        waiting = pool.submit(limiter.wait_until_quiet, 10)
        time.sleep(0.1)
        assert not waiting.done()
        taken[0].release()
        waiting.result(SOON)
        # With a quarter of the slots taken, it is quiet.
        assert _seconds(lambda: limiter.wait_until_quiet(10)) < SOON
        taken[1].release()


def test_slow_tenant_leaves_the_last_slots_to_the_others() -> None:
    with ThreadPoolExecutor(8) as pool:
        limiter = ConcurrencyLimiter(8)
        slow = [Taken(pool, limiter, OTHER_TENANT) for _ in range(6)]
        with pytest.raises(Unavailable, match="too many"), limiter.slot(OTHER_TENANT):
            pytest.fail("the last slots are reserved")
        assert _gets_slot(limiter)
        for each in slow:
            each.release()


def test_slot_that_reports_a_failure_after_long_is_a_stall() -> None:
    with ThreadPoolExecutor(2) as pool:
        limiter = ConcurrencyLimiter(1)
        with limiter.slot(TENANT) as slot:
            time.sleep(1.1)
            slot.has_failed = True
        taken = Taken(pool, limiter)
        assert A_MOMENT < _seconds(lambda: _refused(limiter)) < SOON
        taken.release()
