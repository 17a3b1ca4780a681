"""When to ask an app to reauthorize: while less than an hour is left, or its access token is about to end.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
"""

import heapq
from datetime import datetime, timedelta

from sandbox.graph.subscription import Subscription

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
        """When the next reminder is due; None if there is none."""
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
