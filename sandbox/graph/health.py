"""How does Graph judge an endpoint? By the time its answers take: normal, slow or drop.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

type State = Literal["normal", "slow", "drop"]

WINDOW = timedelta(minutes=10)
_SLOW_SHARE, _DROP_SHARE = 0.10, 0.15


@dataclass(slots=True, kw_only=True)
class Health:
    """The answers of one endpoint in the last ten minutes, and what follows from them.

    ``slow_after`` and ``drop_after`` are 3 s and 10 s with Graph. ``least_answers`` keeps one slow answer among three
    from counting as a third: the article named 100 deliveries in 2023, and names no number today.
    """

    slow_after: timedelta
    drop_after: timedelta
    least_answers: int
    _state: State = "normal"
    _until: datetime | None = None
    _answers: deque[tuple[datetime, timedelta]] = field(default_factory=deque)
    _slow: int = 0
    _dropped: int = 0

    def answered(self, now: datetime, took: timedelta) -> None:
        """Take the duration of one answer (or of the wait for one) into account."""
        self._answers.append((now, took))
        self._count(took, 1)
        if self._worse(judged := self._judged(now)):
            self._state, self._until = judged, now + WINDOW

    def state(self, now: datetime) -> State:
        """Return the state; a bad one lasts ten minutes, and longer if the answers have not become better."""
        if self._until is not None and now >= self._until:
            self._state = self._judged(now)
            self._until = None if self._state == "normal" else now + WINDOW
        return self._state

    def _judged(self, now: datetime) -> State:
        while self._answers and self._answers[0][0] < now - WINDOW:
            self._count(self._answers.popleft()[1], -1)
        if len(self._answers) < self.least_answers:
            return "normal"
        if self._dropped > _DROP_SHARE * len(self._answers):
            return "drop"
        return "slow" if self._slow > _SLOW_SHARE * len(self._answers) else "normal"

    def _count(self, took: timedelta, change: int) -> None:
        # A wait that was cut off at the limit lasted the limit: it counts as over it.
        self._slow += change * (took >= self.slow_after)
        self._dropped += change * (took >= self.drop_after)

    def _worse(self, judged: State) -> bool:
        order: tuple[State, ...] = ("normal", "slow", "drop")
        return order.index(judged) > order.index(self._state)
