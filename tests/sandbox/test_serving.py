"""A service on loopback: TLS that real clients verify, a request log, faults, outages."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from aiohttp import web

from sandbox.serving import Fault, Request, Service
from sandbox.tls import Tls
from tests.sandbox.background import Background, running

pytestmark = pytest.mark.slow


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
