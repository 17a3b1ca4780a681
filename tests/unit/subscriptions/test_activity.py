"""The activity of subscriptions that is recorded for the timer, in a table in memory."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.notifications.client_state import AuthenticNotification
from shared.subscriptions.activity import ActivityRecorder
from shared.timing import Deadline
from tests.fakes.clocks import Hands
from tests.sender import OTHER_TENANT, SUBSCRIPTION, TENANT, basic_item, unsigned

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SECOND = "6d4e3f7a-0000-4000-8000-000000000002"


class Table:
    """Records every call; ``down``: refuses them."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, str, str | None, datetime]] = []
        self.named: list[datetime | None] = []
        self.down = False
        self._written = threading.Semaphore(0)

    def record(
        self,
        tenant_id: str,
        subscription_id: str,
        lifecycle_event: str | None,
        at: datetime,
        expiration: datetime | None,
    ) -> None:
        try:
            if self.down:
                raise Unavailable("the table does not answer")
            self.recorded.append((tenant_id, subscription_id, lifecycle_event, at))
            self.named.append(expiration)
        finally:
            self._written.release()

    def wait(self, writes: int) -> None:
        """Return once so many writes have been tried."""
        for _ in range(writes):
            assert self._written.acquire(timeout=10)


def _items(*changes: dict[str, Any]) -> Sequence[AuthenticNotification]:
    return [unsigned(basic_item(**each)) for each in changes]


def _lifecycle(event: str, **changes: Any) -> dict[str, Any]:
    return {"lifecycleEvent": event, "changeType": None, "resource": None, "resourceData": None} | changes


def _soon() -> Deadline:
    return Deadline.after(timedelta(seconds=10))


@pytest.fixture
def table() -> Table:
    return Table()


def test_lifecycle_notification_is_recorded_before_the_answer(table: Table) -> None:
    events = ("reauthorizationRequired", "subscriptionRemoved", "missed", "somethingUnheardOf")
    ActivityRecorder(table.record).record(_items(*map(_lifecycle, events)), NOW, _soon())
    assert sorted(table.recorded) == sorted((TENANT, SUBSCRIPTION, event, NOW) for event in events)


def test_unrecorded_lifecycle_notification_is_refused(table: Table) -> None:
    table.down = True
    with pytest.raises(Unavailable):
        ActivityRecorder(table.record).record(_items(_lifecycle("missed")), NOW, _soon())


def test_a_table_that_hangs_does_not_outlast_the_deadline() -> None:
    ends = threading.Event()

    def hang(*_: Any, **__: Any) -> None:
        ends.wait(10)

    try:
        with pytest.raises(Unavailable):
            ActivityRecorder(hang).record(_items(_lifecycle("missed")), NOW, Deadline.after(timedelta(milliseconds=20)))
    finally:
        ends.set()


def test_changes_are_a_sign_of_life_once_in_four_minutes(table: Table) -> None:
    hands = Hands()
    recorder = ActivityRecorder(table.record, monotonic=hands)
    for seconds in (0, 239, 1, 120):
        hands.at += seconds
        recorder.record(_items({}, {}), NOW, _soon())
    table.wait(2)
    assert table.recorded == [(TENANT, SUBSCRIPTION, None, NOW)] * 2


def test_each_subscription_gives_signs_of_its_own(table: Table) -> None:
    others: tuple[dict[str, Any], ...] = ({}, {"subscriptionId": SECOND}, {"tenantId": OTHER_TENANT})
    ActivityRecorder(table.record).record(_items(*others), NOW, _soon())
    table.wait(3)
    assert {(tenant, subscription) for tenant, subscription, _, _ in table.recorded} == {
        (TENANT, SUBSCRIPTION),
        (TENANT, SECOND),
        (OTHER_TENANT, SUBSCRIPTION),
    }


def test_unrecorded_heartbeat_stops_nothing(table: Table) -> None:
    table.down = True
    ActivityRecorder(table.record).record(_items({}), NOW, _soon())
    table.wait(1)
    assert table.recorded == []
