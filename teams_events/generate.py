"""Writes the JSON Schemas of the events into ``teams_events/schemas``, from the types in ``content`` and ``envelope``.

``make schemas`` runs it in the repository's root: ``python -m teams_events.generate``. The schema of
``subscriptions.json`` stands beside them, and is edited by hand.

Source: https://json-schema.org/draft/2020-12
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, override

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from teams_events.content import Channel, Chat, ChatMessage, ConversationMember, JsonObject, Team
from teams_events.envelope import ChangeData, Event, GapData, LifecycleData

FOLDER = Path(__file__).parent / "schemas"

_CHANGES = ("Created", "Updated", "Deleted")

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
    changed = {
        f"{name}.json": _schema(event, f"Changes to a {name}", _one_of(f"{name[:1].upper()}{name[1:]}", _CHANGES))
        for name, event in _CHANGED.items()
    }
    return changed | {
        "lifecycle.json": _schema(Event[LifecycleData], "Lifecycle events of a subscription", _one_of("", _LIFECYCLE)),
        "gap.json": _schema(Event[GapData], "Changes that are lost", _one_of("", ["SubscriptionGap"])),
        "cloudEvent.json": _schema(
            Event[ChangeData[JsonObject] | LifecycleData | GapData],
            "Any event",
            {"pattern": r"^Microsoft\.Graph\.[A-Z]\w*$"},
        ),
    }


def text(schema: Mapping[str, Any]) -> str:
    """Return a schema as its file holds it."""
    return json.dumps(schema, indent=2) + "\n"


def _schema(event: Any, title: str, event_types: Mapping[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter(event).json_schema(schema_generator=_Untitled)
    # Said for the reader: to validators of 2020-12 a format is an annotation, unless they are told otherwise.
    schema["$defs"].get("Timestamp", {})["format"] = "date-time"
    schema["properties"]["type"] |= event_types
    # The types cannot say that it is always one of the two.
    one_of = [{"required": ["data"]}, {"required": ["dataref"]}]
    return {"$schema": GenerateJsonSchema.schema_dialect} | schema | {"title": title, "oneOf": one_of}


def _one_of(kind: str, names: Sequence[str]) -> dict[str, Any]:
    return {"enum": [f"Microsoft.Graph.{kind}{name}" for name in names]}


if __name__ == "__main__":
    for name, schema in schemas().items():
        (FOLDER / name).write_text(text(schema), encoding="utf-8")
