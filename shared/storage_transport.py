"""A transport for azure-core's pipelines whose calls end: in time, or half a second after their deadline.

urllib3 opens, keeps and drops the connections, through TLS and proxies. What it does for each request beside (retries,
redirects, decoding) takes a third of a call's processor time and is not needed here: the connections send requests as
``http.client`` does, on which they are built. Before each operation of a socket, its time-out is set to what is left;
the watchdog cuts what trickles. Name resolution is the one thing that nothing can cut off.

Source: https://learn.microsoft.com/python/api/azure-core/azure.core.pipeline.transport.httptransport and
https://urllib3.readthedocs.io/en/stable/reference/urllib3.connectionpool.html
"""

import socket
import threading
from http.client import HTTPConnection as StandardConnection
from http.client import HTTPException, HTTPMessage, IncompleteRead
from pathlib import Path
from types import TracebackType
from typing import Any, cast, override
from urllib.parse import urlsplit

import certifi
import requests
from azure.core.exceptions import (
    AzureError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import HttpRequest, HttpResponse, HttpTransport
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from shared.watchdog import Call, Watchdog

# At least one connection for each thread: by default, urllib3 pools one, and opens a new one for each request beyond.
_MAX_CONNECTIONS = 64
_CONNECT_SECONDS = 1.0
_CHUNK_BYTES = 64 * 1024


_WATCHDOG = Watchdog()


class _Current(threading.local):
    """The call that this thread makes."""

    call: Call | None = None


_CURRENT = _Current()


class _Watched(HTTPConnection):
    """A connection that the watchdog can cut, from before TLS to the last byte of each answer.

    It sends a request in one piece: each call of the system lets another thread run first.
    """

    _twin: socket.socket | None = None
    """The socket's second descriptor: TLS takes the first one away from its object."""
    _pieces: list[bytes] | None = None

    @override
    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self._twin = socket.fromfd(connected.fileno(), connected.family, connected.type)
        self._watch()
        return connected

    def exchange(self, request: HttpRequest, target: str, call: Call) -> "Response":
        """Send a request over the open connection, and return the answer, read to its end."""
        self._watch()
        self._wait_at_most(call)
        self._pieces = []
        content = cast("bytes | None", request.body)
        try:
            StandardConnection.request(self, request.method, target, content, request.headers)
        finally:
            pieces, self._pieces = self._pieces, None
        super().send(b"".join(pieces))
        answer = StandardConnection.getresponse(self)
        chunks = []
        while chunk := answer.read(_CHUNK_BYTES):
            chunks.append(chunk)
            if answer.length != 0:
                self._wait_at_most(call)
        if answer.length:
            raise IncompleteRead(b"".join(chunks), answer.length)
        return Response(request, answer.status, answer.reason, answer.headers, b"".join(chunks))

    def _wait_at_most(self, call: Call) -> None:
        left = call.seconds_left()
        # An answer after which the connection ends has taken its socket.
        if self.sock is not None:
            self.sock.settimeout(left)

    @override
    def send(self, data: Any) -> None:
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)

    @override
    def close(self) -> None:
        super().close()
        twin, self._twin = self._twin, None
        if twin is None:
            return
        if _CURRENT.call is None:
            twin.close()
        else:
            _CURRENT.call.closes(twin)

    def _watch(self) -> None:
        if _CURRENT.call is not None and self._twin is not None:
            _WATCHDOG.uses(_CURRENT.call, self._twin)


class _WatchedTLS(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    """The connections to one host."""

    ConnectionCls = _Watched

    def exchange(self, request: HttpRequest, target: str, call: Call) -> "Response":
        """Return the answer to a request, over a connection that is kept for the next one."""
        connection = cast("_Watched", self._get_conn())
        try:
            if connection.is_closed:
                connection.timeout = min(_CONNECT_SECONDS, call.seconds_left())
                if self.proxy is None:
                    connection.connect()
                else:
                    self._prepare_proxy(connection)
            return connection.exchange(request, target, call)
        except BaseException:
            connection.close()
            raise
        finally:
            self._put_conn(connection)


class _PoolTLS(_Pool, HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = _WatchedTLS


class Response(HttpResponse):
    """An answer that has been read."""

    def __init__(self, request: HttpRequest, status: int, reason: str, headers: HTTPMessage, content: bytes) -> None:
        super().__init__(request, None)
        self.status_code = status
        self.headers = cast("Any", headers)
        self.reason = reason
        self.content_type = headers.get("Content-Type")
        self._content = content

    @override
    def body(self) -> bytes:
        return self._content


class StorageTransport(HttpTransport[HttpRequest, HttpResponse]):
    """Sends requests to the host of one URL, by the environment's proxy and authorities; any thread may use it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._pool = _pool(url)

    @override
    def send(self, request: HttpRequest, *, seconds: float = 10.0, **_options: Any) -> HttpResponse:
        """Return the answer, read to its end.

        Raises:
            ServiceRequestError: the request was not sent.
            ServiceResponseError: it may have been, and no whole answer came in time.
        """
        call = Call(seconds)
        _WATCHDOG.watch(call)
        _CURRENT.call = call
        try:
            return self._exchange(request, call)
        except (HTTPError, HTTPException, OSError) as exc:
            raise _as_azure_error(exc, call) from exc
        finally:
            _CURRENT.call = None
            _WATCHDOG.forget(call)

    def _exchange(self, request: HttpRequest, call: Call) -> Response:
        response = self._pool.exchange(request, request.url.removeprefix(self._origin), call)
        # A socket that is shut ends an answer without a length as its last byte does.
        if call.is_cut:
            raise TimeoutError
        return response

    @override
    def open(self) -> None:
        """Do nothing: connections are opened when they are needed."""

    @override
    def close(self) -> None:
        """Close the connections that are idle."""
        self._pool.close()

    @override
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()


def _pool(url: str) -> _Pool:
    """Return a pool of watched connections to the URL's host."""
    is_secure = urlsplit(url).scheme == "https"
    options: dict[str, Any] = {"maxsize": _MAX_CONNECTIONS}
    proxy = None
    if is_secure:
        # What requests takes from the environment for the other clients: authorities, and the proxy of this host.
        found = requests.Session().merge_environment_settings(url, {}, stream=False, verify=True, cert=None)
        authorities = certifi.where() if found["verify"] is True else str(found["verify"])
        options["ca_cert_dir" if Path(authorities).is_dir() else "ca_certs"] = authorities
        proxy = requests.utils.select_proxy(url, found["proxies"])
    manager = ProxyManager(proxy, **options) if proxy else PoolManager(**options)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}
    return cast("_Pool", manager.connection_from_url(url))


def _as_azure_error(exc: HTTPError | HTTPException | OSError, call: Call) -> AzureError:
    if isinstance(exc, ConnectTimeoutError) and not isinstance(exc, NewConnectionError):
        return ServiceRequestTimeoutError("no connection in time", error=exc)
    if isinstance(exc, NewConnectionError):
        return ServiceRequestError("no connection", error=exc)
    if call.is_cut or isinstance(exc, TimeoutError):
        return ServiceResponseTimeoutError("no answer in time", error=exc)
    return ServiceResponseError("no whole answer", error=exc)
