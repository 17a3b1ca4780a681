"""Records the activity of subscriptions while POSTs are received: lifecycle notifications, and heartbeats.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from shared.errors import Problem
from shared.notifications.client_state import AuthenticNotification
from shared.timing import Deadline, utc_time

_LOG = logging.getLogger(__name__)

# An operator only needs to see that a subscription is alive; a write per change would dominate the cost of receiving.
# And a copy of a lifecycle notification says nothing new.
_SECONDS_BETWEEN_WRITES = 240.0
_MAX_REMEMBERED = 20_000

_PARALLEL_WRITES = 8
# While the table is slow, a write takes seconds: more heartbeats than these are dropped, and come again.
_MAX_WAITING_HEARTBEATS = 1_000

type RecordActivity = Callable[[str, str, str | None, datetime, datetime | None], None]
"""One write to the table: tenant id, subscription id, lifecycle event, time of receipt, and the expiration that the
lifecycle event named; raises Unavailable."""

type _Subject = tuple[str, str, str | None, datetime | None]
"""What was recorded: tenant id, subscription id, lifecycle event, expiration."""


class ActivityRecorder:
    """Records lifecycle notifications at once, and changes as heartbeats in the background; each every four minutes."""

    def __init__(self, record_activity: RecordActivity, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._record_activity = record_activity
        self._monotonic = monotonic
        self._lifecycle_writes = ThreadPoolExecutor(max_workers=_PARALLEL_WRITES, thread_name_prefix="lifecycle")
        self._heartbeats = ThreadPoolExecutor(max_workers=1, thread_name_prefix="heartbeats")
        self._free = threading.Semaphore(_MAX_WAITING_HEARTBEATS)
        self._recorded_at: dict[_Subject, float] = {}

    def record(self, items: Sequence[AuthenticNotification], received_at: datetime, deadline: Deadline) -> None:
        """Return once every lifecycle notification among ``items`` is recorded.

        Raises:
            Unavailable: the table did not answer in time for one of them. A failed heartbeat is only logged.
        """
        # Items of one subject are one; the queues keep no item, which may be large.
        due = [subject for subject in dict.fromkeys(map(_subject, items)) if self._is_due(subject)]
        for subject in due:
            if subject[2] is None:
                self._record_heartbeat(subject, received_at)
        lifecycle = [subject for subject in due if subject[2] is not None]
        deadline.results_of([self._lifecycle_writes.submit(self._write, subject, received_at) for subject in lifecycle])

    def _is_due(self, subject: _Subject) -> bool:
        return self._recorded_at.get(subject, float("-inf")) <= self._monotonic() - _SECONDS_BETWEEN_WRITES

    def _remember(self, subject: _Subject) -> None:
        if len(self._recorded_at) >= _MAX_REMEMBERED:
            self._recorded_at.clear()
        self._recorded_at[subject] = self._monotonic()

    def _record_heartbeat(self, subject: _Subject, received_at: datetime) -> None:
        if self._free.acquire(blocking=False):
            self._remember(subject)
            self._heartbeats.submit(self._try_to_write, subject, received_at)

    def _try_to_write(self, subject: _Subject, received_at: datetime) -> None:
        try:
            self._write(subject, received_at)
        except Problem as problem:
            _LOG.info("the heartbeat of subscription %s was not recorded: %s", subject[1], problem)
        finally:
            self._free.release()

    def _write(self, subject: _Subject, received_at: datetime) -> None:
        tenant_id, subscription_id, lifecycle_event, expiration = subject
        self._record_activity(tenant_id, subscription_id, lifecycle_event, received_at, expiration)
        self._remember(subject)


def _subject(item: AuthenticNotification) -> _Subject:
    expiration = _named_expiration(item) if item.lifecycle_event is not None else None
    return (item.tenant_id, item.subscription_id, item.lifecycle_event, expiration)


def _named_expiration(item: AuthenticNotification) -> datetime | None:
    try:
        return utc_time(item.subscription_expiration)
    except ValueError:
        return None
