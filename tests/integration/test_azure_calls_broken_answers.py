"""Storage whose answers break off: in the middle of the headers, or before the body. It is as if there were none."""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.errors import Conflict, Misconfigured, Unavailable
from shared.events.publication import PublicationRecord
from shared.events.publication_table import PublicationTable
from shared.events.queue_sink import QueueSink
from shared.gaps.snapshot import SnapshotEntry
from shared.gaps.snapshot_table import SnapshotTable
from shared.receiving.post_store import PostStore, StoredPost
from shared.subscriptions.subscription_table import SubscriptionTable
from tests.fakes.time_limits import in_time
from tests.unit.events.test_publish_once import message

pytestmark = pytest.mark.slow

_STATUS = b"HTTP/1.1 %d Whatever\r\n"
_JSON = b"Content-Type: application/json\r\n"
_ANSWERS = {
    "nothing": b"",
    "half a header": _STATUS + b"Transfer-",
    "no body": _STATUS + _JSON + b"Content-Length: 0\r\n\r\n",
    "half a body": _STATUS + _JSON + b'Content-Length: 99\r\n\r\n{"value',
    "another body": _STATUS + _JSON + b"Content-Length: 2\r\n\r\n[]",
    "XML that says nothing": _STATUS + b"Content-Type: application/xml\r\nContent-Length: 4\r\n\r\n<a/>",
}
_ONCE: dict[str, Any] = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 1}
_POST = StoredPost(
    reason="unavailable", received_at=datetime(2026, 11, 21, tzinfo=UTC), fetch=None, name="a.json", etag='"1"'
)
_KNOWN = SnapshotEntry(tenant_id="t", subject="teams/t/members/m", fingerprint="0123")
_MARKER = PublicationRecord(key="00", entries=("a",), published_at=_POST.received_at)


class Storage(socketserver.ThreadingTCPServer):
    """Whatever it is asked, it answers with ``answer``."""

    answer = b""
    daemon_threads = True


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (more := self.request.recv(65_536)):
            request += more
        length = re.search(rb"content-length: (\d+)", request, re.IGNORECASE)
        left = int(length[1]) - len(request.partition(b"\r\n\r\n")[2]) if length else 0
        while left > 0 and (more := self.request.recv(65_536)):
            left -= len(more)
        assert isinstance(self.server, Storage)
        self.request.sendall(self.server.answer)


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with Storage(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _connection(storage: Storage) -> str:
    url = f"http://127.0.0.1:{storage.server_address[1]}/account"
    endpoints = ";".join(f"{kind}Endpoint={url}" for kind in ("Blob", "Queue", "Table"))
    return f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey=a2V5;{endpoints}"


_TABLE_CALLS: dict[str, Callable[[TableServiceClient], object]] = {
    "read a marker": lambda tables: PublicationTable(tables).read("00"),
    "write a marker": lambda tables: PublicationTable(tables).write(_MARKER),
    "purge": lambda tables: PublicationTable(tables).purge(
        now=_MARKER.published_at, before=_MARKER.published_at, is_time_up=lambda: False
    ),
    "what is known": lambda tables: SnapshotTable(tables).list("t", "teams/t/members"),
    "one known": lambda tables: SnapshotTable(tables).get(_KNOWN),
    "note": lambda tables: SnapshotTable(tables).record(_KNOWN),
    "note all": lambda tables: SnapshotTable(tables).record_all([_KNOWN]),
    "hear": lambda tables: SubscriptionTable(tables).record_activity(
        "t", "a-subscription", lifecycle_event=None, at=_MARKER.published_at
    ),
    "forget what was heard": lambda tables: SubscriptionTable(tables).delete_activity("t", "a-subscription"),
    "forget": lambda tables: SnapshotTable(tables).purge_deleted("t", "teams/t/members", before=_MARKER.published_at),
}
_STORE_CALLS: dict[str, Callable[[PostStore], object]] = {
    "list": lambda store: list(store.list()),
    "store": lambda store: store.store(b"{}", _POST, in_time()),
    "read": lambda store: store.read(_POST),
    "claim": lambda store: store.claim(_POST, _POST.received_at),
    "delete": lambda store: store.delete(_POST),
}


def _ends(call: Callable[[], object]) -> None:
    """Have ``call`` come back, as what looks like success may be taken for it, or raise what it may."""
    with suppress(Unavailable, Conflict, Misconfigured):
        call()


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")  # of the queue client
@pytest.mark.parametrize("status", [200, 201, 204, 404, 500])
@pytest.mark.parametrize("answer", _ANSWERS)
def test_an_answer_that_breaks_off_raises_nothing_else(storage: Storage, answer: str, status: int) -> None:
    storage.answer = _ANSWERS[answer].replace(b"%d", b"%d" % status)
    connection = _connection(storage)
    with (
        TableServiceClient.from_connection_string(connection, **_ONCE) as tables,
        BlobServiceClient.from_connection_string(connection, **_ONCE) as blobs,
        QueueServiceClient.from_connection_string(connection, **_ONCE) as queues,
    ):
        for on_tables in _TABLE_CALLS.values():
            _ends(partial(on_tables, tables))
        for on_blobs in _STORE_CALLS.values():
            _ends(partial(on_blobs, PostStore(blobs, "parked")))
        _ends(lambda: QueueSink(queues, blobs, "events").publish([message()], in_time()))
