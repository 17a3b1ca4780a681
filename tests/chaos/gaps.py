"""What has to be in the queue of a change that Graph never delivered, and which changes cannot be found afterwards.

Source: docs/events.md
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sandbox.ledger import ExpectedChange, ReceivedEvent
from sandbox.teams import Change

GAP = "Microsoft.Graph.SubscriptionGap"

# Two clocks, and the moment between a change and its notification.
_MARGIN = timedelta(seconds=5)


def is_message(change: Change) -> bool:
    """Return whether it is about a message: those can be read afterwards, whatever was missed."""
    return change.path[-2] in {"messages", "replies"}


def recovers(received: ReceivedEvent, change: Change) -> bool:
    """Return whether an event of what was read afterwards reports a change, or of a new item what became of it."""
    if not received.is_recovered:
        return False
    if change.change_type == "updated":
        return received.content is not None and shows(received.event.data["content"], change)
    return received.is_named_after(change)


def shows(content: Mapping[str, Any], change: Change) -> bool:
    """Return whether Graph's lists show an item as a change has left it; they leave properties out, or set null."""
    listed = ((name, value) for name, value in content.items() if value is not None and not name.startswith("@odata"))
    return all(change.entity.get(name) == value for name, value in listed)


def is_overtaken(change: Change, events: Iterable[ReceivedEvent]) -> bool:
    """Return whether a message's edit was followed by something else of which there is an event."""
    if change.change_type != "updated":
        return False
    contents = (each.event.data.get("content", {}) for each in events)
    return any(int(content.get("etag", 0)) > int(change.entity["etag"]) for content in contents)


def came_to_nothing(
    change: Change, changes: Sequence[ExpectedChange], is_known: Callable[[ExpectedChange], bool]
) -> bool:
    """Return whether lists read after a gap cannot show a change: another came after it, or undid it.

    ``changes`` are all of the item's, in their order.
    """
    end = next(number for number, each in enumerate(changes) if each.change is change)
    if end < len(changes) - 1:
        return True
    start = end
    while start and not is_known(changes[start - 1]):
        start -= 1
    first = changes[start].change
    before = changes[start - 1].change if start else None
    # An item that existed from the beginning has a first change that does not create it.
    existed = first.change_type != "created" if before is None else before.change_type != "deleted"
    if change.change_type == "deleted" or not existed:
        return change.change_type == "deleted" and not existed
    return first.change_type == "deleted" if before is None else before.entity == change.entity


def is_shown_already(change: Change, events: Sequence[ReceivedEvent]) -> bool:
    """Return whether the last of an item's ``events`` shows what a change has led to.

    The last one is that by the app's time, which consumers and the snapshot go by: Graph may deliver in another order.
    """
    last = max((each for each in reversed(events) if each.type != GAP), key=_time, default=None)
    if last is None or (change.change_type == "deleted") != (last.event.data["changeType"] == "deleted"):
        return False
    content = last.event.data.get("content")
    return change.change_type == "deleted" or (content is not None and shows(content, change))


def _time(received: ReceivedEvent) -> datetime:
    return datetime.fromisoformat(received.event.attributes["time"])


def reports_loss(gap: Mapping[str, Any], change: Change) -> bool:
    """Return whether the data of a gap event name what a change belongs to, and when it was."""
    since, until = (datetime.fromisoformat(gap[name]) for name in ("startDateTime", "endDateTime"))
    is_in_time = since - _MARGIN <= change.when <= until + _MARGIN
    return is_in_time and change.change_type in gap["changeType"].split(",") and _watches(gap["resource"], change)


def _watches(resource: str, change: Change) -> bool:
    """Return whether one of this run's subscriptions, to items other than messages, reports a change."""
    kind = change.path[-2]
    where = resource.strip("/").split("/")
    if kind == "members":
        return where[-1] in {"getAllMembers", "members"} and where[0] == change.path[0]
    if kind == "channels":
        return where[-1] == "getAllChannels"
    return where[0] == kind and tuple(where) in {(kind,), change.path}
