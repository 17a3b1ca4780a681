"""A process of the app that publishes each change once, and events that it publishes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.events.cloud_events import CloudEvent, change_event
from shared.events.publish_once import PublicationRecords, PublishOnce
from shared.notifications.client_state import AuthenticNotification
from shared.notifications.collection import ChangeNotification
from shared.notifications.decryption import ResourceContent
from shared.timing import Deadline
from tests.eventually import eventually
from tests.sender import CLIENT_ID, MESSAGE, basic_item

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WINDOW = timedelta(hours=4)
TEAM = "teams('3f9a')"

type Sent = Callable[[CloudEvent], None]


def with_time() -> Deadline:
    """Return a deadline that no test reaches."""
    return Deadline.after(timedelta(seconds=20))


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
        self.published.publish(events, with_time())
        assert eventually(self.published.is_idle)

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.sunk]


def message(change_type: str = "updated", etag: str = "1", **changes: Any) -> CloudEvent:
    """Return the event of one version of a message."""
    return event_of(
        ResourceContent.from_json(json.dumps({"id": "1", "etag": etag}).encode()), changeType=change_type, **changes
    )


def team(name: str, minute: int = 0, ordinal: int = 0, seal: str | None = None, **changes: Any) -> CloudEvent:
    """Return the event of a team with a name; Graph states no version of it."""
    content = ResourceContent.from_json(json.dumps({"id": "3f9a", "displayName": name}).encode())
    kind = {"id": "3f9a", "@odata.type": "#Microsoft.Graph.team", "@odata.id": TEAM}
    team: dict[str, Any] = {"resource": TEAM, "resourceData": kind, "changeType": "updated"}
    if seal is not None:
        team["encryptedContent"] = {"dataSignature": seal}
    return event_of(content, received_at=NOW + timedelta(minutes=minute), ordinal=ordinal, **(team | changes))


def event_of(
    content: ResourceContent | None, *, received_at: datetime = NOW, ordinal: int = 0, **changes: Any
) -> CloudEvent:
    item = AuthenticNotification(ChangeNotification.from_json(basic_item(resource=MESSAGE) | changes))
    return change_event(item, content, client_id=CLIENT_ID, received_at=received_at, ordinal=ordinal)
