"""Events as a consumer gets them, made by the app's own functions."""

import json
from datetime import UTC, datetime
from typing import Any

from shared.events.cloud_events import CloudEvent, change_event, lifecycle_event
from shared.events.gap_event import LostChanges, gap_event
from shared.notifications.decryption import ResourceContent
from tests.fakes.resource_samples import RESOURCES
from tests.sender import CLIENT_ID, TENANT, authentic, basic_item

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
BLOB = "https://account.blob.example/event-data/2026/11/21/1.json"


def change(kind: str, change_type: str, content: Any = None) -> CloudEvent:
    """Return a change; one of a kind that has a sample has that for its content unless it is given."""
    item = basic_item(changeType=change_type, resourceData={"id": "1", "@odata.type": f"#Microsoft.Graph.{kind}"})
    resource = RESOURCES.get(kind, {}) if content is None else content
    found = ResourceContent.from_json(json.dumps(resource).encode())
    return change_event(authentic(item), found, client_id=CLIENT_ID, received_at=NOW)


def lifecycle(event: str) -> CloudEvent:
    item = {name: value for name, value in basic_item(lifecycleEvent=event).items() if name[:8] != "resource"}
    return lifecycle_event(authentic(item), client_id=CLIENT_ID, received_at=NOW)


def gap() -> CloudEvent:
    lost = LostChanges(
        key="k",
        tenant_id=TENANT,
        subscription_id="s",
        resource="/chats",
        change_type="created,updated",
        since=NOW,
        until=NOW,
        reason="Graph cannot list it",
    )
    return gap_event(lost, client_id=CLIENT_ID, published_at=NOW)


def altered(**changed: Any) -> bytes:
    """Return a message whose attributes are ``changed``, or left out where that is ``...``."""
    event = json.loads(change("chatMessage", "created").to_json()) | changed
    return json.dumps({name: value for name, value in event.items() if value is not ...}).encode()


def with_data(**changed: Any) -> bytes:
    """Return a message whose data are ``changed``, or left out where that is ``...``."""
    data = json.loads(change("chatMessage", "created").data) | changed
    return altered(data={name: value for name, value in data.items() if value is not ...})
