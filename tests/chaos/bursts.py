"""A burst of Graph's POSTs, of every kind that needs another part of the app, and what became of each of them."""

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter

from sandbox.teams import Path
from tests.end_to_end.deployed import Deployed
from tests.sender import CHAT, FOREIGN_STATE_KEY, TENANT, Sender, basic_item, body, client_state


class Kind(StrEnum):
    """What a POST needs: keys or none, the queue and perhaps a blob, Graph, the table, or nothing at all."""

    RICH = "rich"
    LARGE = "rich, and too large for a message"
    BASIC = "basic"
    FETCHED = "basic, to be fetched"
    LIFECYCLE = "lifecycle"
    FORGED = "not authentic"


class Fate(StrEnum):
    """What became of a POST by the time of its answer."""

    PUBLISHED = "published"
    PARKED = "parked"
    QUARANTINED = "in quarantine"
    REFUSED = "503"
    UNANSWERED = "no answer"
    DROPPED = "202, and no trace"


# As many at once as the app has slots: one more would be parked.
SIZES: Mapping[Kind, int] = {
    Kind.RICH: 5,
    Kind.LARGE: 1,
    Kind.BASIC: 5,
    Kind.FETCHED: 1,
    Kind.LIFECYCLE: 1,
    Kind.FORGED: 1,
}
_COUNT = itertools.count(1_700_000_000_000)
_LARGE_TEXT = "x" * 60_000
_PAGE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST about one change; ``subject`` is the event's, ``content`` the resource that has to be in it."""

    kind: Kind
    subject: str
    body: bytes
    content: Mapping[str, Any] | None = None

    @property
    def query(self) -> str:
        return "?fetch=v1.0" if self.kind is Kind.FETCHED else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The status, None where there was no answer, and how long it took."""

    status: int | None
    seconds: float


def posts(graph: Sender, messages: Iterator[Path]) -> Sequence[Post]:
    """Return a burst; each POST is about a change of its own. ``messages`` can be read at Graph."""
    kinds = (kind for kind, size in SIZES.items() for _ in range(size))
    return [_post(kind, graph, messages) for kind in kinds]


def _post(kind: Kind, graph: Sender, messages: Iterator[Path]) -> Post:
    match kind:
        case Kind.FETCHED:
            return _fetched(next(messages))
        case Kind.LIFECYCLE:
            id_ = str(uuid4())
            item = basic_item(subscriptionId=id_, changeType=None, lifecycleEvent="missed", resource=None)
            return Post(kind=kind, subject=f"subscriptions/{id_}", body=body(item))
        case _:
            return _notified(kind, graph, str(next(_COUNT)))


def _fetched(message: Path) -> Post:
    resource = f"chats('{message[1]}')/messages('{message[3]}')"
    item = basic_item(changeType="updated", resource=resource, resourceData=_data(resource, message[3]))
    return Post(kind=Kind.FETCHED, subject="/".join(message), body=body(item))


def _notified(kind: Kind, graph: Sender, id_: str) -> Post:
    resource = f"chats('{CHAT}')/messages('{id_}')"
    item = basic_item(resource=resource, resourceData=_data(resource, id_))
    subject = f"chats/{CHAT}/messages/{id_}"
    if kind is Kind.BASIC:
        return Post(kind=kind, subject=subject, body=body(item))
    if kind is Kind.FORGED:
        item["clientState"] = client_state(TENANT, FOREIGN_STATE_KEY)
    content = {"id": id_, "etag": id_, "body": {"content": f"Grüße {id_} {_LARGE_TEXT if kind is Kind.LARGE else ''}"}}
    sealed = graph.encrypted(json.dumps(content).encode())
    return Post(kind=kind, subject=subject, body=graph.rich_body(item | {"encryptedContent": sealed}), content=content)


def _data(resource: str, id_: str) -> Mapping[str, str]:
    return {"id": id_, "@odata.type": "#Microsoft.Graph.chatMessage", "@odata.id": resource}


class Connections:
    """Graph's connections: as many as there are POSTs at once."""

    def __init__(self, app: Deployed) -> None:
        self._app = app
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = app.session.verify
        self._session.mount("https://", HTTPAdapter(pool_maxsize=sum(SIZES.values())))

    def send(self, burst: Sequence[Post]) -> Sequence[Answer]:
        """Return the answers to all POSTs, sent at once."""
        with ThreadPoolExecutor(sum(SIZES.values())) as pool:
            return list(pool.map(self._send, burst))

    def close(self) -> None:
        self._session.close()

    def _send(self, post: Post) -> Answer:
        began, status = time.monotonic(), None
        headers = {"Content-Type": "application/json"}
        with suppress(requests.ConnectionError):
            answer = self._session.post(f"{self._app.url}{post.query}", data=post.body, headers=headers, timeout=20)
            assert answer.content == b""
            status = answer.status_code
        return Answer(status=status, seconds=time.monotonic() - began)


def fates(
    app: Deployed, burst: Sequence[Post], answers: Sequence[Answer], published: Container[str]
) -> Mapping[Kind, frozenset[Fate]]:
    """Return what became of the POSTs of each kind; ``published``: the subjects of all events so far."""
    parked, quarantined = set(app.stored("parked")), b"".join(app.stored("quarantine"))
    found = defaultdict(set)
    for post, answer in zip(burst, answers, strict=True):
        found[post.kind].add(_fate(post, answer, parked, quarantined, published))
    return {kind: frozenset(fates) for kind, fates in found.items()}


def _fate(post: Post, answer: Answer, parked: set[bytes], quarantined: bytes, published: Container[str]) -> Fate:
    if answer.status != requests.codes.accepted:
        return Fate.UNANSWERED if answer.status is None else Fate(str(answer.status))
    if post.body in parked:
        return Fate.PARKED
    if post.subject.rpartition("/")[2].encode() in quarantined:
        return Fate.QUARANTINED
    return Fate.PUBLISHED if post.subject in published else Fate.DROPPED


def drained(app: Deployed) -> Sequence[Mapping[str, Any]]:
    """Return all events in the queue, with their data, and take them out."""
    events = [json.loads(message.content) for message in app.queue.receive_messages(messages_per_page=_PAGE)]
    app.queue.clear_messages()
    return [event if "data" in event else event | {"data": _data_of(app, event)} for event in events]


def _data_of(app: Deployed, event: Mapping[str, Any]) -> Any:
    name = event["dataref"].partition("/event-data/")[2]
    return json.loads(app.blobs.get_blob_client("event-data", name).download_blob().readall())
