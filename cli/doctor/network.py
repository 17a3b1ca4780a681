"""One request to an address, and a sentence with its host for whatever keeps it from an answer.

Source: https://requests.readthedocs.io/en/latest/user/quickstart/#errors-and-exceptions
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

import requests
from requests.exceptions import SSLError
from urllib3.exceptions import HTTPError, NameResolutionError

from cli.doctor.finding import Finding, down, mend

_TIMEOUT_SECONDS = 5
_MAX_BODY = 65_536
_HTTPS = 443
_SERVER_ERROR = 500


class UnreachableError(Exception):
    """No answer came; ``finding`` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer, its body's first 64 KiB, and how long it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def call(method: str, url: str, setting: str, *, body: bytes = b"", content_type: str = "") -> Answer:
    """Return the answer to one request, which follows no redirect.

    Raises:
        UnreachableError: none came; ``setting`` is where the address stands.
    """
    headers = {"Content-Type": content_type} if content_type else {}
    began = monotonic()
    with (
        _explained(url, setting),
        session() as made,
        made.request(
            method,
            url,
            data=body,
            headers=headers,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
        ) as answer,
    ):
        content = answer.raw.read(_MAX_BODY, decode_content=True)
        seconds = monotonic() - began
        return Answer(status=answer.status_code, headers=answer.headers, body=content, seconds=seconds)


@contextmanager
def session() -> Iterator[requests.Session]:
    """Yield a session that sends no credentials but those it is given."""
    with requests.Session() as made:
        # Without its own "auth", requests looks for a .netrc file and would send what stands there.
        made.auth = lambda request: request
        yield made


def refusal(status: int, url: str, setting: str) -> Finding | None:
    """Return what a status says of an address at which a service should answer to anybody; None for others."""
    host = _host(url)
    sentences = {
        401: f"{host} asks for a login (401): an authentication stands before it, which has to let these calls pass",
        403: f"{host} refuses this machine (403): a firewall or access restriction has to let it pass",
        404: f"{host} has nothing at this address (404): correct {setting}",
    }
    if status in sentences:
        return mend(sentences[status])
    return down(f"{host} is out of order ({status}): try again later") if status >= _SERVER_ERROR else None


@contextmanager
def _explained(url: str, setting: str) -> Iterator[None]:
    try:
        yield
    except SSLError as exc:
        raise UnreachableError(_tls(url, exc)) from exc
    except (requests.RequestException, HTTPError, OSError, ValueError) as exc:
        raise UnreachableError(_unreachable(url, setting, exc)) from exc


def _tls(url: str, exc: SSLError) -> Finding:
    reason = "has expired" if "expired" in str(exc) else "is not trusted here"
    host, address = _host(url), _address(url)
    return mend(
        f"the certificate of {host} {reason}: renew it; behind a proxy that opens TLS, name the proxy's certificate in "
        "REQUESTS_CA_BUNDLE and SSL_CERT_FILE",
        f"openssl s_client -connect {address} -servername {host} </dev/null | openssl x509 -noout -dates -issuer",
    )


def _unreachable(url: str, setting: str, exc: Exception) -> Finding:
    host, causes = _host(url), list(_causes(exc))
    if any(isinstance(each, NameResolutionError) for each in causes):
        return mend(
            f"{host} is not found in DNS: correct {setting}, or this network's DNS (a private endpoint needs its zone)",
            f"nslookup {host}",
        )
    if any(isinstance(each, ConnectionRefusedError) for each in causes):
        return down(f"{host} refuses connections: is it running, and does no firewall stand between?")
    if isinstance(exc, requests.Timeout):
        return down(f"{host} does not answer within {_TIMEOUT_SECONDS} s: does a firewall drop what is sent there?")
    return down(f"{host} closes the connection: does a firewall or proxy stand between? ({type(exc).__name__})")


def _causes(exc: BaseException) -> Iterator[object]:
    left: list[object] = [exc]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseException):
            left += [*each.args, each.__cause__, each.__context__, getattr(each, "reason", None)]


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _address(url: str) -> str:
    return f"{_host(url)}:{urlsplit(url).port or _HTTPS}"
