"""The changes in a gap, and their events; also the event that reports lost changes.

Changes to messages and chats show in their times; ``shared.gaps.snapshot`` finds those to teams, channels and members.

Source: https://learn.microsoft.com/graph/api/resources/chatmessage,
https://learn.microsoft.com/graph/api/resources/chat
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.errors import Malformed
from shared.events.cloud_events import (
    CloudEvent,
    event_from_notification,
    stable_id,
)
from shared.events.gap_event import LostChanges
from shared.gaps.gap import Gap, parse_time
from shared.notifications.collection import ChangeNotification
from shared.notifications.decryption import ResourceContent
from shared.notifications.json_text import dump_json
from shared.notifications.properties import MAX_TEXT
from shared.resources.paths import is_member_type

# As notifications spell them.
_ODATA_TYPES: Mapping[str, str] = {
    "chats": "#microsoft.graph.chat",
    "messages": "#Microsoft.Graph.chatMessage",
    "replies": "#Microsoft.Graph.chatMessage",
    "teams": "#Microsoft.Graph.Team",
    "channels": "#Microsoft.Graph.Channel",
    "members": "#Microsoft.Graph.aadUserConversationMember",
}

type Item = Mapping[str, Any]
type PathParts = tuple[Any, ...]
"""Names and ids in turn, unescaped: ("teams", id, "channels", id, "members", id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change to the item at ``path_parts``; ``item`` is the item in Graph's list, None if it is missing there.

    ``previous_state_at`` is when the state that it replaces was recorded, None if unknown.
    """

    change_type: str
    path_parts: PathParts
    item: Item | None = field(repr=False)
    previous_state_at: datetime | None = None


def message_and_replies(item: Item) -> tuple[Sequence[Item], Any]:
    """Return a message and the replies that came with it, and the link to more replies, if there are any."""
    replies = item.get("replies")
    message = {name: value for name, value in item.items() if name not in {"replies", "replies@odata.nextLink"}}
    inline_replies = [reply for reply in replies if isinstance(reply, dict)] if isinstance(replies, list) else []
    return (message, *inline_replies), item.get("replies@odata.nextLink")


def changes_from_item(item: Item, gap: Gap) -> Iterator[Change]:
    """Yield the changes to a message or chat in a gap, of the types that are subscribed to.

    Graph returns the last state only: of several edits, the last one is found.

    Raises:
        Malformed: a time of the item is missing or wrong.
    """
    is_chat = "chatType" in item
    path_parts: PathParts = ("chats", item.get("id")) if is_chat else _message_path_parts(item)
    # A chat has the time of the last change to its name or members; a message, that of any change.
    for change_type in _change_types(item, gap, "lastUpdatedDateTime" if is_chat else "lastModifiedDateTime"):
        if change_type in gap.change_types:
            yield Change(change_type=change_type, path_parts=path_parts, item=item)


def _message_path_parts(message: Item) -> PathParts:
    channel, root_id, message_id = message.get("channelIdentity"), message.get("replyToId"), message.get("id")
    if not isinstance(channel, dict):
        # In a chat, a reply also has ``replyToId``, but its path is that of any other message.
        return ("chats", message.get("chatId"), "messages", message_id)
    path_parts = ("teams", channel.get("teamId"), "channels", channel.get("channelId"), "messages")
    return (*path_parts, root_id, "replies", message_id) if root_id else (*path_parts, message_id)


def _change_types(item: Item, gap: Gap, modified_name: str) -> Iterator[str]:
    created = parse_time(item, "createdDateTime")
    if created is None:
        raise Malformed("the item has no creation time")
    # Samples of Microsoft have null, for messages and meeting chats that were never changed.
    # Source: https://github.com/microsoftgraph/microsoft-graph-docs/issues/7517
    modified = parse_time(item, modified_name) or created
    if gap.covers(created):
        yield "created"
    deleted = parse_time(item, "deletedDateTime")
    if deleted is not None:
        if gap.covers(deleted) or gap.covers(modified):
            yield "deleted"
    elif modified > created and gap.covers(modified):
        yield "updated"


def event_from_change(change: Change, gap: Gap, *, client_id: str, recovered_at: datetime) -> CloudEvent:
    """Return the event of the notification that was lost, marked as recovered.

    Raises:
        Malformed: an id is missing or cannot be part of a path, or JSON cannot repeat the resource.
    """
    path_parts = change.path_parts
    pairs = zip(path_parts[::2], path_parts[1::2], strict=True)
    resource = "/".join(f"{name}({_odata_key(id_)})" for name, id_ in pairs)
    if len(resource) > MAX_TEXT:
        raise Malformed("the path of the item is too long")
    notification = ChangeNotification(
        subscription_id=gap.subscription_id,
        tenant_id=gap.tenant_id,
        subscription_expiration=None,
        change_type=change.change_type,
        lifecycle_event=None,
        resource=resource,
        resource_data={"@odata.type": _odata_type(change), "@odata.id": resource, "id": path_parts[-1]},
        encrypted_content=None,
    )
    content = None if change.item is None else ResourceContent(json_bytes=dump_json(change.item), resource=change.item)
    own_key = _own_key(change, gap, content)
    event = event_from_notification(notification, content, client_id=client_id, at=recovered_at, own_key=own_key)
    owes_content = event.has_content and gap.with_content
    return replace(event, recovered=True, provenance=replace(event.provenance, owes_content=owes_content))


def _odata_type(change: Change) -> str:
    """Return the type as notifications spell it; a member may be a guest or a bot, which only the item itself says."""
    name = change.path_parts[-2]
    stated = change.item.get("@odata.type") if change.item is not None and name == "members" else None
    derived = stated.rpartition(".")[2] if isinstance(stated, str) else ""
    return f"#Microsoft.Graph.{derived}" if is_member_type(derived) else _ODATA_TYPES[name]


def _odata_key(value: Any) -> str:
    """Return an id as a key in OData. Source: https://docs.oasis-open.org/odata/odata/v4.01/."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise Malformed("an id of the item is missing, or not printable")
    return "'" + value.replace("'", "''") + "'"


def _own_key(change: Change, gap: Gap, content: ResourceContent | None) -> str:
    """Return what distinguishes a change without a version from others: the state before it, and the state after it."""
    # A member may leave, return and leave again, in another gap or in this one.
    previous = gap.key if change.previous_state_at is None else change.previous_state_at.isoformat()
    return stable_id(previous, b"" if content is None else content.json_bytes)


def lost_changes(gap: Gap, reason: str) -> LostChanges:
    """Return what to report of a gap whose changes are lost."""
    return LostChanges(
        key=gap.key,
        tenant_id=gap.tenant_id,
        subscription_id=gap.subscription_id,
        resource=gap.resource,
        change_type=",".join(sorted(gap.change_types)),
        since=gap.since,
        until=gap.until,
        reason=reason,
    )
