"""Time: a clock, the deadline of a piece of work, and the pause after failed attempts."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self

from shared.errors import Problem, Unavailable

# Shorter than the timer's 5-minute period, so that the next run tries again.
_FIRST_PAUSE = timedelta(minutes=4)
# An operator who has fixed a setting or granted a permission should not wait longer than this.
_LONGEST_PAUSE = timedelta(hours=1)
# Of the header Date. Within it, a clock is left alone: it would go back again and again.
_PRECISION = timedelta(seconds=1)
# Graph's error messages contain request ids and can be long; a row should stay readable.
_MAX_TEXT = 1024


def utc_time(text: object) -> datetime:
    """Return the time that ``text`` states, in UTC; raise ValueError if it is no ISO 8601 time with an offset."""
    if not isinstance(text, str):
        raise ValueError("a time that is not a text")  # noqa: TRY004  one error for callers
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("a time beyond the calendar") from exc


class Clock(Protocol):
    """The time, in UTC."""

    def now(self) -> datetime:
        """Return the current time."""
        ...

    def sleep_until(self, moment: datetime) -> None:
        """Return at ``moment``, or at once if it has passed."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SystemClock:
    """The ``Clock`` of this machine."""

    def now(self) -> datetime:
        """Return the current time."""
        return _utc_now()

    def sleep_until(self, moment: datetime) -> None:
        """Return at ``moment``, or at once if it has passed."""
        time.sleep(max(0.0, (moment - self.now()).total_seconds()))


class StorageClock:
    """Storage's time, once it is known: a machine's clock may be an hour wrong. Before that, the machine's."""

    def __init__(
        self,
        machine: Callable[[], datetime] = _utc_now,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._machine = machine
        self._monotonic = monotonic
        self._sleep = sleep
        self._known: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the current time."""
        if self._known is None:
            return self._machine()
        moment, at = self._known
        return moment + timedelta(seconds=self._monotonic() - at)

    def sleep_until(self, moment: datetime) -> None:
        """Return at ``moment``, or at once if it has passed."""
        self._sleep(max(0.0, (moment - self.now()).total_seconds()))

    def synchronise(self, date: datetime) -> None:
        """Go by ``date``, which storage's answer stated a moment ago, in whole seconds."""
        now = self.now()
        moment = now if abs(date - now) <= _PRECISION else date + _PRECISION / 2
        # Also where the machine is right: its clock may be set while a run lasts.
        self._known = (moment, self._monotonic())


class Deadline:
    """The moment by which work must be done, on the monotonic clock.

    The client libraries' timeouts apply to each socket read, and one call may need several requests (a token, a
    challenge, the answer). Waiting for a pool's future limits all of them together. The call itself continues in the
    background and, if it succeeds, fills its cache.
    """

    def __init__(self, moment: float) -> None:
        self._moment = moment

    @classmethod
    def after(cls, budget: timedelta) -> Self:
        """Return the deadline that is ``budget`` from now."""
        return cls(time.monotonic() + budget.total_seconds())

    def within(self, budget: timedelta) -> Self:
        """Return the deadline that is ``budget`` from now, or this one if it is earlier."""
        return type(self)(min(self._moment, time.monotonic() + budget.total_seconds()))

    def less(self, reserve: timedelta) -> Self:
        """Return the deadline that is ``reserve`` before this one."""
        return type(self)(self._moment - reserve.total_seconds())

    def seconds_left(self) -> float:
        """Return the seconds until the deadline; 0 if it has passed."""
        return max(0.0, self._moment - time.monotonic())

    def raise_if_passed(self) -> None:
        """Raise Unavailable if the deadline has passed."""
        if time.monotonic() > self._moment:
            raise Unavailable("the deadline has passed")

    def run_on[T, **P](self, pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of ``function``, run on ``pool``; raises as ``result_of`` does."""
        return self.result_of(pool.submit(function, *args, **kwargs))

    def result_of[T](self, future: Future[T]) -> T:
        """Return the result of ``future``; if it has not started by the deadline, cancel it.

        Raises:
            Unavailable: the deadline passed first.
            Exception: the exception of the call.
        """
        try:
            return future.result(timeout=self.seconds_left())
        except (TimeoutError, CancelledError) as exc:
            future.cancel()
            raise Unavailable("no answer before the deadline") from exc

    def results_of[T](self, futures: Sequence[Future[T]]) -> Sequence[T]:
        """Return the results of all, as ``result_of`` does; once one fails, cancel those that have not started."""
        try:
            return [self.result_of(future) for future in futures]
        finally:
            for future in futures:
                future.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Why the last ``count`` attempts failed, and when the next one may start."""

    text: str
    at: datetime
    count: int
    retry_at: datetime

    @classmethod
    def next(cls, previous: "Backoff | None", problem: Problem, now: datetime) -> Self:
        """Return the back-off after one more failure: twice the previous pause, or longer if Graph asks for it."""
        count = previous.count + 1 if previous else 1
        pause = min(_FIRST_PAUSE * 2 ** min(count - 1, 10), _LONGEST_PAUSE)
        requested = problem.retry_after if isinstance(problem, Unavailable) else None
        return cls(text=str(problem)[:_MAX_TEXT], at=now, count=count, retry_at=now + max(pause, requested or pause))

    def capped_at(self, moment: datetime) -> "Backoff":
        """Return the back-off, with the next attempt no later than ``moment``."""
        return replace(self, retry_at=min(self.retry_at, moment))
