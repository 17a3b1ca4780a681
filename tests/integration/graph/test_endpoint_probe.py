"""The app calls its own URL as Graph would: what each answer says about the endpoint, row by row."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from aiohttp import web
from msgspec import Raw

from sandbox.serving import Service
from sandbox.tls import Tls
from shared.errors import Misconfigured, Problem, Unavailable
from shared.graph.endpoint_probe import EndpointProbe
from shared.notifications.probe import Verdict, is_probe
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import NOW
from tests.sandbox.background import running
from tests.sender import TENANT

pytestmark = pytest.mark.slow

type Answer = Callable[[web.Request], Awaitable[web.Response]]
YES, UNCLEAR, NO = Verdict.YES, Verdict.CANNOT_TELL, Verdict.NO


async def _echo(request: web.Request) -> web.Response:
    return web.Response(text=request.query["validationToken"])


async def _page(request: web.Request) -> web.Response:
    return web.Response(text=request.query["validationToken"], content_type="text/html")


async def _raw(request: web.Request) -> web.Response:
    return web.Response(text=request.query_string.partition("=")[2])


async def _hang(_request: web.Request) -> web.Response:
    await asyncio.sleep(1)
    return web.Response(status=202)


async def _trickle(request: web.Request) -> web.Response:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(20):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    raise web.HTTPOk


async def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _status(status: int, headers: Mapping[str, str] | None = None) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return answer


class Endpoint:
    """Serves the URL: ``handshake`` and ``post`` answer; what is posted is parked unless ``parks`` is False."""

    def __init__(self, tls: Tls) -> None:
        self.handshake: Answer = _echo
        self.post: Answer = _status(202)
        self.parks, self.problem = True, None
        self.parked = b""
        self.asked: list[str] = []
        self.problem_of_storage: Problem | None = None
        served = web.Application()
        served.router.add_route("*", "/{path:.*}", self._answer)
        self.service = Service(served, tls)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if "validationToken" in request.query:
            assert request.query["code"] == "x"
            return await self.handshake(request)
        if self.parks:
            self.parked = await request.read()
        return await self.post(request)

    def last_parked(self) -> bytes:
        if self.problem_of_storage is not None:
            raise self.problem_of_storage
        return self.parked


@pytest.fixture
def endpoint(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    tls = Tls(tmp_path_factory.mktemp("tls"))
    for name, value in tls.environment().items():
        monkeypatch.setenv(name, value)
    served = Endpoint(tls)
    with running(served.service):
        yield served


def _ask(
    endpoint: Endpoint,
    *,
    has_said_yes: bool = False,
    url: str | None = None,
    clock: SettableClock | None = None,
    answer_time: timedelta = timedelta(seconds=20),
) -> tuple[Verdict, str]:
    with ThreadPoolExecutor(8) as pool:
        probe = EndpointProbe(
            url=url or f"{endpoint.service.url}/api/ReceiveNotification?code=x",
            tenant_id=TENANT,
            sign=lambda: "v1.key.nonce.mac",
            last_parked=endpoint.last_parked,
            pool=pool,
            clock=clock or SettableClock(),
            answer_time=answer_time,
        )
        result = probe.ask(has_said_yes=has_said_yes)
        return result.verdict, result.reason


def test_endpoint_that_echoes_and_parks_says_yes(endpoint: Endpoint) -> None:
    assert _ask(endpoint) == (YES, "")
    assert endpoint.asked == ["POST /api/ReceiveNotification"] * 2
    [item] = json.loads(endpoint.parked)["value"]
    assert is_probe(Raw(json.dumps(item).encode()))
    assert (item["tenantId"], item["clientState"]) == (TENANT, "v1.key.nonce.mac")


@pytest.mark.parametrize(
    ("handshake", "words"),
    [
        (_page, "another text"),
        (_raw, "another text"),
        (_status(200), "another text"),
        (_status(302, {"Location": "/login"}), "answered 302"),
        (_status(404), "answered 404"),
        (_status(500), "answered 500"),
        (_status(503), "answered 503"),
    ],
    ids=["HTML", "not decoded", "empty", "redirect", "404", "500", "503"],
)
def test_wrong_answer_to_the_handshake_says_no(endpoint: Endpoint, handshake: Answer, words: str) -> None:
    endpoint.handshake = handshake
    verdict, reason = _ask(endpoint)
    assert (verdict, words in reason) == (NO, True)
    # It was asked three times, followed no redirect and posted nothing.
    assert endpoint.asked == ["POST /api/ReceiveNotification"] * 3


@pytest.mark.parametrize(
    ("post", "words"), [(_status(503), "503"), (_status(404), "404"), (_status(200), "200"), (_status(307), "307")]
)
def test_post_that_is_not_accepted_says_no(endpoint: Endpoint, post: Answer, words: str) -> None:
    """Row: handshakes are answered while POSTs are not."""
    endpoint.post = post
    verdict, reason = _ask(endpoint)
    assert (verdict, reason.startswith(f"a POST was answered {words}")) == (NO, True)


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        pytest.param("handshake", _status(401), id="handshake, 401"),
        pytest.param("handshake", _status(403), id="handshake, 403"),
        pytest.param("handshake", _hang, id="handshake, silence"),
        pytest.param("handshake", _trickle, id="handshake, trickling"),
        pytest.param("handshake", _cut, id="handshake, reset"),
        pytest.param("post", _status(401), id="POST, 401"),
        pytest.param("post", _status(403), id="POST, 403"),
        pytest.param("post", _hang, id="POST, silence"),
        pytest.param("post", _cut, id="POST, reset"),
    ],
)
def test_refusal_silence_and_reset_say_no_only_if_the_url_has_said_yes(
    endpoint: Endpoint, part: str, answer: Answer
) -> None:
    setattr(endpoint, part, answer)
    short = timedelta(seconds=0.5)
    assert _ask(endpoint, has_said_yes=False, answer_time=short)[0] is UNCLEAR
    assert _ask(endpoint, has_said_yes=True, answer_time=short)[0] is NO


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://127.0.0.1:9/api/ReceiveNotification?code=x", "refuses connections"),
        ("https://no-such-host.invalid/api/ReceiveNotification?code=x", "cannot be found"),
        ("http://[::1", "cannot be found"),
    ],
    ids=["refused", "unknown name", "not a URL"],
)
def test_url_without_a_server_says_no(endpoint: Endpoint, url: str, words: str) -> None:
    verdict, reason = _ask(endpoint, url=url)
    assert (verdict, words in reason) == (NO, True)


def test_certificate_that_is_not_trusted_says_no(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    verdict, reason = _ask(endpoint)
    assert (verdict, "certificate" in reason) == (NO, True)


def test_accepted_post_that_is_not_parked_says_no(endpoint: Endpoint) -> None:
    """Row: wrong settings on the HTTP instances: they drop what they take for a stranger's, and answer 202."""
    endpoint.parks = False
    verdict, reason = _ask(endpoint, has_said_yes=True)
    assert (verdict, "CLIENT_STATE_KEY" in reason) == (NO, True)


@pytest.mark.parametrize("problem", [Unavailable("no answer"), Misconfigured("no role")], ids=str)
def test_container_that_cannot_be_read_says_nothing_of_the_endpoint(endpoint: Endpoint, problem: Problem) -> None:
    endpoint.problem_of_storage = problem
    assert _ask(endpoint, has_said_yes=True)[0] is UNCLEAR


def test_endpoint_is_asked_again_twice_twenty_seconds_apart(endpoint: Endpoint) -> None:
    """Row: a deployment that is down for half a minute, and one failed call of the app's own URL."""
    clock = SettableClock()
    answers = iter([_status(503), _status(503), _echo])

    async def recover(request: web.Request) -> web.Response:
        return await next(answers)(request)

    endpoint.handshake = recover
    assert _ask(endpoint, has_said_yes=True, clock=clock) == (YES, "")
    assert clock.now() == NOW + timedelta(seconds=40)
