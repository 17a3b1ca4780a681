"""What receiving records of subscriptions is bounded: in memory while the table is slow, and in writes under replay."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.notifications.client_state import AuthenticNotification
from shared.subscriptions.activity import ActivityRecorder
from shared.timing import Deadline
from tests.eventually import eventually
from tests.fakes.clocks import Hands
from tests.sender import basic_item, unsigned

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
EXPIRATION = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LIFECYCLE = {"lifecycleEvent": "missed", "changeType": None, "resource": None, "resourceData": None}


def _item(number: int = 0, **changes: Any) -> AuthenticNotification:
    subscription_id = f"10493aa0-4d29-4df5-bc0c-{number:012x}"
    return unsigned(basic_item(subscriptionId=subscription_id, **changes))


def _missed(expiration: Any = "2026-11-22T09:30:00Z", number: int = 0) -> AuthenticNotification:
    return _item(number, **LIFECYCLE, subscriptionExpirationDateTime=expiration)


def _soon() -> Deadline:
    return Deadline.after(timedelta(seconds=10))


@dataclass
class Writes:
    """A table that takes writes, or hangs until ``goes_on``."""

    made: list[tuple[str | None, datetime | None]] = field(default_factory=list)
    goes_on: threading.Event = field(default_factory=threading.Event)
    down: bool = False

    def record(
        self, _tenant_id: str, _id: str, lifecycle_event: str | None, _at: datetime, expiration: datetime | None
    ) -> None:
        self.goes_on.wait(10)
        if self.down:
            raise Unavailable("the table does not answer")
        self.made.append((lifecycle_event, expiration))


@pytest.fixture
def writes() -> Iterator[Writes]:
    writes = Writes()
    writes.goes_on.set()
    yield writes
    writes.goes_on.set()


@pytest.mark.slow
def test_heartbeats_are_dropped_while_the_table_hangs(writes: Writes) -> None:
    """Row: activity records while the table is slow (r17)."""
    writes.goes_on.clear()
    hands = Hands()
    recorder = ActivityRecorder(writes.record, monotonic=hands)
    for _ in range(3):
        recorder.record([_item(number) for number in range(2_000)], NOW, _soon())
        hands.at += 601
    assert recorder._heartbeats._work_queue.qsize() <= 1_000
    writes.goes_on.set()
    assert eventually(lambda: len(writes.made) == 1_000)
    # What was dropped is not taken for recorded, and the queue has room again.
    recorder.record([_item(1_999)], NOW, _soon())
    assert eventually(lambda: len(writes.made) == 1_001)


def test_expiration_named_by_a_lifecycle_notification_is_recorded(writes: Writes) -> None:
    ActivityRecorder(writes.record).record([_missed(), _missed("soon", 1), _missed(None, 2)], NOW, _soon())
    assert sorted(writes.made, key=str) == [("missed", None), ("missed", None), ("missed", EXPIRATION)]


def test_copy_of_a_notification_is_written_once_in_four_minutes(writes: Writes) -> None:
    """Row: replayed lifecycle notifications: no growth. Graph itself repeats one every quarter of an hour at most."""
    hands = Hands()
    recorder = ActivityRecorder(writes.record, monotonic=hands)
    for seconds in (0, 1, 238, 1, 1):
        hands.at += seconds
        recorder.record([_missed(), _missed()], NOW, _soon())
    assert len(writes.made) == 2
    later = (EXPIRATION + timedelta(minutes=30)).isoformat()
    recorder.record([_missed(later)], NOW, _soon())
    assert len(writes.made) == 3


def test_unwritten_lifecycle_notification_is_written_next_time(writes: Writes) -> None:
    recorder = ActivityRecorder(writes.record)
    writes.down = True
    with pytest.raises(Unavailable):
        recorder.record([_missed()], NOW, _soon())
    writes.down = False
    recorder.record([_missed()], NOW, _soon())
    assert writes.made == [("missed", EXPIRATION)]


def test_deadline_leaves_no_write_waiting(writes: Writes) -> None:
    writes.goes_on.clear()
    recorder = ActivityRecorder(writes.record)
    with pytest.raises(Unavailable):
        recorder.record([_missed(number=n) for n in range(100)], NOW, Deadline.after(timedelta(milliseconds=20)))
    writes.goes_on.set()
    recorder.record([_missed(number=1_000)], NOW, _soon())
    # Those that had started, and the last one.
    assert 1 <= len(writes.made) <= 9
