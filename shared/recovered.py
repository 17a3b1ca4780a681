"""Messages as Graph lists them in, the events of what happened to them in a gap out.

Source: https://learn.microsoft.com/graph/api/resources/chatmessage
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.decryption import Content
from shared.errors import Malformed
from shared.events import CloudEvent, recovered_event
from shared.notifications import ChangeNotification
from shared.recovery import MARGIN, Recovery

_ODATA_TYPE = "#Microsoft.Graph.chatMessage"

type Message = Mapping[str, Any]


def chain_of(item: Message) -> tuple[Sequence[Message], Any]:
    """Return a message and the answers that came with it, and the link to the other answers, if there are more."""
    replies = item.get("replies")
    alone = {name: value for name, value in item.items() if name not in {"replies", "replies@odata.nextLink"}}
    others = [reply for reply in replies if isinstance(reply, dict)] if isinstance(replies, list) else []
    return (alone, *others), item.get("replies@odata.nextLink")


def events_of(message: Message, gap: Recovery, *, client_id: str, at: datetime) -> Iterator[CloudEvent]:
    """Yield the events of what happened to a message in a gap, of the change types that are watched.

    Graph tells what a message is, and not what it has been: of several edits the last one is found.

    Raises:
        Malformed: Graph's message is none.
    """
    content = Content(text=_text(message), resource=message)
    for change_type in _changes(message, gap):
        if change_type in gap.change_types:
            change = _notification(message, gap, change_type)
            yield recovered_event(change, content, client_id=client_id, recovered_at=at)


def _changes(message: Message, gap: Recovery) -> Iterator[str]:
    created, modified = _moment(message, "createdDateTime"), _moment(message, "lastModifiedDateTime")
    if created is None or modified is None:
        raise Malformed("a message without its times")
    if _is_in(gap, created):
        yield "created"
    deleted = _moment(message, "deletedDateTime")
    if deleted is not None:
        if _is_in(gap, deleted) or _is_in(gap, modified):
            yield "deleted"
    elif modified > created and _is_in(gap, modified):
        yield "updated"


def _is_in(gap: Recovery, moment: datetime) -> bool:
    return gap.since - MARGIN < moment < gap.until + MARGIN


def _moment(message: Message, name: str) -> datetime | None:
    value = message.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError) as exc:
        raise Malformed(f"{name} is no time") from exc
    if moment.tzinfo is None:
        raise Malformed(f"{name} has no offset")
    return moment


def _notification(message: Message, gap: Recovery, change_type: str) -> ChangeNotification:
    """Return what Graph would have said, had anybody listened."""
    resource = _resource(message)
    data = {"@odata.type": _ODATA_TYPE, "@odata.id": resource, "id": message.get("id")}
    said = {"subscriptionId": gap.subscription_id, "tenantId": gap.tenant_id, "changeType": change_type}
    return ChangeNotification.from_json(said | {"resource": resource, "resourceData": data})


def _resource(message: Message) -> str:
    chat_id, channel, root = message.get("chatId"), message.get("channelIdentity"), message.get("replyToId")
    own = _key(message.get("id"))
    if isinstance(channel, dict):
        place = f"teams({_key(channel.get('teamId'))})/channels({_key(channel.get('channelId'))})"
        # In a chat an answer names what it answers as well, and is a message like any other.
        return f"{place}/messages({_key(root)})/replies({own})" if root else f"{place}/messages({own})"
    return f"chats({_key(chat_id)})/messages({own})"


def _key(value: Any) -> str:
    """Return an id as a key in OData. Source: https://docs.oasis-open.org/odata/odata/v4.01/."""
    if not isinstance(value, str) or not value:
        raise Malformed("a message without its ids")
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def _text(message: Message) -> bytes:
    try:
        return json.dumps(message, allow_nan=False).encode()
    except (ValueError, RecursionError) as exc:
        raise Malformed("a message that is nested too deeply") from exc
