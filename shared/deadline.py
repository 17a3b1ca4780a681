"""The moment by which Graph must have its answer, and the one way to wait for something outside until then."""

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from datetime import timedelta
from typing import Self

from shared.errors import Unavailable


class Deadline:
    """A moment on the monotonic clock.

    The client libraries' own time-outs count per socket read, and one call may be several requests (a token, a
    challenge, the answer). Waiting for a pool's future bounds them all; the call itself goes on and, when it ends well,
    fills its cache.
    """

    def __init__(self, moment: float) -> None:
        self._moment = moment

    @classmethod
    def after(cls, budget: timedelta) -> Self:
        """Return the deadline that is ``budget`` away."""
        return cls(time.monotonic() + budget.total_seconds())

    def within(self, budget: timedelta) -> Self:
        """Return the deadline that is ``budget`` away, or this one if it comes first."""
        return type(self)(min(self._moment, time.monotonic() + budget.total_seconds()))

    def before(self, reserve: timedelta) -> Self:
        """Return the deadline that comes ``reserve`` earlier."""
        return type(self)(self._moment - reserve.total_seconds())

    def seconds_left(self) -> float:
        """Return how long it is until then; 0 once it has come."""
        return max(0.0, self._moment - time.monotonic())

    def check(self) -> None:
        """Return while there is time.

        Raises:
            Unavailable: there is none.
        """
        if time.monotonic() > self._moment:
            raise Unavailable("no time is left of what Graph allows")

    def call[T, **P](self, pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return ``function``'s result, run on ``pool``.

        Raises:
            Unavailable: the deadline came first.
            Exception: whatever ``function`` raises.
        """
        return self.wait(pool.submit(function, *args, **kwargs))

    def wait[T](self, future: Future[T]) -> T:
        """Return ``future``'s result; one that has not begun by the deadline is cancelled.

        Raises:
            Unavailable: the deadline came first.
            Exception: whatever the call raises.
        """
        try:
            return future.result(timeout=self.seconds_left())
        except (TimeoutError, CancelledError) as exc:
            future.cancel()
            raise Unavailable("no answer within the time that Graph allows") from exc
