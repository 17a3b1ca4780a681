"""A source that shows what a test gives it, and a browser without a window: what the server's door is tried with."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from dashboard.server import Dashboard
from dashboard.snapshot import Health, Light, Snapshot
from dashboard.source import Actor, CannotBeDone

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
WELL = Snapshot(place="a test", now=NOW, health=Health(light=Light.GREEN, sentence="All is well"))


@dataclass
class Shown:
    """A source; ``looks`` counts how often it was asked."""

    snapshot: Snapshot = WELL
    looks: int = 0
    period_seconds: float = 0.01

    async def look(self) -> Snapshot:
        self.looks += 1
        return self.snapshot


@dataclass
class Orders:
    """What the buttons asked for."""

    taken: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    async def act(self, verb: str, values: Mapping[str, str]) -> str:
        if verb == "never":
            raise CannotBeDone("It cannot be done.")
        self.taken.append((verb, values))
        return "Done."


@dataclass(frozen=True)
class Visitor:
    """Sends requests as a browser on the page would, unless a test says otherwise."""

    session: aiohttp.ClientSession
    origin: str
    token: str

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        return await self.session.get(f"{self.origin}{path}", headers=headers)

    async def post(self, path: str, body: Any, **headers: str) -> aiohttp.ClientResponse:
        given = {"Origin": self.origin} | headers
        return await self.session.post(f"{self.origin}{path}", json=body, headers=given)

    async def enter(self) -> aiohttp.ClientResponse:
        return await self.post("/session", {"token": self.token})

    async def snapshots(self) -> AsyncIterator[Any]:
        """Yield each snapshot of a stream."""
        async with self.session.get(f"{self.origin}/events") as stream:
            async for line in stream.content:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])


@asynccontextmanager
async def visiting(source: Shown, actor: Actor | None = None) -> AsyncIterator[Visitor]:
    """Serve a source, and visit it."""
    dashboard = Dashboard(source, actor)
    await dashboard.start()
    origin, _, token = dashboard.link.partition("/#")
    # By default, aiohttp keeps no cookies of hosts without a name.
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            yield Visitor(session=session, origin=origin, token=token)
    finally:
        await dashboard.stop()


async def until(condition: Any) -> None:
    """Return once a condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
