"""Entries of ``subscriptions.json``."""

from collections.abc import Mapping
from typing import Any

from sandbox.teams import Path

type Entry = Mapping[str, Any]

MESSAGES: Entry = {"resource": "/chats/getAllMessages", "changeType": "created,updated", "includeResourceData": True}
CHATS: Entry = {"resource": "/chats", "changeType": "created,updated", "includeResourceData": True}
TEAMS: Entry = {"resource": "/teams", "changeType": "created"}
CALLS: Entry = {"resource": "/communications/callRecords", "changeType": "created"}
BOTH = [MESSAGES, TEAMS]


def basic(entry: Entry) -> Entry:
    return {**entry, "includeResourceData": False}


def messages_in(chat: Path, change_type: str) -> Entry:
    return {"resource": f"/{'/'.join(chat)}/messages", "changeType": change_type, "includeResourceData": True}
