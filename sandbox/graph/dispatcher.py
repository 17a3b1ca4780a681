"""What becomes of each item? It is sent together with others, tried again, delayed, or lost.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
"""

import asyncio
import heapq
import itertools
import logging
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched

from sandbox.clock import Clock
from sandbox.graph.health import WINDOW, Health
from sandbox.graph.items import Item, LossReason, Lost
from sandbox.graph.poster import Poster
from sandbox.graph.store import Subscriptions

# Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
RETRY_SPAN = timedelta(hours=4)
# Microsoft says "exponential backoff" and names no intervals. The longest is shorter than an access token's hour:
# an app that renews within the four hours gets everything.
FIRST_RETRY = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=30)


class Outbox:
    """Items by the time at which they are due; among equals, the one that came first."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Item]] = []
        self._order = itertools.count()

    @property
    def next_due(self) -> datetime | None:
        """When the next item is due; None if nothing waits."""
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


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much Graph sends at once; none of these numbers is documented."""

    max_items: int = 20
    """In one POST."""
    max_posts: int = 64
    """Under way at the same time."""
    least_answers: int = 100
    """Before an endpoint can be found slow."""


class Dispatcher:
    """The outbox, the POSTs under way, and the health of the endpoints."""

    def __init__(self, *, clock: Clock, store: Subscriptions, poster: Poster, pace: Pace) -> None:
        self.lost: list[Lost] = []
        self.stirred = asyncio.Event()
        """Set when there is something new to wait for."""
        self.outbox = Outbox()
        self.under_way: set[asyncio.Task[None]] = set()
        self._clock = clock
        self._store = store
        self._poster = poster
        self._pace = pace
        self._slots = asyncio.Semaphore(pace.max_posts)
        self._health: dict[str, Health] = {}
        self._silent_share, self._dice = 0.0, random.Random()  # noqa: S311  chance, no secret

    def lose_silently(self, share: float, seed: int) -> None:
        """From here on, lose this share of all changes."""
        self._silent_share, self._dice = share, random.Random(seed)  # noqa: S311  chance that can be repeated

    def overlook_slowness(self) -> None:
        """From here on, find no endpoint slow."""
        self._health.clear()
        self._pace = replace(self._pace, least_answers=sys.maxsize)

    def admit(self, item: Item) -> None:
        """Take an item on: for now, for ten minutes later if its endpoint is slow, or not at all if it drops."""
        now = self._clock.now()
        if item.change is not None and self._dice.random() < self._silent_share:
            self._lose(item, "silent")
            return
        state = self.health(item.url).state(now)
        if state == "drop":
            self._lose(item, "drop")
            return
        self.outbox.put(item, now + WINDOW if state == "slow" else now)
        self.stirred.set()

    def dispatch(self) -> None:
        """Begin to send everything that is due."""
        now = self._clock.now()
        due = [item for item in self.outbox.take_due(now) if self._may_go(item, now)]
        for items in self._posts(due):
            task = asyncio.create_task(self._deliver(items))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)

    def health(self, url: str) -> Health:
        """Return the health of an endpoint; query strings do not make endpoints."""
        endpoint, patience = url.partition("?")[0], self._poster.patience
        if endpoint not in self._health:
            self._health[endpoint] = Health(
                slow_after=patience.first, drop_after=patience.retry, least_answers=self._pace.least_answers
            )
        return self._health[endpoint]

    def _may_go(self, item: Item, now: datetime) -> bool:
        if item.lifecycle_event == "subscriptionRemoved":
            return True
        subscription = self._store.find(item.subscription.id)
        if subscription is None:
            return False
        if item.change is not None and subscription.authorized_until <= now:
            # Delivery pauses without a living access token, and goes on if there is one within four hours.
            self._later(item, now)
            return False
        return True

    def _posts(self, items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
        together: defaultdict[tuple[str, int, bool], list[Item]] = defaultdict(list)
        for item in items:
            together[item.url, item.attempts, item.change is None].append(item)
        for group in together.values():
            yield from batched(group, self._pace.max_items, strict=False)

    async def _deliver(self, items: tuple[Item, ...]) -> None:
        async with self._slots:
            answer = await self._poster.post(items[0].url, items)
        now = self._clock.now()
        self.health(items[0].url).answered(now, answer.took)
        if not answer.is_success:
            for item in items:
                self._later(replace(item, attempts=item.attempts + 1), now)

    def _later(self, item: Item, now: datetime) -> None:
        due = next_try(item.born, now)
        if due is None:
            self._lose(item, "retries")
            return
        self.outbox.put(item, due)
        self.stirred.set()

    def _lose(self, item: Item, reason: LossReason) -> None:
        _log.warning("a notification of subscription %s is lost: %s", item.subscription.id, reason)
        self.lost.append(Lost(item=item, reason=reason))
