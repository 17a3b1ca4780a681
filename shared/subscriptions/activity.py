"""Records the activity of subscriptions while POSTs are received: lifecycle notifications, and heartbeats.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from shared.errors import Problem
from shared.notifications.client_state import AuthenticNotification
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# An operator only needs to see that a subscription is alive; a write per change would dominate the cost of receiving.
_HEARTBEAT_SECONDS = 600.0
_MAX_REMEMBERED = 20_000

_PARALLEL_WRITES = 8

type RecordActivity = Callable[[str, str, str | None, datetime], None]
"""One write to the table: tenant id, subscription id, lifecycle event, time of receipt; raises Unavailable."""


class ActivityRecorder:
    """Records lifecycle notifications at once, and changes as heartbeats: every ten minutes, in the background."""

    def __init__(self, record_activity: RecordActivity, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._record_activity = record_activity
        self._monotonic = monotonic
        self._lifecycle_writes = ThreadPoolExecutor(max_workers=_PARALLEL_WRITES, thread_name_prefix="lifecycle")
        self._heartbeats = ThreadPoolExecutor(max_workers=1, thread_name_prefix="heartbeats")
        self._recorded_at: dict[tuple[str, str], float] = {}

    def record(self, items: Sequence[AuthenticNotification], received_at: datetime, deadline: Deadline) -> None:
        """Return once every lifecycle notification among ``items`` is recorded.

        Raises:
            Unavailable: the table did not answer in time for one of them. A failed heartbeat is only logged.
        """
        lifecycle_events = [item for item in items if item.lifecycle_event is not None]
        writes = [self._lifecycle_writes.submit(self._write, item, received_at) for item in lifecycle_events]
        for item in items:
            if item.lifecycle_event is None and self._is_due(item):
                self._heartbeats.submit(self._try_to_write, item, received_at)
        for write in writes:
            deadline.result_of(write)

    def _is_due(self, item: AuthenticNotification) -> bool:
        key, now = (item.tenant_id, item.subscription_id), self._monotonic()
        if self._recorded_at.get(key, float("-inf")) > now - _HEARTBEAT_SECONDS:
            return False
        if len(self._recorded_at) >= _MAX_REMEMBERED:
            self._recorded_at.clear()
        self._recorded_at[key] = now
        return True

    def _try_to_write(self, item: AuthenticNotification, received_at: datetime) -> None:
        try:
            self._write(item, received_at)
        except Problem as problem:
            _LOG.info("the heartbeat of subscription %s was not recorded: %s", item.subscription_id, problem)

    def _write(self, item: AuthenticNotification, received_at: datetime) -> None:
        self._record_activity(item.tenant_id, item.subscription_id, item.lifecycle_event, received_at)
