"""Which items arise from a change in Teams, or in the life of a subscription? And when each of them is sent.

Sources: https://learn.microsoft.com/en-us/graph/change-notifications-overview,
https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
"""

import asyncio
import contextlib
import heapq
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.graph.dispatcher import Dispatcher
from sandbox.graph.items import Item, LifecycleEvent
from sandbox.graph.matching import keys_of, reports
from sandbox.graph.store import Subscriptions
from sandbox.graph.subscription import Subscription
from sandbox.teams import Change

_BEFORE_EXPIRY = timedelta(minutes=60)
# A quarter of an access token's life, as in the article's illustration.
_BEFORE_TOKEN_ENDS = timedelta(minutes=15)
_INTERVAL = timedelta(minutes=15)


class Reminders:
    """The next reminder of each subscription that has a lifecycle URL."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._due: dict[str, datetime] = {}
        self._sent: dict[str, datetime] = {}

    @property
    def next_due(self) -> datetime | None:
        """When the next reminder is due; None if nothing waits."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def watch(self, subscription: Subscription) -> None:
        """Reckon with a subscription as it is now, instead of as it was."""
        if subscription.lifecycle_notification_url is None:
            return
        due = min(subscription.expires_at - _BEFORE_EXPIRY, subscription.authorized_until - _BEFORE_TOKEN_ENDS)
        if subscription.id in self._sent:
            due = max(due, self._sent[subscription.id] + _INTERVAL)
        self._due[subscription.id] = due
        heapq.heappush(self._heap, (due, subscription.id))

    def forget(self, subscription_id: str) -> None:
        """Send nothing more for a subscription."""
        self._due.pop(subscription_id, None)
        self._sent.pop(subscription_id, None)

    def take_due(self, now: datetime) -> list[str]:
        """Return the ids of the subscriptions to remind of; they have to be watched again."""
        ids = []
        while (due := self.next_due) is not None and due <= now:
            ids.append(heapq.heappop(self._heap)[1])
            del self._due[ids[-1]]
            self._sent[ids[-1]] = now
        return ids


class Notifier:
    """Turns changes and events of subscriptions into items, and sends them."""

    def __init__(self, *, clock: Clock, store: Subscriptions, dispatcher: Dispatcher) -> None:
        self.reminders = Reminders()
        self._clock = clock
        self._store = store
        self._dispatcher = dispatcher
        self._task: asyncio.Task[None] | None = None

    def changed(self, change: Change) -> None:
        """Notify every subscription that a change belongs to."""
        for subscription in self._store.watching(change.tenant_id, keys_of(change)):
            if reports(subscription, change):
                url = subscription.notification_url
                self._dispatcher.admit(Item(subscription=subscription, url=url, born=change.when, change=change))

    def announce(self, subscription: Subscription, event: LifecycleEvent) -> None:
        """Send a lifecycle notification, if the subscription has a URL for it."""
        url = subscription.lifecycle_notification_url
        if url is not None:
            now = self._clock.now()
            self._dispatcher.admit(Item(subscription=subscription, url=url, born=now, lifecycle_event=event))

    def watch(self, subscription: Subscription) -> None:
        """Remind the app of a subscription in time, as the subscription is now."""
        self.reminders.watch(subscription)
        self._dispatcher.stirred.set()

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop sending; what is under way is cut off."""
        tasks = [task for task in (self._task, *self._dispatcher.under_way) if task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._task = None

    async def idle(self) -> None:
        """Return once nothing is due and nothing under way; what waits for its time does not count.

        Raises:
            RuntimeError: it does not send: not started, or stopped.
        """
        while self._dispatcher.under_way or self._is_due():
            if self._task is None or self._task.done():
                raise RuntimeError("Graph does not deliver: it is not running")
            if self._dispatcher.under_way:
                await asyncio.wait(self._dispatcher.under_way)
            await asyncio.sleep(0)

    async def _run(self) -> None:
        while True:
            self._dispatcher.stirred.clear()
            self._remind()
            self._dispatcher.dispatch()
            await self._until_something_is_due()

    def _remind(self) -> None:
        for subscription_id in self.reminders.take_due(self._clock.now()):
            subscription = self._store.find(subscription_id)
            if subscription is None:
                self.reminders.forget(subscription_id)
            else:
                self.announce(subscription, "reauthorizationRequired")
                self.reminders.watch(subscription)

    def _next_due(self) -> datetime | None:
        return min(
            filter(None, (self._dispatcher.outbox.next_due, self.reminders.next_due)),
            default=None,
        )

    def _is_due(self) -> bool:
        due = self._next_due()
        return due is not None and due <= self._clock.now()

    async def _until_something_is_due(self) -> None:
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._dispatcher.stirred.wait())]
        if (due := self._next_due()) is not None:
            waits.append(asyncio.create_task(self._clock.sleep_until(due)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
