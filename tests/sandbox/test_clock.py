"""The clock: real time plus an offset, and sleepers that notice."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import Clock

DAY = timedelta(days=1)


def test_clock_that_was_not_moved_has_the_real_time_in_utc() -> None:
    before = datetime.now(UTC)
    assert before <= Clock().now() <= datetime.now(UTC)
    assert Clock().now().tzinfo is UTC


def test_advancing_moves_the_sandbox_time_but_not_the_real_one() -> None:
    clock = Clock()
    clock.advance(3 * DAY)
    assert clock.now() - clock.outside() >= 3 * DAY - timedelta(seconds=1)
    assert clock.outside() <= datetime.now(UTC)


def test_time_cannot_be_turned_back() -> None:
    with pytest.raises(ValueError, match="forward only"):
        Clock().advance(-DAY)


def test_sleeping_until_a_past_moment_returns_at_once() -> None:
    clock = Clock()
    asyncio.run(clock.sleep_until(clock.now() - DAY))


def test_sleeper_wakes_when_real_time_reaches_its_moment() -> None:
    clock = Clock()
    when = clock.now() + timedelta(milliseconds=20)
    asyncio.run(clock.sleep_until(when))
    assert clock.now() >= when


def test_advancing_in_another_thread_wakes_only_the_sleepers_that_are_due() -> None:
    async def scene() -> tuple[bool, bool]:
        clock = Clock()
        due = asyncio.create_task(clock.sleep_until(clock.now() + DAY))
        later = asyncio.create_task(clock.sleep_until(clock.now() + 3 * DAY))
        await asyncio.sleep(0)
        await asyncio.to_thread(clock.advance, 2 * DAY)
        await asyncio.wait_for(due, 5)
        woken = due.done(), later.done()
        later.cancel()
        return woken

    assert asyncio.run(scene()) == (True, False)


def test_loop_closed_under_its_sleeper_does_not_stop_the_clock() -> None:
    clock = Clock()
    loop = asyncio.new_event_loop()
    # The task is lost with its loop, on purpose: asyncio would complain of it in the log of whichever test comes next.
    loop.set_exception_handler(lambda _loop, _context: None)
    sleeper = loop.create_task(clock.sleep_until(clock.now() + DAY))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    clock.advance(2 * DAY)
    assert not sleeper.done()
    sleeper.get_coro().close()  # type: ignore[union-attr]  # a task in a test has a coroutine
