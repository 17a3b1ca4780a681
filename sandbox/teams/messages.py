"""Which messages are there? They are sent, answered, edited, reacted to, and softly deleted.

Source: https://learn.microsoft.com/en-us/graph/api/resources/chatmessage
"""

import html
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sandbox.teams.store import Store, timestamp
from sandbox.teams.values import Entity, Path, User

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Messages:
    """The messages of every chat and channel."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Ids and etags are epoch milliseconds, and unique only inside their conversation.
        self._latest: dict[Path, int] = {}

    def send(self, conversation: Path, user: User, text: str, *, mentions: Sequence[User] = ()) -> Path:
        """Return the path of a new message in a chat or channel.

        Raises:
            LookupError: there is no such chat or channel.
        """
        self._store.require(conversation)
        return self._write(conversation, (*conversation, "messages"), _text(user, text, mentions))

    def reply(self, message: Path, user: User, text: str) -> Path:
        """Return the path of an answer to a channel's message.

        Raises:
            LookupError: there is no such message.
            ValueError: the message is not a channel's; chats have no threads.
        """
        if message[0] != "teams":
            raise ValueError("only messages of channels have replies")
        self._store.require(message)
        return self._write(message[:4], (*message, "replies"), _text(user, text, ()))

    def edit(self, message: Path, text: str) -> None:
        """Give a message another text.

        Raises:
            LookupError: there is no such message.
        """
        entity = self._store.require(message)
        now = self._moment(message)
        changes = {"body": entity["body"] | {"content": text}, "lastEditedDateTime": timestamp(_time(now))}
        self._modify("updated", message, now, changes)

    def react(self, message: Path, user: User, reaction: str) -> None:
        """Add a reaction; to the subscribers it is an update.

        Raises:
            LookupError: there is no such message.
        """
        entity = self._store.require(message)
        now = self._moment(message)
        added = {
            "reactionType": reaction,
            "displayName": None,
            "reactionContentUrl": None,
            "createdDateTime": timestamp(_time(now)),
            "user": {"application": None, "device": None, "user": _author(user)},
        }
        self._modify("updated", message, now, {"reactions": [*entity["reactions"], added]})

    def delete(self, message: Path) -> None:
        """Delete softly: the message stays, with the time of its deletion and without its text.

        Raises:
            LookupError: there is no such message.
        """
        entity = self._store.require(message)
        now = self._moment(message)
        emptied = {"body": entity["body"] | {"content": ""}, "attachments": [], "mentions": [], "reactions": []}
        self._modify("deleted", message, now, emptied | {"deletedDateTime": timestamp(_time(now))})

    def _write(self, conversation: Path, collection: Path, content: Entity) -> Path:
        now = self._moment(conversation)
        path = (*collection, str(now))
        return self._store.put("created", path, _message(path, now) | content)

    def _modify(self, change_type: str, message: Path, now: int, changes: Entity) -> None:
        entity = self._store.require(message) | changes
        entity |= {"etag": str(now), "lastModifiedDateTime": timestamp(_time(now))}
        self._store.put("deleted" if change_type == "deleted" else "updated", message, entity)

    def _moment(self, path: Path) -> int:
        conversation = path[: 4 if path[0] == "teams" else 2]
        now = (self._store.now() - _EPOCH) // _MILLISECOND
        self._latest[conversation] = max(now, self._latest.get(conversation, 0) + 1)
        return self._latest[conversation]


def _time(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND


def _author(user: User) -> Entity:
    return {
        "id": user.id,
        "displayName": user.display_name,
        "userIdentityType": "aadUser",
        "tenantId": user.tenant_id,
    }


def _text(user: User, text: str, mentions: Sequence[User]) -> Entity:
    return {
        "from": {"application": None, "device": None, "user": _author(user), "conversation": None},
        "body": _body(text, mentions),
        "mentions": [
            {
                "id": index,
                "mentionText": mentioned.display_name,
                "mentioned": {"application": None, "device": None, "conversation": None, "user": _author(mentioned)},
            }
            for index, mentioned in enumerate(mentions)
        ],
    }


def _body(text: str, mentions: Sequence[User]) -> Entity:
    if not mentions:
        return {"contentType": "text", "content": text}
    marks = " ".join(f'<at id="{index}">{html.escape(user.display_name)}</at>' for index, user in enumerate(mentions))
    return {"contentType": "html", "content": f"<p>{marks} {html.escape(text)}</p>"}


def _message(path: Path, now: int) -> Entity:
    in_chat = path[0] == "chats"
    return {
        "id": path[-1],
        "replyToId": path[-3] if path[-2] == "replies" else None,
        "etag": str(now),
        "messageType": "message",
        "createdDateTime": timestamp(_time(now)),
        "lastModifiedDateTime": timestamp(_time(now)),
        "lastEditedDateTime": None,
        "deletedDateTime": None,
        "subject": None,
        "summary": None,
        "chatId": path[1] if in_chat else None,
        "importance": "normal",
        "locale": "en-us",
        "webUrl": None,
        "channelIdentity": None if in_chat else {"teamId": path[1], "channelId": path[3]},
        "attachments": [],
        "policyViolation": None,
        "eventDetail": None,
        "reactions": [],
        "messageHistory": [],
        "replies": [],
        "hostedContents": [],
    }
