"""One HTTP service on loopback: the application in, a URL, a request log and switchable faults out."""

import asyncio
import itertools
import random
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.ports import stop_accepting
from sandbox.tls import Tls

# aiohttp waits a minute for answers in progress; a slow fault must not hold up the end of a test.
_SHUTDOWN_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that came in, whether the application or a fault answered it."""

    method: str
    path_qs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What becomes of the application's answer: another takes its place, or it comes late, cut off, or not at all."""

    name: str = ""
    """What ``Faults.disturbed`` counts it as."""
    path: str = ""
    """A regular expression, searched for in the path (without the query); the empty one fits every path."""
    method: str | None = None
    """The only method to disturb; None for all."""
    status: int | None = None
    """The status to answer with; None lets the application answer, late."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    truncate: bool = False
    """Whether only the first half of the application's answer arrives."""
    drop: bool = False
    """Whether the connection is cut instead of an answer."""
    carried_out: bool = False
    """Whether the application does its work all the same where its answer is replaced or dropped."""
    share: float = 1.0
    """How large a part of the requests that fit to disturb, by chance; 1.0 is all of them."""
    delay: float = 0.0
    """Real seconds to wait before the answer."""
    times: int | None = None
    """How many requests to disturb; None until the fault is removed."""

    def fits(self, method: str, path: str) -> bool:
        """Return whether this fault is meant for a request."""
        return self.method in {None, method} and re.search(self.path, path) is not None

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Return what the client gets to see, if the connection still stands."""
        await asyncio.sleep(self.delay)
        is_replaced = self.drop or self.status is not None
        response = await handler(request) if self.carried_out or not is_replaced else web.Response()
        if self.drop and request.transport is not None:
            request.transport.abort()
        if self.status is not None:
            return web.Response(status=self.status, headers=self.headers, body=self.body)
        if self.truncate and isinstance(response, web.Response) and isinstance(response.body, bytes):
            response.body = response.body[: len(response.body) // 2]
        return response


class Faults:
    """The faults of one service in the order in which they were added; callable from any thread.

    ``disturbed`` counts the requests that met one, by its name; ``dice`` decides where that is left to chance.
    """

    def __init__(self) -> None:
        self.disturbed: Counter[str] = Counter()
        self.dice = random.Random(0)  # noqa: S311  chance that can be repeated, no secret
        self._lock = threading.Lock()
        self._handles = itertools.count(1)
        self._faults: dict[int, Fault] = {}

    def add(self, fault: Fault) -> int:
        """Switch a fault on and return the handle that removes it."""
        with self._lock:
            handle = next(self._handles)
            self._faults[handle] = fault
            return handle

    def remove(self, handle: int) -> None:
        """Switch a fault off; one that has run out already is off."""
        with self._lock:
            self._faults.pop(handle, None)

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault that fits a request, counting one of its times down."""
        with self._lock:
            for handle, fault in self._faults.items():
                if fault.fits(method, path) and self.dice.random() < fault.share:
                    self._count_down(handle, fault)
                    self.disturbed[fault.name] += 1
                    return fault
            return None

    def _count_down(self, handle: int, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times > 1:
            self._faults[handle] = replace(fault, times=fault.times - 1)
        else:
            del self._faults[handle]


class Service:
    """One HTTP service on 127.0.0.1, with its request log and its faults; over TLS if ``tls`` is given."""

    def __init__(self, app: web.Application, tls: Tls | None) -> None:
        app.middlewares.insert(0, self._watch)
        self.requests: list[Request] = []
        self.faults = Faults()
        self._app = app
        self._tls = tls
        self._context = tls.context() if tls else None
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The address without a trailing slash, ``https://127.0.0.1:PORT``; it outlives a stop and a new start.

        Raises:
            RuntimeError: the service was never started.
        """
        if not self._port:
            raise RuntimeError("a service has an address once it was started")
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen; on a free port the first time, on the same one ever after."""
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        assert runner.server is not None  # noqa: S101  a runner that is set up has one
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(runner.server, "127.0.0.1", self._port, ssl=self._context)
        self._runner = runner
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection; to the clients this is an outage."""
        runner, server = self._runner, self._server
        self._runner = self._server = None
        if runner is None or server is None:
            return
        await stop_accepting(server)
        await runner.cleanup()
        # Over TLS a polite close waits for the client's, and a pooled connection's client never answers. The runner
        # knows nothing of those that have not finished their handshake.
        server.abort_clients()
        await asyncio.sleep(0)

    def let_certificate_expire(self) -> None:
        """Show an outdated certificate to every client, until it is renewed."""
        self._show_certificate(outdated=True)

    def renew_certificate(self) -> None:
        """Show the certificate again."""
        self._show_certificate(outdated=False)

    def _show_certificate(self, *, outdated: bool) -> None:
        """Raise RuntimeError where the service has no certificate, or does not run."""
        if self._tls is None or self._context is None or self._server is None:
            raise RuntimeError("no TLS is served here")
        (self._tls.let_expire if outdated else self._tls.renew)(self._context)
        # A connection that stands would never look at it.
        self._server.abort_clients()

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(Request(method=request.method, path_qs=request.path_qs))
        fault = self.faults.take(request.method, request.path)
        return await (handler(request) if fault is None else fault.answer(request, handler))
