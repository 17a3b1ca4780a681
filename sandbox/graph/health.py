"""How Graph judges an endpoint by the time its answers take: normal, slow or drop.

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

    def answered(self, now: datetime, took: timedelta) -> None:
        """Take the duration of one answer (or of the wait for one) into account."""
        self._answers.append((now, took))
        if self._worse(self._judged(now)):
            self._state, self._until = self._judged(now), now + WINDOW

    def state(self, now: datetime) -> State:
        """Return the state; a bad one lasts ten minutes, and longer if the answers have not become better."""
        if self._until is not None and now >= self._until:
            self._state = self._judged(now)
            self._until = None if self._state == "normal" else now + WINDOW
        return self._state

    def _judged(self, now: datetime) -> State:
        while self._answers and self._answers[0][0] < now - WINDOW:
            self._answers.popleft()
        if len(self._answers) < self.least_answers:
            return "normal"
        if self._share_over(self.drop_after) > _DROP_SHARE:
            return "drop"
        return "slow" if self._share_over(self.slow_after) > _SLOW_SHARE else "normal"

    def _share_over(self, limit: timedelta) -> float:
        # A wait that was cut off at the limit lasted the limit: it counts as over it.
        return sum(took >= limit for _, took in self._answers) / len(self._answers)

    def _worse(self, judged: State) -> bool:
        order: tuple[State, ...] = ("normal", "slow", "drop")
        return order.index(judged) > order.index(self._state)
