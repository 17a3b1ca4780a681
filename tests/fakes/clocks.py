"""Clocks that stand still until a test moves them."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.fakes.subscription_values import NOW


class SettableClock:
    """Stands still until it is set, or until a sleep moves it."""

    def __init__(self, moment: datetime = NOW) -> None:
        self._moment = moment
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._moment

    def sleep_until(self, moment: datetime) -> None:
        with self._lock:
            self._moment = max(self._moment, moment)

    def pass_by(self, time: timedelta) -> None:
        with self._lock:
            self._moment += time


@dataclass
class Hands:
    """A monotonic clock that stands until a test moves its hands; in seconds."""

    at: float = field(default=1000.0)

    def __call__(self) -> float:
        return self.at
