"""A service on loopback: TLS that real clients verify, a request log, faults, outages."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from aiohttp import web

from sandbox.serving import Fault, Faults, Request, Service
from sandbox.tls import Tls
from tests.sandbox.background import Background, running

pytestmark = pytest.mark.slow

_COUNTED = web.AppKey("counted", list[str])


async def _hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


def _app() -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/hello", _hello)
    return app


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(_app(), None)
    with running(service):
        yield service


def _get(service: Service, path: str = "/hello") -> requests.Response:
    return requests.get(f"{service.url}{path}", timeout=5)


def test_a_service_has_no_address_before_it_is_started() -> None:
    with pytest.raises(RuntimeError, match="started"):
        _ = Service(_app(), None).url


def test_clients_trust_a_tls_service_through_the_environment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = Tls(tmp_path)
    service = Service(_app(), tls)
    with running(service):
        with pytest.raises(requests.exceptions.SSLError):
            _get(service)
        for name, value in tls.environment().items():
            monkeypatch.setenv(name, value)
        assert service.url.startswith("https://127.0.0.1:")
        assert _get(service).text == "hello"
        assert ssl.create_default_context().get_ca_certs() == tls.client_context.get_ca_certs()


def test_the_server_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert Tls(tmp_path / "tls").key_file.stat().st_mode & 0o077 == 0


def test_every_request_is_logged_also_the_ones_that_nobody_serves(service: Service) -> None:
    _get(service, "/hello?a=1")
    assert _get(service, "/nowhere").status_code == 404
    assert service.requests == [
        Request(method="GET", path_qs="/hello?a=1"),
        Request(method="GET", path_qs="/nowhere"),
    ]


def test_a_fault_answers_instead_of_the_application_as_often_as_it_is_told(service: Service) -> None:
    service.faults.add(Fault(path="^/hello$", status=429, headers={"Retry-After": "7"}, body=b"slow down", times=2))
    first = _get(service)
    assert (first.status_code, first.headers["Retry-After"], first.content) == (429, "7", b"slow down")
    assert [_get(service).status_code for _ in range(2)] == [429, 200]


def test_a_fault_disturbs_only_its_path_and_method(service: Service) -> None:
    service.faults.add(Fault(path="^/hello$", method="POST", status=500))
    service.faults.add(Fault(path="^/other$", status=500))
    assert _get(service).status_code == 200
    assert requests.post(f"{service.url}/hello", timeout=5).status_code == 500


def test_a_fault_ends_when_it_is_removed_or_all_are_cleared(service: Service) -> None:
    handle = service.faults.add(Fault(status=503))
    assert _get(service).status_code == 503
    service.faults.remove(handle)
    assert _get(service).status_code == 200
    service.faults.add(Fault(status=500))
    service.faults.clear()
    assert _get(service).status_code == 200


def test_a_fault_without_a_status_delays_the_real_answer(service: Service) -> None:
    service.faults.add(Fault(delay=0.1))
    before = time.monotonic()
    assert _get(service).text == "hello"
    assert time.monotonic() - before >= 0.1


async def _count(request: web.Request) -> web.Response:
    request.app[_COUNTED].append(request.path)
    return web.json_response({"done": True})


@pytest.fixture
def counting() -> Iterator[Service]:
    app = web.Application()
    app[_COUNTED] = []
    app.router.add_route("*", "/count", _count)
    with running(service := Service(app, None)):
        yield service


def _counted(service: Service) -> int:
    return len(service._app[_COUNTED])


@pytest.mark.parametrize(("carried_out", "times"), [(False, 0), (True, 1)])
def test_a_dropped_connection_may_have_carried_its_request_out(
    counting: Service, *, carried_out: bool, times: int
) -> None:
    counting.faults.add(Fault(drop=True, carried_out=carried_out, times=1))
    with pytest.raises(requests.exceptions.ConnectionError):
        _get(counting, "/count")
    assert _counted(counting) == times
    assert _get(counting, "/count").json() == {"done": True}


@pytest.mark.parametrize(("carried_out", "times"), [(False, 0), (True, 1)])
def test_a_status_may_hide_that_the_request_was_carried_out(
    counting: Service, *, carried_out: bool, times: int
) -> None:
    counting.faults.add(Fault(status=504, carried_out=carried_out))
    assert _get(counting, "/count").status_code == 504
    assert _counted(counting) == times


def test_of_a_truncated_answer_one_half_arrives(counting: Service) -> None:
    counting.faults.add(Fault(truncate=True))
    assert _get(counting, "/count").text == '{"done"'
    assert _counted(counting) == 1


def test_a_fault_by_chance_disturbs_its_share_and_counts_it(counting: Service) -> None:
    counting.faults.add(Fault(name="away", status=503, share=0.25))
    statuses = [_get(counting, "/count").status_code for _ in range(80)]
    assert counting.faults.disturbed == {"away": statuses.count(503)}
    assert 10 <= statuses.count(503) <= 30


def test_the_same_seed_gives_the_same_chances() -> None:
    fault = Fault(share=0.5)
    draws = []
    for seed in (1, 1, 2):
        faults = Faults()
        faults.dice.seed(seed)
        faults.add(fault)
        draws.append([faults.take("GET", "/") for _ in range(64)])
    assert draws[0] == draws[1] != draws[2]


def test_stopping_a_service_that_does_not_run_is_no_error() -> None:
    asyncio.run(Service(_app(), None).stop())


def test_a_service_comes_back_at_the_same_address_after_an_outage() -> None:
    service = Service(_app(), None)
    background = Background()
    try:
        background.run(service.start())
        url = service.url
        background.run(service.stop())
        with pytest.raises(requests.exceptions.ConnectionError):
            _get(service)
        background.run(service.start())
        assert service.url == url
        assert _get(service).text == "hello"
    finally:
        background.run(service.stop())
        background.close()


def test_an_outage_is_one_for_a_client_too_that_has_not_finished_its_handshake(tmp_path: Path) -> None:
    service = Service(_app(), Tls(tmp_path))
    with running(service) as background:
        address = ("127.0.0.1", urlsplit(service.url).port or 0)
        with socket.create_connection(address, timeout=5) as client:
            # The service has accepted the first as soon as the second is served.
            _ = ssl.get_server_certificate(address, timeout=5)
            background.run(service.stop())
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""


def test_an_expired_certificate_is_refused_until_it_is_renewed_also_by_whoever_is_connected(tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    service = Service(_app(), tls)

    async def expire(*, outdated: bool) -> None:
        service.let_certificate_expire() if outdated else service.renew_certificate()

    with running(service) as background, requests.Session() as session:
        session.trust_env = False
        session.verify = str(tls.ca_file)
        assert session.get(f"{service.url}/hello", timeout=5).text == "hello"
        background.run(expire(outdated=True))
        with pytest.raises(requests.exceptions.SSLError, match="certificate has expired"):
            session.get(f"{service.url}/hello", timeout=5)
        background.run(expire(outdated=False))
        assert session.get(f"{service.url}/hello", timeout=5).text == "hello"


def test_a_service_without_tls_has_no_certificate_to_expire() -> None:
    with pytest.raises(RuntimeError, match="no TLS"):
        Service(web.Application(), None).let_certificate_expire()
