"""The items that wait for their time, and how long they wait after a failure."""

import heapq
import itertools
from datetime import datetime, timedelta

from sandbox.graph.items import Item

# Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
RETRY_SPAN = timedelta(hours=4)
# Microsoft says "exponential backoff" and names no intervals. The longest is shorter than an access token's hour:
# whoever renews within the four hours gets everything.
FIRST_RETRY = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=30)


class Outbox:
    """Items by the time at which they are due; among equals, the one that came first."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Item]] = []
        self._order = itertools.count()

    @property
    def next_due(self) -> datetime | None:
        """When the next item is due; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, item: Item, due: datetime) -> None:
        """Keep an item until it is due."""
        heapq.heappush(self._heap, (due, next(self._order), item))

    def take_due(self, now: datetime) -> list[Item]:
        """Return the items whose time has come, and keep the others."""
        items = []
        while self._heap and self._heap[0][0] <= now:
            items.append(heapq.heappop(self._heap)[2])
        return items


def next_try(born: datetime, now: datetime) -> datetime | None:
    """Return when to try again, in pauses that double up to half an hour; None after the last try, at four hours."""
    if now >= born + RETRY_SPAN:
        return None
    return min(now + min(max(FIRST_RETRY, now - born), LONGEST_PAUSE), born + RETRY_SPAN)
