"""Graph's list of an account's subscriptions, read again in a run at most once.

Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits
"""

import threading
from collections.abc import Callable, Sequence

from shared.errors import Problem
from shared.graph.subscription import GraphSubscription


class ListedOnce:
    """Graph's list as of the first of a run's conflicts, for all of them: Graph allows a page of it a second."""

    def __init__(self, list_own: Callable[[], Sequence[GraphSubscription]]) -> None:
        self._list_own = list_own
        self._lock = threading.Lock()
        self._outcome: Sequence[GraphSubscription] | Problem | None = None

    def __call__(self) -> Sequence[GraphSubscription]:
        """Return the list; raises what the first attempt raised."""
        with self._lock:
            if self._outcome is None:
                try:
                    self._outcome = self._list_own()
                except Problem as problem:
                    self._outcome = problem
        if isinstance(self._outcome, Problem):
            raise self._outcome
        return self._outcome
