"""The JSON Schemas of the events, made of the types in ``content`` and ``envelope``.

Each has an ``$id``, ``urn:teams-change-notifications:<file>:1``; the number grows when what fitted does not any more.

Source: https://json-schema.org/draft/2020-12
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, override

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from teams_events.content import Channel, Chat, ChatMessage, ConversationMember, JsonObject, Team
from teams_events.envelope import ChangeData, Event, GapData, LifecycleData

_VERSION = 1

# What the names of texts in content and envelope say: the limits are those of shared/notifications.
_TEXTS: Mapping[str, Mapping[str, Any]] = {
    "EventId": {"pattern": "^[0-9a-f]{32}$"},
    "Subject": {"minLength": 1, "maxLength": 4608},
    "TenantId": {"format": "uuid"},
    "Text": {"minLength": 1, "maxLength": 1536},
    # Only an annotation to a validator of 2020-12, unless it is told otherwise.
    "Timestamp": {"format": "date-time"},
    "Url": {"format": "uri"},
}

_CHANGES = ("Created", "Updated", "Deleted")
# Graph does not report that a chat is deleted.
_CHANGES_OF: Mapping[str, Sequence[str]] = {"chat": ("Created", "Updated")}

# Graph's names for the resources, and for the files.
_CHANGED: Mapping[str, Any] = {
    "channel": Event[ChangeData[Channel]],
    "chat": Event[ChangeData[Chat]],
    "chatMessage": Event[ChangeData[ChatMessage]],
    "conversationMember": Event[ChangeData[ConversationMember]],
    "team": Event[ChangeData[Team]],
}
# Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
_LIFECYCLE = ("SubscriptionReauthorizationRequired", "SubscriptionRemoved", "SubscriptionMissed")


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that only repeat the properties' names."""

    @override
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schemas() -> dict[str, Mapping[str, Any]]:
    """Return each schema by the name of its file: one for each kind of resource, and those of all other events."""
    made = {name: _schema(event, f"Changes to a {name}", _changes_of(name)) for name, event in _CHANGED.items()} | {
        "lifecycle": _schema(Event[LifecycleData], "Lifecycle events of a subscription", _one_of("", _LIFECYCLE)),
        "gap": _schema(Event[GapData], "Changes that are lost", _one_of("", ["SubscriptionGap"])),
        "cloudEvent": _schema(
            Event[ChangeData[JsonObject] | LifecycleData | GapData],
            "Any event",
            {"pattern": r"^Microsoft\.Graph\.[A-Z]\w*$"},
        ),
    }
    return {f"{name}.json": _identified(name, schema) for name, schema in made.items()}


def text(schema: Mapping[str, Any]) -> str:
    """Return a schema as its file holds it."""
    return json.dumps(schema, indent=2) + "\n"


def _schema(event: Any, title: str, event_types: Mapping[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter(event).json_schema(schema_generator=_Untitled)
    for name in _TEXTS.keys() & schema["$defs"].keys():
        schema["$defs"][name] |= _TEXTS[name]
    schema["properties"]["type"] |= event_types
    # The types cannot say that it is always one of the two. Strict validators want to see what is required.
    one_of = [{"properties": {name: True}, "required": [name]} for name in ("data", "dataref")]
    return schema | {"title": title, "oneOf": one_of}


def _identified(name: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    urn = f"urn:teams-change-notifications:{name}:{_VERSION}"
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": urn} | dict(schema)


def _changes_of(name: str) -> Mapping[str, Any]:
    return _one_of(f"{name[:1].upper()}{name[1:]}", _CHANGES_OF.get(name, _CHANGES))


def _one_of(kind: str, names: Sequence[str]) -> dict[str, Any]:
    return {"enum": [f"Microsoft.Graph.{kind}{name}" for name in names]}
