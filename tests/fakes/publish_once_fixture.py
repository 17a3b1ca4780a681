"""A process of the app that publishes each change once, and events that it publishes."""

import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.events.cloud_events import CloudEvent, change_event
from shared.events.publication import IsEnough, PublicationRecord, PublicationRow
from shared.events.publish_once import PublicationRecords, PublishOnce
from shared.notifications.decryption import ResourceContent
from shared.timing import Deadline
from tests.eventually import eventually
from tests.sender import CLIENT_ID, MESSAGE, basic_item, unsigned

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NEVER = datetime.min.replace(tzinfo=UTC)
WINDOW = timedelta(hours=4)
TEAM = "teams('3f9a')"

type Sent = Callable[[CloudEvent], None]


def in_time() -> Deadline:
    """Return a deadline that no test reaches."""
    return Deadline.after(timedelta(seconds=20))


@dataclass
class Table:
    """Rows in memory, by day, partition and name; ``clock`` is storage's, and ``trouble`` is met by every call."""

    rows: dict[tuple[date, str, str], tuple[str, datetime]] = field(default_factory=dict)
    trouble: Callable[[str], None] = field(default=lambda _call: None)
    clock: Callable[[], datetime] = field(default=lambda: NOW)
    calls: list[str] = field(default_factory=list)
    days_read: list[date] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def read(
        self, key: str, days: Sequence[date], *, since: datetime, is_enough: IsEnough, deadline: Deadline
    ) -> PublicationRecord | None:
        self.calls.append("read")
        self.trouble("read")
        deadline.raise_if_passed()
        found: PublicationRecord | None = None
        for day in days:
            self.days_read.append(day)
            names = [key, *(name for at, _, name in list(self.rows) if at == day and name.startswith(f"{key}-"))]
            for name in names:
                entry, written_at = self.rows.get((day, key[:1], name), ("", NEVER))
                if written_at >= since:
                    found = (found or PublicationRecord(key=key, entries=(), published_at=written_at)).with_entries(
                        [entry], written_at
                    )
                    if is_enough(found):
                        return found
        return found

    def write(self, rows: Sequence[PublicationRow], day: date) -> int | None:
        self.calls.append("write")
        self.trouble("write")
        assert len({row.key[:1] for row in rows}) == 1, "rows of several partitions"
        assert len({row.name for row in rows}) == len(rows) <= 100, "a row twice, or too many"
        with self.lock:
            for position, row in enumerate(rows):
                if row.is_first and (day, row.key[:1], row.name) in self.rows:
                    return position
            for row in rows:
                self.rows[day, row.key[:1], row.name] = (row.entry, self.clock())
        return None

    def entries(self, key: str) -> set[str]:
        """Return what is recorded of a key, on any day."""
        return {entry for (_, _, name), (entry, _) in self.rows.items() if name.partition("-")[0] == key}


@dataclass
class Worker[Records: PublicationRecords]:
    """One process of the app; several may share a table."""

    table: Records
    now: datetime = NOW
    sunk: list[CloudEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.table, Table):
            self.table.clock = lambda: self.now
        self.published = PublishOnce(self.table, self._sink, window=WINDOW, now=lambda: self.now)

    def _sink(self, events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        for event in events:
            self.sunk.append(event)
            sent(event)

    def publish(self, *events: CloudEvent) -> None:
        """Publish one POST's events, and wait for their records as the next POST about them would."""
        with self.published.writer.invocation():
            self.published.publish(events, in_time())
        assert eventually(self.published.is_idle)

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.sunk]


def message(change_type: str = "updated", etag: str = "1", **changes: Any) -> CloudEvent:
    """Return the event of one version of a message, which came with its content."""
    content = ResourceContent.from_json(json.dumps({"id": "1", "etag": etag}).encode())
    delivered = {"changeType": change_type, "encryptedContent": {"dataSignature": "c2VhbA=="}}
    return event_of(content, **(delivered | changes))


def team(name: str, minute: int = 0, ordinal: int = 0, seal: str | None = None, **changes: Any) -> CloudEvent:
    """Return the event of a team with a name; Graph states no version of it."""
    content = ResourceContent.from_json(json.dumps({"id": "3f9a", "displayName": name}).encode())
    kind = {"id": "3f9a", "@odata.type": "#Microsoft.Graph.team", "@odata.id": TEAM}
    team: dict[str, Any] = {"resource": TEAM, "resourceData": kind, "changeType": "updated"}
    if seal is not None:
        team["encryptedContent"] = {"dataSignature": base64.b64encode(seal.encode()).decode()}
    return event_of(content, received_at=NOW + timedelta(minutes=minute), ordinal=ordinal, **(team | changes))


def event_of(
    content: ResourceContent | None, *, received_at: datetime = NOW, ordinal: int = 0, **changes: Any
) -> CloudEvent:
    item = unsigned(basic_item(resource=MESSAGE) | changes)
    return change_event(item, content, client_id=CLIENT_ID, received_at=received_at, ordinal=ordinal)
