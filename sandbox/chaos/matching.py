"""What an event has to be in order to tell a change of Teams, or to excuse that nothing does.

Source: docs/events.md
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sandbox.graph.envelope import resource_of
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change

type Place = tuple[str, str]
"""A tenant, and a thing in it as Graph's notifications spell it."""

GAP = "Microsoft.Graph.SubscriptionGap"

_TYPES: Mapping[str, str] = {
    "chats": "Chat",
    "messages": "ChatMessage",
    "replies": "ChatMessage",
    "teams": "Team",
    "channels": "Channel",
    "members": "ConversationMember",
}
# Two clocks, and the moment between a change and its notification.
_MARGIN = timedelta(seconds=5)


def is_message(change: Change) -> bool:
    """Return whether it is about a message: those can be read up, whatever has been missed."""
    return change.path[-2] in {"messages", "replies"}


def is_recovered(event: Event) -> bool:
    """Return whether catching up has found it."""
    return event.attributes.get("recovered") is True


def is_of_a_thing(event: Event) -> bool:
    """Return whether an event is about a thing in Teams: neither a gap nor what is told of a subscription itself is."""
    return "resource" in event.data and event.attributes["type"] != GAP


def place_of_event(event: Event) -> Place:
    """Return the place of the thing that an event is about."""
    return (event.data["tenantId"], event.data["resource"])


def place_of(change: Change) -> Place:
    """Return the place of the thing that has changed."""
    return (change.tenant_id, resource_of(change))


def is_of(event: Event, change: Change) -> bool:
    """Return whether an event tells a change: its type and subject, and all of its content, to the letter."""
    return _is_named(event, change) and _text(event.data.get("content")) == _text(change.entity)


def _is_named(event: Event, change: Change) -> bool:
    name = f"Microsoft.Graph.{_TYPES[change.path[-2]]}{change.change_type.title()}"
    named = (event.attributes["type"], event.attributes["subject"], event.data["changeType"])
    return named == (name, "/".join(change.path), change.change_type)


def is_true_of(event: Event, change: Change) -> bool:
    """Return whether an event tells of a change truly: in full, by ids only, or as it was read afterwards."""
    if "content" not in event.data:
        return _is_named(event, change)
    # What is read afterwards may be of a later state, which another change has led to.
    return _shows(event.data["content"], change) if is_recovered(event) else is_of(event, change)


def recovers(event: Event, change: Change) -> bool:
    """Return whether an event of what was read afterwards tells a change, or of a thing that is new what it led to."""
    if not is_recovered(event):
        return False
    if change.change_type == "updated":
        return "content" in event.data and _shows(event.data["content"], change)
    return _is_named(event, change)


def _shows(content: Mapping[str, Any], change: Change) -> bool:
    """Return whether what Graph's lists tell of a thing is what a change has made of it; they tell less, or null."""
    told = ((name, value) for name, value in content.items() if value is not None and not name.startswith("@odata"))
    return all(change.entity.get(name) == value for name, value in told)


def is_overtaken(change: Change, events: Iterable[Event]) -> bool:
    """Return whether a message's edit was followed by something else of which there is an event."""
    if change.change_type != "updated":
        return False
    contents = (event.data.get("content", {}) for event in events)
    return any(int(content.get("etag", 0)) > int(change.entity["etag"]) for content in contents)


def came_to_nothing(change: Change, changes: Sequence[Change], is_told: Callable[[Change], bool]) -> bool:
    """Return whether who lists things after a gap can see nothing of a change: another came after it, or undid it.

    ``changes`` are all of the thing's, in their order.
    """
    end = next(number for number, each in enumerate(changes) if each is change)
    if end < len(changes) - 1:
        return True
    start = end
    while start and not is_told(changes[start - 1]):
        start -= 1
    before = changes[start - 1] if start else None
    # Of what has been there from the beginning, the first change is none that makes it.
    was_there = changes[start].change_type != "created" if before is None else before.change_type != "deleted"
    if change.change_type == "deleted" or not was_there:
        return change.change_type == "deleted" and not was_there
    return changes[start].change_type == "deleted" if before is None else before.entity == change.entity


def says(gap: Mapping[str, Any], change: Change) -> bool:
    """Return whether the data of a gap event name what a change belongs to, and when it was."""
    since, until = (datetime.fromisoformat(gap[name]) for name in ("startDateTime", "endDateTime"))
    is_in_time = since - _MARGIN <= change.when <= until + _MARGIN
    return is_in_time and change.change_type in gap["changeType"].split(",") and _watches(gap["resource"], change)


def _watches(resource: str, change: Change) -> bool:
    """Return whether one of this run's subscriptions, to things that are no messages, hears of a change."""
    kind = change.path[-2]
    where = resource.strip("/").split("/")
    if kind == "members":
        return where[-1] in {"getAllMembers", "members"} and where[0] == change.path[0]
    if kind == "channels":
        return where[-1] == "getAllChannels"
    return where[0] == kind and tuple(where) in {(kind,), change.path}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
