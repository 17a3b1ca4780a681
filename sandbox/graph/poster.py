"""The POSTs that Graph sends: handshakes and notifications, over TLS that is verified, timed, and told to listeners.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from yarl import URL

from sandbox.clock import Clock
from sandbox.entra import Entra
from sandbox.graph.envelope import TokenVersion, body
from sandbox.graph.handshake import validate
from sandbox.graph.items import Answer, Delivery, Item
from sandbox.tls import Tls


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
        self._listeners: list[Callable[[Delivery], None]] = []
        self._session: aiohttp.ClientSession | None = None

    def listen(self, listener: Callable[[Delivery], None]) -> None:
        """Have every POST from here on told to ``listener``, after its answer."""
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
        self._tell(Delivery(url=url, answer=answer, when=self._clock.now(), handshake=True))
        if refusal is not None:
            raise refusal

    async def post(self, url: str, items: Sequence[Item]) -> Answer:
        """Return the answer to one POST of items that have been tried equally often."""
        attempt = items[0].attempts + 1
        version = next(self._versions) if any(item.is_rich for item in items) else None
        answer = await self._send(
            url,
            body(items, self._entra, version or "2.0", role_assignment_required=self.role_assignment_required),
            self.patience.first if attempt == 1 else self.patience.retry,
        )
        self._tell(
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

    def _tell(self, delivery: Delivery) -> None:
        for listener in self._listeners:
            listener(delivery)
