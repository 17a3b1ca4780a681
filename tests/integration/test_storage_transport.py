"""Calls over the transport end by their deadline, or half a second later, whatever the other side does."""

import socket
import socketserver
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError, ServiceResponseTimeoutError
from azure.core.pipeline.transport import HttpRequest, HttpResponse

from shared.storage_transport import StorageTransport
from tests.fakes.tcp_server import serving
from tests.fakes.time_limits import within

pytestmark = pytest.mark.slow

_SECONDS = 0.4
# The watchdog's half a second, and a busy machine.
_AT_MOST = 3.0

type Send = Callable[[bytes], object]


class Server(socketserver.ThreadingTCPServer):
    """Answers each request of a connection by ``answer``, and closes the connection if that returns False."""

    daemon_threads = True
    requests: list[bytes]
    connections = 0
    answer: Callable[[Send], bool]


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Server)
        self.server.connections += 1
        with suppress(OSError):
            while request := self.request.recv(65_536):
                self.server.requests.append(request)
                if not self.server.answer(self.request.sendall):
                    return


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), _Handler)
    server.requests = []
    with serving(server):
        yield server


@pytest.fixture
def transport(server: Server) -> Iterator[StorageTransport]:
    transport = StorageTransport(_url(server))
    yield transport
    transport.close()


def _url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def _send(
    transport: StorageTransport, server: Server, *, seconds: float = 20, data: bytes | None = None
) -> HttpResponse:
    headers = {"Content-Length": str(len(data))} if data is not None else {}
    return transport.send(HttpRequest("POST", f"{_url(server)}/a?b=c", headers=headers, data=data), seconds=seconds)


def _trickling(head: bytes, piece: bytes) -> Callable[[Send], bool]:
    def answer(send: Send) -> bool:
        send(head)
        for _ in range(400):
            send(piece)
            time.sleep(0.05)
        return False

    return answer


def _silent(_send: Send) -> bool:
    time.sleep(20)
    return False


_LENGTH = b"Content-Length: 99999\r\n\r\n"
_LATE: dict[str, Callable[[Send], bool]] = {
    "headers trickle": _trickling(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "one header trickles": _trickling(b"HTTP/1.1 200 OK\r\nA: ", b"b"),
    "body trickles": _trickling(b"HTTP/1.1 200 OK\r\n" + _LENGTH, b"x"),
    "body trickles, then the connection closes": _trickling(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + _LENGTH, b"x"
    ),
    "body without length trickles": _trickling(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks trickle": _trickling(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "nothing comes": _silent,
}


@pytest.mark.parametrize("answer", _LATE.values(), ids=_LATE)
def test_late_call_is_cut(server: Server, transport: StorageTransport, answer: Callable[[Send], bool]) -> None:
    server.answer = answer
    with within(_AT_MOST), pytest.raises(ServiceResponseTimeoutError):
        _send(transport, server, seconds=_SECONDS)


def test_silent_call_ends_at_its_deadline(server: Server, transport: StorageTransport) -> None:
    """The watchdog, half a second later, is for what is not silent."""
    server.answer = _silent
    with within(_SECONDS + 0.4), pytest.raises(ServiceResponseTimeoutError):
        _send(transport, server, seconds=_SECONDS)


@pytest.mark.parametrize("answer", ["body trickles", "nothing comes"])
def test_late_call_does_not_harm_the_next_one(server: Server, transport: StorageTransport, answer: str) -> None:
    server.answer = _LATE[answer]
    with pytest.raises(ServiceResponseTimeoutError):
        _send(transport, server, seconds=_SECONDS)
    server.answer = _ok
    assert [_send(transport, server).body() for _ in range(2)] == [b"fine"] * 2


def test_call_whose_time_is_up_is_not_made(server: Server, transport: StorageTransport) -> None:
    with pytest.raises(AzureError):
        _send(transport, server, seconds=0)
    assert server.requests == []


def test_calls_one_after_the_other_share_a_connection(server: Server, transport: StorageTransport) -> None:
    server.answer = _ok
    for _ in range(5):
        assert _send(transport, server, data=b"x" * 5_000).status_code == 200
    assert server.connections == 1
    assert server.requests[0].endswith(b"\r\n\r\n" + b"x" * 5_000), "in one piece"


def test_port_that_nobody_listens_to_is_an_unsent_request() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with StorageTransport(url) as transport, pytest.raises(ServiceRequestError):
            transport.send(HttpRequest("GET", f"{url}/a"), seconds=20)


def test_connection_that_closes_without_an_answer_is_an_error(server: Server, transport: StorageTransport) -> None:
    server.answer = lambda _send: False
    with pytest.raises(ServiceResponseError) as caught:
        _send(transport, server)
    assert not isinstance(caught.value, ServiceResponseTimeoutError)


_EARLY: dict[str, bytes] = {
    "of its length": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfine",
    "of its chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n",
}


@pytest.mark.parametrize("sent", _EARLY.values(), ids=_EARLY)
def test_answer_that_ends_before_the_end_is_none(server: Server, transport: StorageTransport, sent: bytes) -> None:
    def answer(send: Send) -> bool:
        send(sent)
        return False

    server.answer = answer
    with pytest.raises(ServiceResponseError) as caught:
        _send(transport, server)
    assert not isinstance(caught.value, ServiceResponseTimeoutError)
    server.answer = _ok
    assert _send(transport, server).body() == b"fine"


def test_answer_that_is_no_http_is_an_error(server: Server, transport: StorageTransport) -> None:
    def answer(send: Send) -> bool:
        send(b"SSH-2.0-OpenSSH_9.2\r\n")
        return False

    server.answer = answer
    with pytest.raises(ServiceResponseError):
        _send(transport, server)


def test_connection_that_was_closed_while_idle_is_made_anew(server: Server, transport: StorageTransport) -> None:
    def answer(send: Send) -> bool:
        _ok(send)
        return False

    server.answer = answer
    for _ in range(3):
        assert _send(transport, server).body() == b"fine"
        # The other side's end arrives.
        time.sleep(0.05)
    assert server.connections == 3


def test_answer_without_a_length_ends_with_its_connection(server: Server, transport: StorageTransport) -> None:
    def answer(send: Send) -> bool:
        send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfine")
        return False

    server.answer = answer
    assert [_send(transport, server).body() for _ in range(2)] == [b"fine"] * 2


def test_large_answer_is_read_to_its_end(server: Server, transport: StorageTransport) -> None:
    content = b"0123456789" * 400_000

    def answer(send: Send) -> bool:
        send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content))
        send(content)
        return True

    server.answer = answer
    assert _send(transport, server).body() == content


def _ok(send: Send) -> bool:
    send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
    return True
