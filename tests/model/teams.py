"""What people do in Teams, as Graph's resources: messages and members of chats, each state with its time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.model.history import CHATS, PEOPLE, Act

type Json = dict[str, Any]

HOST = "u9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: ``subject`` is the resource's canonical path, ``item`` its state after it, None for who has left.

    ``version`` is what Graph states, if it does. ``twin``: another state under the same version.
    """

    number: int
    at: datetime
    kind: str
    subject: str
    item: Json | None = field(repr=False)
    version: str | None = None
    twin: Json | None = field(default=None, repr=False)

    @property
    def chat(self) -> str:
        """Return the chat's id."""
        return self.subject.split("/")[1]

    @property
    def is_message(self) -> bool:
        """Return whether a message changed, and not a member."""
        return self.subject.split("/")[2] == "messages"

    @property
    def resource(self) -> str:
        """Return the path as Graph's notifications spell it."""
        names = self.subject.split("/")
        return "/".join(f"{name}('{id_}')" for name, id_ in zip(names[::2], names[1::2], strict=True))

    def __str__(self) -> str:
        return f"change {self.number}: {self.subject} {self.kind}"


def chat_id(number: int) -> str:
    """Return the id of a chat."""
    return f"19:chat{number}@thread.v2"


def text(moment: datetime) -> str:
    """Return a time as Graph writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Teams:
    """Chats with their messages and members; ``changes`` has all that happened, in order."""

    begins: datetime
    changes: list[Change] = field(default_factory=list)
    messages: dict[str, Json] = field(default_factory=dict)
    members: dict[str, dict[str, Json]] = field(default_factory=dict)
    updated: dict[str, datetime] = field(default_factory=dict)
    people: list[str] = field(default_factory=lambda: [HOST, "u0", "u1"])

    def __post_init__(self) -> None:
        for number in range(CHATS):
            self._begin(chat_id(number), HOST)

    def have(self, crowd: int) -> None:
        """Have so many more people be there, each with a chat of their own."""
        for number in range(crowd):
            self.people.append(f"p{number}")
            self._begin(chat_id(CHATS + number), f"p{number}")

    def _begin(self, chat: str, person: str) -> None:
        self.members[chat] = {person: self._member(person, self.begins)}
        self.updated[chat] = self.begins

    def act(self, act: Act, now: datetime) -> Sequence[Change]:
        """Do what somebody does, if it can be done; return the changes."""
        chat = chat_id(act.chat)
        # No two changes have one time: Graph's versions are times.
        moment = now + timedelta(milliseconds=len(self.changes) + 1)
        done = list(self._messages(act, chat, moment) if act.verb in _OF_MESSAGES else self._members(act, chat, moment))
        self.changes += done
        return done

    def _messages(self, act: Act, chat: str, now: datetime) -> Iterator[Change]:
        if act.verb == "write":
            created = f"m{len(self.changes)}"
            self.messages[f"chats/{chat}/messages/{created}"] = {"id": created, "createdDateTime": text(now)}
            yield self._touched(f"chats/{chat}/messages/{created}", "created", now, act)
            return
        there = [subject for subject in self.messages if subject.split("/")[1] == chat]
        alive = [subject for subject in there if self.messages[subject]["deletedDateTime"] is None]
        if alive:
            kind = "updated" if act.verb == "edit" else "deleted"
            yield self._touched(alive[act.who % len(alive)], kind, now, act)

    def _touched(self, subject: str, kind: str, now: datetime, act: Act) -> Change:
        """Return the change of a message that was written, edited or deleted."""
        number = len(self.changes)
        item = self.messages[subject] | {
            "etag": str(int(now.timestamp() * 1000)),
            "chatId": subject.split("/")[1],
            "channelIdentity": None,
            "replyToId": None,
            "lastModifiedDateTime": text(now),
            "deletedDateTime": text(now) if kind == "deleted" else None,
            "body": {"contentType": "text", "content": "" if kind == "deleted" else f"text {number}"},
        }
        self.messages[subject] = item
        twin = item | {"reactions": [{"reactionType": "like"}]} if act.twofold and kind == "updated" else None
        return Change(number=number, at=now, kind=kind, subject=subject, item=item, version=item["etag"], twin=twin)

    def _members(self, act: Act, chat: str, now: datetime) -> Iterator[Change]:
        person, here = f"u{act.who % PEOPLE}", self.members[chat]
        if (act.verb == "join") is (person in here):
            return
        self.updated[chat] = now
        subject, number = f"chats/{chat}/members/{person}", len(self.changes)
        if act.verb == "join":
            here[person] = self._member(person, now)
            yield Change(number=number, at=now, kind="created", subject=subject, item=here[person])
        else:
            del here[person]
            yield Change(number=number, at=now, kind="deleted", subject=subject, item=None)

    @staticmethod
    def _member(person: str, now: datetime) -> Json:
        kind = "#microsoft.graph.aadUserConversationMember"
        return {
            "@odata.type": kind,
            "id": person,
            "userId": person,
            "roles": [],
            "visibleHistoryStartDateTime": text(now),
        }

    # --- What Graph shows

    def chats_of(self, person: str) -> Iterator[str]:
        """Yield the ids of a person's chats."""
        yield from (chat for chat, here in self.members.items() if person in here)

    def messages_in(self, chat: str) -> Iterator[Json]:
        """Yield the messages of a chat, as they are."""
        yield from (item for subject, item in self.messages.items() if subject.split("/")[1] == chat)

    def chat_with_members(self, chat: str) -> Mapping[str, Any]:
        """Return a chat as the list of a user's chats shows it."""
        members = list(self.members[chat].values())
        return {"id": chat, "chatType": "group", "lastUpdatedDateTime": text(self.updated[chat]), "members": members}


_OF_MESSAGES = frozenset({"write", "edit", "delete"})
