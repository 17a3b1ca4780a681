"""Storage whose responses break off or make no sense: the stores raise their documented errors only."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from shared.errors import Conflict, Misconfigured, Unavailable
from tests.integration.storage_calls import CALLS, ETAG, TRIED_ONCE, Rows, stores_on

pytestmark = pytest.mark.slow

_STATUS = b"HTTP/1.1 %d Whatever\r\n"
_JSON = b"Content-Type: application/json\r\n"
_RESPONSES = {
    "nothing": b"",
    "half a header": _STATUS + b"Transfer-",
    "no body": _STATUS + _JSON + b"Content-Length: 0\r\n\r\n",
    "half a body": _STATUS + _JSON + b'Content-Length: 99\r\n\r\n{"value',
    "another body": _STATUS + _JSON + b"Content-Length: 2\r\n\r\n[]",
    "XML without content": _STATUS + b"Content-Type: application/xml\r\nContent-Length: 4\r\n\r\n<a/>",
}


class Storage(socketserver.ThreadingTCPServer):
    """A server that sends ``response`` to every request."""

    response = b""
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
        self.request.sendall(self.server.response)


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


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")  # of the queue client
@pytest.mark.parametrize("status", [200, 201, 204, 404, 500])
@pytest.mark.parametrize("response", _RESPONSES)
def test_broken_response_raises_documented_errors_only(storage: Storage, response: str, status: int) -> None:
    storage.response = _RESPONSES[response].replace(b"%d", b"%d" % status)
    with stores_on(_connection(storage), **TRIED_ONCE) as stores:
        for call in CALLS.values():
            # A response that looks like success may be taken for it.
            with suppress(Unavailable, Conflict, Misconfigured):
                call(stores, Rows.new(etag=ETAG))
