"""How does Graph post to an endpoint? Handshakes and notifications, over TLS that is verified, timed, and reported.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
"""

import base64
import itertools
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import quote_plus

import aiohttp
from yarl import URL

from sandbox.clock import Clock
from sandbox.entra import Entra
from sandbox.graph.envelope import TokenVersion, body, has_token
from sandbox.graph.errors import Refused, invalid
from sandbox.graph.items import Answer, Delivery, Item
from sandbox.graph.lifecycle_items import SHAPES, Shape, documented
from sandbox.tls import Tls


async def validate(session: aiohttp.ClientSession, url: str, patience: timedelta) -> tuple[Answer, Refused | None]:
    """Return how the endpoint answered, and the refusal if that was not what Graph wants to see."""
    token = _token()
    # Encoded as Graph does, spaces as "+": an endpoint that echoes the query undecoded fails.
    address = URL(f"{url}{'&' if '?' in url else '?'}validationToken={quote_plus(token)}", encoded=True)
    began = time.perf_counter()
    status, refusal = None, None
    try:
        async with session.post(
            address,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=aiohttp.ClientTimeout(total=patience.total_seconds()),
            allow_redirects=False,
        ) as response:
            status = response.status
            refusal = _verdict(response, await response.read(), token)
    except TimeoutError:
        refusal = invalid("Subscription validation request timed out.")
    except aiohttp.ClientError:
        refusal = _failed("The notification endpoint could not be reached.")
    return Answer(status=status, took=timedelta(seconds=time.perf_counter() - began)), refusal


def _verdict(response: aiohttp.ClientResponse, body: bytes, token: str) -> Refused | None:
    if response.status != HTTPStatus.OK:
        name = _name(response.status)
        return _failed(
            f"HTTP status code is '{name}'. Notification endpoint must respond with 200 OK to validation request."
        )
    if response.content_type != "text/plain":
        return _failed("Notification endpoint must respond with content type text/plain to validation request.")
    if body != token.encode():
        return _failed("Response must exactly match validationToken query parameter.")
    return None


def _name(status: int) -> str:
    known = {each.value for each in HTTPStatus}
    return "".join(HTTPStatus(status).phrase.split()) if status in known else str(status)


def _token() -> str:
    # The text is what the real service is seen to send. The token is opaque and its format may change, hence a tail of
    # characters that mean something in a query.
    tail = base64.b64encode(b"\xfb\xef\xbe" + secrets.token_bytes(9)).decode()
    text = "Validation: Testing client application reachability for subscription Request-Id:"
    return f"{text} {uuid.uuid4()} & tag=50% {tail}"


def _failed(reason: str) -> Refused:
    return Refused(400, "ValidationError", f"Subscription validation request failed. {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long Graph waits for an answer, in real time: tests have less of it."""

    handshake: timedelta = timedelta(seconds=10)
    first: timedelta = timedelta(seconds=3)
    retry: timedelta = timedelta(seconds=10)


class Poster:
    """Graph as a client of the endpoints."""

    def __init__(self, *, clock: Clock, entra: Entra, tls: Tls, patience: Patience) -> None:
        self.patience = patience
        self.role_assignment_required: set[str] = set()
        """Applications that Graph gets no validation tokens for."""
        self._clock = clock
        self._entra = entra
        self._tls = tls
        self._versions: Iterator[TokenVersion] = itertools.cycle(("1.0", "2.0"))
        self._shapes: Iterator[Shape] = itertools.cycle(SHAPES)
        self._listeners: list[Callable[[Delivery], None]] = []
        self._session: aiohttp.ClientSession | None = None

    def listen(self, listener: Callable[[Delivery], None]) -> None:
        """Call ``listener`` with every POST from here on, after its answer."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Open the client."""
        connector = aiohttp.TCPConnector(ssl=self._tls.client_context, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def stop(self) -> None:
        """Close the client and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def validate(self, url: str) -> None:
        """Validate an endpoint.

        Raises:
            Refused: with 400, it did not answer as it has to.
        """
        answer, refusal = await validate(self._client, url, self.patience.handshake)
        self._report(Delivery(url=url, answer=answer, when=self._clock.now(), handshake=True))
        if refusal is not None:
            raise refusal

    async def post(self, url: str, items: Sequence[Item]) -> Answer:
        """Return the answer to one POST of items that have been tried equally often."""
        attempt = items[0].attempts + 1
        shape = next(self._shapes) if any(item.change is None for item in items) else documented
        version = next(self._versions) if any(has_token(item, shape) for item in items) else None
        answer = await self._send(
            url,
            body(
                items,
                self._entra,
                version or "2.0",
                shape=shape,
                role_assignment_required=self.role_assignment_required,
            ),
            self.patience.first if attempt == 1 else self.patience.retry,
        )
        self._report(
            Delivery(
                url=url,
                answer=answer,
                when=self._clock.now(),
                items=tuple(items),
                attempt=attempt,
                token_version=version,
            )
        )
        return answer

    @property
    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("Graph has not been started")
        return self._session

    async def _send(self, url: str, data: bytes, patience: timedelta) -> Answer:
        began, status = time.perf_counter(), None
        try:
            async with self._client.post(
                # The query comes back byte for byte as the app gave it.
                URL(url, encoded=True),
                data=data,
                headers={"Content-Type": "application/json; charset=utf-8"},
                timeout=aiohttp.ClientTimeout(total=patience.total_seconds()),
                allow_redirects=False,
            ) as response:
                await response.read()
                status = response.status
        except (TimeoutError, aiohttp.ClientError):
            pass
        return Answer(status=status, took=timedelta(seconds=time.perf_counter() - began))

    def _report(self, delivery: Delivery) -> None:
        for listener in self._listeners:
            listener(delivery)
