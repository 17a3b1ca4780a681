"""Calls the app's own public URL as Graph would, to find out whether the endpoint takes POSTs.

A handshake alone would prove little: a firewall may pass it and no body, and it touches neither key nor storage.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import requests
from requests.exceptions import SSLError

from shared.errors import Problem, Unavailable
from shared.notifications.probe import Verdict, probe_body
from shared.timing import Clock, Deadline

# Graph waits three seconds for the answer to a POST. Source: as above.
_ANSWER_TIME = timedelta(seconds=3)
# All that a handshake may be mangled in: a blank, a plus, percent signs and separators.
_HANDSHAKE = "probe: 1+1=2 & 100%25"
_MAX_ANSWER = 4096
_TRIES = 3
# A deployment takes half a minute.
_BETWEEN_TRIES = timedelta(seconds=20)
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The verdict, and a sentence for operators about what came instead of a *yes*."""

    verdict: Verdict
    reason: str = ""


class _NoAnswerError(Exception):
    """The endpoint did not answer as Graph requires."""

    def __init__(self, reason: str, *, may_be_ours: bool = False) -> None:
        super().__init__(reason)
        self.may_be_ours = may_be_ours


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointProbe:
    """Probes ``url``, each answer within ``answer_time``; ``sign`` returns a fresh client state for ``tenant_id``.

    ``last_parked`` returns the probe that the receiver parked last, and raises Unavailable or Misconfigured. ``pool``
    runs the calls, which may last longer than they are waited for.
    """

    url: str
    tenant_id: str
    sign: Callable[[], str]
    last_parked: Callable[[], bytes]
    pool: Executor
    clock: Clock
    answer_time: timedelta = _ANSWER_TIME

    def ask(self, *, has_said_yes: bool) -> ProbeResult:
        """Return the verdict; ask up to three times. ``has_said_yes``: this URL has answered the app before.

        What the app is refused, or gets no answer to, may be meant for the app alone: then nobody can tell.
        """
        result = self._ask_once(has_said_yes=has_said_yes)
        for _ in range(_TRIES - 1):
            if result.verdict is Verdict.YES:
                break
            self.clock.sleep_until(self.clock.now() + _BETWEEN_TRIES)
            result = self._ask_once(has_said_yes=has_said_yes)
        return result

    def _ask_once(self, *, has_said_yes: bool) -> ProbeResult:
        try:
            self._shake_hands()
            self._post()
        except _NoAnswerError as exc:
            is_unclear = exc.may_be_ours and not has_said_yes
            return ProbeResult(verdict=Verdict.CANNOT_TELL if is_unclear else Verdict.NO, reason=str(exc))
        except Problem as problem:
            reason = f"the container parked cannot be read: {problem}"
            return ProbeResult(verdict=Verdict.CANNOT_TELL, reason=reason)
        return ProbeResult(verdict=Verdict.YES)

    def _shake_hands(self) -> None:
        status, kind, text = self._call(
            "the handshake", {"validationToken": _HANDSHAKE}, b"", "text/plain; charset=utf-8"
        )
        self._require("the handshake", status, HTTPStatus.OK)
        if text != _HANDSHAKE.encode() or not kind.startswith("text/plain"):
            raise _NoAnswerError("the handshake was answered with another text: is a proxy or a page before it?")

    def _post(self) -> None:
        client_state = self.sign()
        body = probe_body(client_state=client_state, tenant_id=self.tenant_id)
        status, _, _ = self._call("a POST", {}, body, "application/json")
        self._require("a POST", status, HTTPStatus.ACCEPTED)
        if client_state.encode() not in self.last_parked():
            reason = "a POST was answered 202 and not parked: has every instance this CLIENT_STATE_KEY and storage?"
            raise _NoAnswerError(reason)

    def _require(self, what: str, status: int, expected: HTTPStatus) -> None:
        if status != expected:
            raise _NoAnswerError(f"{what} was answered {status}, not {expected}", may_be_ours=status in _REFUSED)

    def _call(self, what: str, query: dict[str, str], body: bytes, content_type: str) -> tuple[int, str, bytes]:
        """Return status, content type and the beginning of the answer, all of which came in time."""
        with _as_no_answer(what):
            return Deadline.after(self.answer_time).run_on(self.pool, self._send, query, body, content_type)

    def _send(self, query: dict[str, str], body: bytes, content_type: str) -> tuple[int, str, bytes]:
        headers = {"Content-Type": content_type, "User-Agent": "teams-change-notifications"}
        seconds = self.answer_time.total_seconds()
        with requests.post(
            self.url,
            params=query,
            data=body,
            headers=headers,
            timeout=seconds,
            # Graph follows none.
            allow_redirects=False,
            stream=True,
        ) as answer:
            text = answer.raw.read(_MAX_ANSWER, decode_content=True)
            return answer.status_code, answer.headers.get("Content-Type", ""), text


@contextmanager
def _as_no_answer(what: str) -> Iterator[None]:
    """Translate what goes wrong with a call: a time-out and a reset may be meant for the app alone."""
    try:
        yield
    except (Unavailable, requests.Timeout):
        raise _NoAnswerError(f"{what} was not answered in time", may_be_ours=True) from None
    except SSLError:
        raise _NoAnswerError("the URL's certificate is not valid: renew it, or bind it to the host name") from None
    except (requests.RequestException, OSError, ValueError) as exc:
        is_reset = _is_reset(exc)
        name = "the connection was closed" if is_reset else "the host cannot be found or refuses connections"
        raise _NoAnswerError(f"{what} failed: {name} ({type(exc).__name__})", may_be_ours=is_reset) from None


def _is_reset(exc: BaseException | None) -> bool:
    found: list[object] = [exc]
    while found:
        each = found.pop()
        if isinstance(each, ConnectionResetError) or type(each).__name__ in {"ProtocolError", "RemoteDisconnected"}:
            return True
        if isinstance(each, BaseException) and not isinstance(each, ConnectionRefusedError):
            found += [*each.args, each.__cause__]
    return False
