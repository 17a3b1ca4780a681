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
from tests.sandbox.background import running

pytestmark = pytest.mark.slow

_COUNTED = web.AppKey("counted", list[str])


async def _hello(request: web.Request) -> web.Response:
    request.app[_COUNTED].append(request.path)
    return web.Response(text="hello")


def _app() -> web.Application:
    app = web.Application()
    app[_COUNTED] = []
    app.router.add_route("*", "/hello", _hello)
    return app


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(_app(), None)
    with running(service):
        yield service


def _get(service: Service, path: str = "/hello") -> requests.Response:
    return requests.get(f"{service.url}{path}", timeout=5)


def _counted(service: Service) -> int:
    return len(service._app[_COUNTED])


def test_service_has_no_address_before_it_is_started() -> None:
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


def test_server_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert Tls(tmp_path / "tls").key_file.stat().st_mode & 0o077 == 0


def test_every_request_is_logged_even_if_it_is_not_served(service: Service) -> None:
    _get(service, "/hello?a=1")
    assert _get(service, "/nowhere").status_code == 404
    assert service.requests == [
        Request(method="GET", path_qs="/hello?a=1"),
        Request(method="GET", path_qs="/nowhere"),
    ]


def test_fault_answers_for_the_application_as_often_as_configured(service: Service) -> None:
    service.faults.add(Fault(path="^/hello$", status=429, headers={"Retry-After": "7"}, body=b"slow down", times=2))
    first = _get(service)
    assert (first.status_code, first.headers["Retry-After"], first.content) == (429, "7", b"slow down")
    assert [_get(service).status_code for _ in range(2)] == [429, 200]


def test_fault_disturbs_only_its_path_and_method(service: Service) -> None:
    service.faults.add(Fault(path="^/hello$", method="POST", status=500))
    service.faults.add(Fault(path="^/other$", status=500))
    assert _get(service).status_code == 200
    assert requests.post(f"{service.url}/hello", timeout=5).status_code == 500


def test_fault_ends_when_it_is_removed_or_all_are_cleared(service: Service) -> None:
    handle = service.faults.add(Fault(status=503))
    assert _get(service).status_code == 503
    service.faults.remove(handle)
    assert _get(service).status_code == 200
    service.faults.add(Fault(status=500))
    service.faults.clear()
    assert _get(service).status_code == 200


def test_fault_without_a_status_delays_the_real_answer(service: Service) -> None:
    service.faults.add(Fault(delay=0.1))
    before = time.monotonic()
    assert _get(service).text == "hello"
    assert time.monotonic() - before >= 0.1


@pytest.mark.parametrize(("carried_out", "times"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("status", [None, 504], ids=["dropped", "refused"])
def test_fault_may_hide_that_a_request_was_carried_out(
    service: Service, *, status: int | None, carried_out: bool, times: int
) -> None:
    service.faults.add(Fault(status=status, drop=status is None, carried_out=carried_out, times=1))
    if status is None:
        with pytest.raises(requests.exceptions.ConnectionError):
            _get(service)
    else:
        assert _get(service).status_code == status
    assert _counted(service) == times
    assert _get(service).text == "hello"


def test_truncated_answer_arrives_by_half(service: Service) -> None:
    service.faults.add(Fault(truncate=True))
    assert _get(service).text == "he"
    assert _counted(service) == 1


def test_fault_by_chance_disturbs_its_share_and_counts_it(service: Service) -> None:
    service.faults.add(Fault(name="away", status=503, share=0.25))
    statuses = [_get(service).status_code for _ in range(80)]
    assert service.faults.disturbed == {"away": statuses.count(503)}
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


def test_stopping_a_service_that_does_not_run_is_harmless() -> None:
    asyncio.run(Service(_app(), None).stop())


def test_service_comes_back_at_the_same_address_after_an_outage() -> None:
    service = Service(_app(), None)
    with running(service) as background:
        url = service.url
        background.run(service.stop())
        with pytest.raises(requests.exceptions.ConnectionError):
            _get(service)
        background.run(service.start())
        assert service.url == url
        assert _get(service).text == "hello"


def test_outage_also_cuts_a_client_in_the_middle_of_its_handshake(tmp_path: Path) -> None:
    service = Service(_app(), Tls(tmp_path))
    with running(service) as background:
        address = ("127.0.0.1", urlsplit(service.url).port or 0)
        with socket.create_connection(address, timeout=5) as client:
            # The service has accepted the first as soon as the second is served.
            _ = ssl.get_server_certificate(address, timeout=5)
            background.run(service.stop())
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""


def test_expired_certificate_is_refused_by_connected_clients_too(tmp_path: Path) -> None:
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


def test_service_without_tls_has_no_certificate_to_expire() -> None:
    with pytest.raises(RuntimeError, match="no TLS"):
        Service(web.Application(), None).let_certificate_expire()
