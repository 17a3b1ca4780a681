"""A process of the app that publishes each change once, and events that it publishes."""

import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import Conflict
from shared.events.cloud_events import CloudEvent, change_event
from shared.events.publication import PublicationRecord
from shared.events.publish_once import PublicationRecords, PublishOnce
from shared.notifications.decryption import ResourceContent
from shared.timing import Deadline
from tests.eventually import eventually
from tests.sender import CLIENT_ID, MESSAGE, basic_item, unsigned

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WINDOW = timedelta(hours=4)
TEAM = "teams('3f9a')"

type Sent = Callable[[CloudEvent], None]


def in_time() -> Deadline:
    """Return a deadline that no test reaches."""
    return Deadline.after(timedelta(seconds=20))


@dataclass
class Table:
    """Rows in memory; ``trouble`` is met by every call."""

    rows: dict[str, PublicationRecord] = field(default_factory=dict)
    trouble: Callable[[str], None] = field(default=lambda _call: None)
    calls: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def read(self, key: str) -> PublicationRecord | None:
        self.calls.append("read")
        self.trouble("read")
        return self.rows.get(key)

    def write(self, record: PublicationRecord) -> None:
        self.calls.append("write")
        self.trouble("write")
        with self.lock:
            there = self.rows.get(record.key)
            if record.etag != (there.etag if there else None):
                raise Conflict("written since")
            self.rows[record.key] = replace(record, etag=str(len(self.calls)))


@dataclass
class Stale(Table):
    """The same rows, but the first look-up returns an older state."""

    past: dict[str, PublicationRecord | None] = field(default_factory=dict)

    def read(self, key: str) -> PublicationRecord | None:
        return self.past.pop(key) if key in self.past else super().read(key)


@dataclass
class Worker[Records: PublicationRecords]:
    """One process of the app; several may share a table."""

    table: Records
    now: datetime = NOW
    sunk: list[CloudEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.published = PublishOnce(self.table, self._sink, window=WINDOW, now=lambda: self.now)

    def _sink(self, events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        for event in events:
            self.sunk.append(event)
            sent(event)

    def publish(self, *events: CloudEvent) -> None:
        """Publish one POST's events, and wait for their records as the next POST about them would."""
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
