"""Faults of what stands between the app and the world: addresses, the clock, the public URL."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from sandbox.serving import Fault, Service
from tests.cli.doctor.faults import Row, Switch
from tests.cli.operator import Operator

_UNKNOWN_HOST = "https://nowhere.invalid"
_PAGE = b"<html><head><title>Access denied &amp; logged</title></head></html>"


def settings(**changes: str) -> Switch:
    """Return a switch that changes settings of the laptop."""

    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        before = dict(operator.world.app.environ)
        operator.world.app.environ |= changes
        try:
            yield
        finally:
            operator.world.app.environ.clear()
            operator.world.app.environ |= before

    return switched


def down(service: str) -> Switch:
    """Return a switch that ends a service."""

    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        stopped: Service = getattr(operator.world, service)
        operator.world.background.run(stopped.stop())
        try:
            yield
        finally:
            operator.world.background.run(stopped.start())

    return switched


def outdated(service: str) -> Switch:
    """Return a switch that lets the TLS certificate of a service expire."""

    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        shown: Service = getattr(operator.world, service)
        shown.let_certificate_expire()
        try:
            yield
        finally:
            shown.renew_certificate()

    return switched


def answering(service: str, fault: Fault) -> Switch:
    """Return a switch that has a service answer otherwise."""
    return lambda operator: operator.world.fault(getattr(operator.world, service), fault)


def _clock(ahead: timedelta) -> Switch:
    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        # The first call asks for the keys, the second one for the time.
        date = format_datetime(datetime.now(UTC) - ahead, usegmt=True)
        with operator.world.fault(operator.world.login, Fault(path="discovery", status=200, headers={"Date": date})):
            yield

    return switched


def _endpoint(answer: Fault, *says: str) -> tuple[Switch, Mapping[str, str], tuple[str, ...]]:
    return answering("endpoint_service", answer), {"handshake": "mend"}, says


_HANDSHAKES: Mapping[str, tuple[Switch, Mapping[str, str], tuple[str, ...]]] = {
    "endpoint redirects": _endpoint(
        Fault(status=302, headers={"Location": "https://login.example?state=secret"}),
        "it redirects (302) to https://login.example: Graph follows nothing",
    ),
    "endpoint asks for a login": _endpoint(Fault(status=401), "127.0.0.1 asks for a login (401)"),
    "endpoint refuses": _endpoint(Fault(status=403), "127.0.0.1 refuses this machine (403): a firewall"),
    "endpoint has nothing there": _endpoint(
        Fault(status=404), "127.0.0.1 has nothing at this address (404): correct NOTIFICATION_URL"
    ),
    "endpoint is a page": _endpoint(
        Fault(status=200, body=_PAGE, headers={"Content-Type": "text/html"}),
        "a page answers, not the app: 'Access denied & logged'",
    ),
    "endpoint does not decode": _endpoint(
        Fault(status=200, body=b"a%20b%2Bc%3A"), "was answered 'a%20b%2Bc%3A', not 'a b+c:'"
    ),
    "endpoint answers as JSON": _endpoint(
        Fault(status=200, body=b"a b+c:", headers={"Content-Type": "application/json"}),
        "as application/json, not text/plain",
    ),
    "endpoint answers 204": _endpoint(Fault(status=204), "was answered 204, not 200"),
    "endpoint is out of order": (
        answering("endpoint_service", Fault(status=502)),
        {"handshake": "down"},
        ("127.0.0.1 is out of order (502)",),
    ),
    "endpoint is slow": (
        answering("endpoint_service", Fault(delay=1.1)),
        {"handshake": "watch"},
        ("an instance that is always ready", "-> az functionapp scale config always-ready set"),
    ),
    "endpoint is too slow": (
        answering("endpoint_service", Fault(delay=3.1, times=2)),
        {"handshake": "down"},
        ("Graph waits three seconds",),
    ),
    "endpoint answers a GET": (
        answering("endpoint_service", Fault(method="GET", status=200)),
        {"posts": "watch"},
        ("a GET was answered 200, not 404",),
    ),
    "endpoint is down": (down("endpoint_service"), {"handshake": "down"}, ("127.0.0.1 refuses connections",)),
    "endpoint's certificate has expired": (
        outdated("endpoint_service"),
        {"handshake": "mend"},
        ("the certificate of 127.0.0.1 has expired", "-> openssl s_client -connect 127.0.0.1:"),
    ),
    "endpoint is not found in DNS": (
        settings(NOTIFICATION_URL=_UNKNOWN_HOST),
        {"same-app": "mend", "handshake": "mend"},
        ("NOTIFICATION_URL is https://nowhere.invalid here and", "-> python -m cli settings pull"),
    ),
}

OUTSIDE = (
    *(Row(name=name, fault=fault, lines=lines, says=says) for name, (fault, lines, says) in _HANDSHAKES.items()),
    Row(
        name="clock is slow",
        fault=_clock(timedelta(minutes=-2)),
        lines={"clock": "watch"},
        says=("s slow: at five minutes no token is valid", "-> sudo timedatectl set-ntp true"),
    ),
    Row(name="clock is fast", fault=_clock(timedelta(hours=1)), lines={"clock": "mend"}, says=("s fast: no token is",)),
    Row(
        name="Entra ID is down",
        fault=down("login"),
        lines={"entra-host": "down", "login": "mend"},
        says=("127.0.0.1 refuses connections: is it running, and does no firewall stand between?",),
    ),
    Row(
        name="Entra ID's certificate has expired",
        fault=outdated("login"),
        lines={"entra-host": "mend", "login": "mend"},
        says=("the certificate of 127.0.0.1 has expired", "REQUESTS_CA_BUNDLE"),
    ),
    Row(
        name="Entra ID is out of order",
        fault=answering("login", Fault(path="discovery", status=503)),
        lines={"entra-host": "down"},
        says=("127.0.0.1 is out of order (503)",),
    ),
    Row(
        name="Entra ID is another host",
        fault=answering("login", Fault(path="discovery", status=404)),
        lines={"entra-host": "mend"},
        says=("has nothing at this address (404): correct LOGIN_URL or GRAPH_CLOUD",),
    ),
    Row(
        name="Entra ID is not found in DNS",
        fault=settings(LOGIN_URL=_UNKNOWN_HOST),
        lines={"entra-host": "mend"},
        says=("nowhere.invalid is not found in DNS: correct LOGIN_URL", "-> nslookup nowhere.invalid"),
    ),
    Row(
        name="Graph is down",
        fault=down("graph_service"),
        lines={"graph-host": "down"},
        says=("127.0.0.1 refuses connections",),
    ),
    Row(
        name="Graph closes connections",
        fault=answering("graph_service", Fault(drop=True)),
        lines={"graph-host": "down"},
        says=("127.0.0.1 closes the connection: does a firewall or proxy stand between?",),
    ),
    Row(
        name="Graph is not found in DNS",
        fault=settings(GRAPH_URL=_UNKNOWN_HOST),
        lines={"graph-host": "mend"},
        says=("nowhere.invalid is not found in DNS: correct GRAPH_URL",),
    ),
    Row(
        name="vault is down",
        fault=down("vault_service"),
        lines={"vault-host": "down"},
        says=("127.0.0.1 refuses connections",),
    ),
    Row(
        name="vault is not found in DNS",
        fault=settings(KEY_VAULT_URL=_UNKNOWN_HOST),
        lines={"vault-host": "mend"},
        says=("nowhere.invalid is not found in DNS: correct KEY_VAULT_URL", "a private endpoint needs its zone"),
    ),
    Row(
        name="vault's certificate is outdated",
        fault=outdated("vault_service"),
        lines={"vault-host": "mend"},
        says=("the certificate of 127.0.0.1 has expired",),
    ),
)
