"""Calls over the transport through TLS and a proxy: by the environment, as those of the libraries' clients."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import HttpRequest

from sandbox.tls import Tls
from shared.storage_transport import StorageTransport
from tests.fakes.tcp_server import serving

pytestmark = pytest.mark.slow


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    heads: list[bytes]
    tls: Tls


class _Secure(socketserver.BaseRequestHandler):
    """Answers each request over TLS."""

    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        with suppress(OSError), self.server.tls.context().wrap_socket(self.request, server_side=True) as secure:
            while head := secure.recv(65_536):
                self.server.heads.append(head)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")


class _Proxy(socketserver.BaseRequestHandler):
    """Opens a tunnel for each CONNECT."""

    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        head = self.request.recv(65_536)
        self.server.heads.append(head)
        host, _, port = head.split()[1].decode().partition(":")
        with socket.create_connection((host, int(port))) as other:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(other, self.request))
            back.start()
            _copy(self.request, other)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _server(handler: type[socketserver.BaseRequestHandler]) -> _Server:
    server = _Server(("127.0.0.1", 0), handler)
    server.heads = []
    return server


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


@pytest.fixture
def server(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = _server(_Secure)
    server.tls = tls
    with serving(server):
        yield server


def _answers(server: _Server, *, calls: int = 2) -> list[bytes]:
    url = f"https://localhost:{server.server_address[1]}"
    with ExitStack() as stack:
        transport = StorageTransport(url)
        stack.callback(transport.close)
        return [transport.send(HttpRequest("GET", f"{url}/{each}"), seconds=20).body() for each in range(calls)]


def test_authorities_of_the_environment_are_trusted(server: _Server, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", tls.environment()["REQUESTS_CA_BUNDLE"])
    assert _answers(server) == [b"fine"] * 2
    assert [head.split()[1] for head in server.heads] == [b"/0", b"/1"]


def test_server_of_an_unknown_authority_gets_no_request(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AzureError):
        _answers(server)
    assert server.heads == []


def test_calls_go_through_one_tunnel_of_the_proxy(server: _Server, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", tls.environment()["REQUESTS_CA_BUNDLE"])
    proxy = _server(_Proxy)
    with serving(proxy):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        assert _answers(server) == [b"fine"] * 2
        assert [head.split()[:2] for head in proxy.heads] == [
            [b"CONNECT", f"localhost:{server.server_address[1]}".encode()]
        ]
