"""The endpoint's verdict in a run: recorded once, asked for again after a period, and logged when it changes."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.app.endpoint import EndpointWatch
from shared.graph.endpoint_probe import EndpointProbe
from shared.notifications.probe import Verdict
from shared.subscriptions.delivery import EndpointAnswer
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import MINUTE, NOW
from tests.sender import PREVIOUS_STATE_KEY, STATE_KEY, TENANT

PERIOD = 5 * MINUTE
SECOND = timedelta(seconds=1)


class Endpoint(ThreadingHTTPServer):
    """An endpoint on loopback that works, or answers everything with ``broken``."""

    broken: int | None = None
    parked = b""


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        [token] = parse_qs(urlsplit(self.path).query).get("validationToken", [""])
        if not token:
            self.server.parked = body
        self.send_response(self.server.broken or (200 if token else 202))
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(token.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of http.server
        """Write nothing to the test's output."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(("127.0.0.1", 0), _Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def _watch(endpoint: Endpoint, clock: SettableClock, *, has_said_yes: bool = True) -> Iterator[EndpointWatch]:
    with ThreadPoolExecutor(4) as pool:
        probe = EndpointProbe(
            url=f"http://127.0.0.1:{endpoint.server_port}/",
            tenant_id=TENANT,
            sign=lambda: "v1.k.n.m",
            last_parked=lambda: endpoint.parked,
            pool=pool,
            clock=clock,
        )
        yield EndpointWatch(probe=probe, has_said_yes=lambda: has_said_yes, clock=clock)


def test_answer_states_when_it_was_asked_for(endpoint: Endpoint) -> None:
    with _watch(endpoint, SettableClock()) as watch:
        watch.begin()
        assert watch.answer() == EndpointAnswer(url=watch.probe.url, verdict=Verdict.YES, asked_at=NOW)
        assert watch.facts() == {"endpoint": "yes"}


def test_answer_is_recorded_once_and_asked_for_again_after_a_period(endpoint: Endpoint) -> None:
    """A run that lasts longer asks again every period, or each long run would be an outage."""
    clock, recorded = SettableClock(), list[EndpointAnswer]()

    def record(answer: EndpointAnswer) -> bool:
        recorded.append(answer)
        return True

    with _watch(endpoint, clock) as watch:
        watch.record_next(record, PERIOD)
        assert recorded == []
        watch.begin()
        watch.answer()
        clock.pass_by(PERIOD - SECOND)
        watch.record_next(record, PERIOD)
        clock.pass_by(SECOND)
        watch.record_next(record, PERIOD)
        watch.answer()
        watch.record_next(record, PERIOD)
    assert [answer.asked_at for answer in recorded] == [NOW, NOW + PERIOD]


def test_answer_that_could_not_be_recorded_is_tried_again(endpoint: Endpoint) -> None:
    """Another run changed the row: without the proof, the next run would find an outage that was none."""
    tries, outcomes = list[EndpointAnswer](), iter([False, True])

    def record(answer: EndpointAnswer) -> bool:
        tries.append(answer)
        return next(outcomes)

    with _watch(endpoint, SettableClock()) as watch:
        watch.begin()
        watch.answer()
        for _ in range(3):
            watch.record_next(record, PERIOD)
    assert len(tries) == 2


def test_verdict_is_logged_when_it_changes(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    with _watch(endpoint, SettableClock()) as watch:
        for endpoint.broken in (None, 503, 404, None):
            watch.begin()
            watch.answer()
        assert watch.facts() == {"endpoint": "yes"}
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "the handshake was answered 503" in caplog.messages[0]


def test_refusal_of_a_url_that_never_said_yes_is_unknown(endpoint: Endpoint) -> None:
    endpoint.broken = 403
    with _watch(endpoint, SettableClock(), has_said_yes=False) as watch:
        assert watch.facts() == {"endpoint": "unknown"}


def test_probe_is_signed_with_the_key_of_the_run(endpoint: Endpoint) -> None:
    """A new key is known everywhere before it signs: an instance with former settings would drop the probe."""
    with _watch(endpoint, SettableClock()) as watch:
        for key in (STATE_KEY, PREVIOUS_STATE_KEY):
            watch.sign_with(key)
            assert watch.probe.sign().startswith(f"v1.{key.key_id}.")
