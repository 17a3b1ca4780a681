"""From a change in Teams, or in the life of a subscription, to items; and the task that sends them in time.

Sources: https://learn.microsoft.com/en-us/graph/change-notifications-overview,
https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
"""

import asyncio
import contextlib
from datetime import datetime
from typing import Any

from sandbox.clock import Clock
from sandbox.graph.dispatcher import Dispatcher
from sandbox.graph.items import Item, LifecycleEvent
from sandbox.graph.matching import keys_of, passes
from sandbox.graph.reminders import Reminders
from sandbox.graph.store import Subscriptions
from sandbox.graph.subscription import Subscription
from sandbox.teams import Change


class Notifier:
    """Knows whom to tell what, and when."""

    def __init__(self, *, clock: Clock, store: Subscriptions, dispatcher: Dispatcher) -> None:
        self.reminders = Reminders()
        self._clock = clock
        self._store = store
        self._dispatcher = dispatcher
        self._task: asyncio.Task[None] | None = None

    def changed(self, change: Change) -> None:
        """Tell every subscription that a change belongs to."""
        for subscription in self._store.watching(change.tenant_id, keys_of(change)):
            if change.change_type in subscription.change_types and passes(subscription, change):
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
            RuntimeError: nobody sends: not started, or stopped.
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
