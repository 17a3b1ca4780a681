"""The canary: a message that the signed-in user writes in a chat, and the time until its event is in the queue.

Source: https://learn.microsoft.com/graph/api/chat-post-messages (ChatMessage.Send, delegated)
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import requests

from cli.doctor.case import Case
from cli.doctor.finding import Check, Finding, ok, watch
from cli.doctor.network import session
from cli.queue_peek import Queue
from shared.errors import Misconfigured, Unavailable
from shared.events.cloud_events import creation_key
from shared.notifications.json_text import parse_json
from shared.timing import Deadline

_TEXT = "A test message of the doctor: please ignore it."
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2
_TIMEOUT_SECONDS = 10
_READ_TIME = timedelta(seconds=5)
# The record may be in the table of the day before.
_LONGEST = timedelta(minutes=5)
_CREATED = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Writes in the chat ``chat_id`` of the first tenant to look at; ``patience`` in seconds."""

    chat_id: str
    patience: float = _PATIENCE_SECONDS
    monotonic: Callable[[], float] = time.monotonic

    def check(self) -> Check:
        """Return the check, which is the last one."""
        return Check(
            name="canary", group="through", examine=self.examine, needs=("handshake", "queue", "subscriptions")
        )

    def examine(self, case: Case) -> Finding:
        """Write, and wait for the event."""
        began = self.monotonic()
        message_id = self._write(case)
        while (waited := self.monotonic() - began) < self.patience:
            if _is_queued(case, message_id) or self._was_published(case, message_id):
                return ok(f"typed -> event {waited:.1f} s")
            time.sleep(_POLL_SECONDS)
        text = f"no event of message {message_id} within {self.patience:.0f} s"
        return watch(
            f"{text}: is the chat watched, or does the message wait?",
            "python -m cli subscriptions list",
            "python -m cli parked list",
        )

    def _was_published(self, case: Case, message_id: str) -> bool:
        """Return whether there is a record of the event: a quick consumer has taken it before it was seen."""
        key = creation_key(case.tenant_ids[0], f"chats/{self.chat_id}/messages/{message_id}")
        now, deadline = case.now(), Deadline.after(_READ_TIME)
        days = dict.fromkeys([now.date(), (now - _LONGEST).date()])
        table = case.clients.publication_table()
        return table.read(key, [*days], since=now - _LONGEST, is_enough=bool, deadline=deadline) is not None

    def _write(self, case: Case) -> str:
        tenant_id = case.tenant_ids[0]
        token = case.clients.graph_token(tenant_id, delegated=True)
        url = f"{case.settings.graph_url}/v1.0/chats/{quote(self.chat_id, safe='')}/messages"
        headers, body = {"Authorization": f"Bearer {token}"}, {"body": {"content": _TEXT}}
        try:
            with session() as made:
                answer = made.post(url, json=body, headers=headers, timeout=_TIMEOUT_SECONDS)
        except requests.RequestException as exc:
            raise Unavailable(f"Graph does not take the message: {type(exc).__name__}") from exc
        found = parse_json(answer.content) if answer.status_code == _CREATED else None
        if not isinstance(found, dict) or not isinstance(found.get("id"), str):
            text = f"Graph answered {answer.status_code} to the user's message in {self.chat_id}"
            raise Misconfigured(f"{text}: the user has to be a member, and needs the delegated ChatMessage.Send")
        return str(found["id"])


def _is_queued(case: Case, message_id: str) -> bool:
    name = case.settings.queue_name
    if name is None:
        return False
    queue = Queue(case.clients.queues(), case.clients.blobs(), name)
    return any(_is_about(message.event, message_id) for message in queue.peek())


def _is_about(event: dict[str, object] | None, message_id: str) -> bool:
    return event is not None and message_id in str(event.get("subject"))
