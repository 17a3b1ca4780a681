"""The first POST of a process, at once after its start and a second later, over HTTPS through the sandbox's host."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import median

import aiohttp
from rich.table import Table

from benchmarks.apps.running_app import new_addressee
from benchmarks.posts import post
from benchmarks.tables import Figure, Target, figures_table
from sandbox.host.process import FunctionsHost
from sandbox.run.world import World

_TARGET = timedelta(milliseconds=60)
_MOST_ATTEMPTS = 10
_AT_ONCE, _LATER = timedelta(), timedelta(seconds=1)
_PAUSES: Mapping[str, timedelta] = {"at once": _AT_ONCE, "a second later": _LATER}
_URL = "/api/ReceiveNotification"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What one process took for a handshake at once, and for its first two POSTs after a pause."""

    pause: timedelta
    handshake: timedelta
    first: timedelta
    second: timedelta


async def measure(folder: Path, *, starts: int) -> Sequence[Start]:
    """Return the starts of an app whose byte code is there, in a world that is made in ``folder``."""
    world = World(folder)
    try:
        await world.start_services()
        to = await new_addressee(world)
        bodies = (post(to, first=number, items=1) for number in count())
        await world.start_host([])
        await _start(world, bodies, _LATER)
        return [await _start(world, bodies, pause) for _ in range(starts) for pause in _PAUSES.values()]
    finally:
        await world.stop()


def table(starts: Sequence[Start]) -> Table:
    """Return the medians, and what the first POST of a process that has had a second keeps to."""
    figures = [_figure("the handshake, at once", [start.handshake for start in starts])]
    for name, pause in _PAUSES.items():
        of_these = [start for start in starts if start.pause == pause]
        figures += [
            _figure(
                f"the first POST, {name}", [start.first for start in of_these], None if pause == _AT_ONCE else _TARGET
            ),
            _figure(f"the second POST, {name}", [start.second for start in of_these]),
        ]
    number = len(starts) // len(_PAUSES)
    caption = f"Medians of {number} starts each, of one rich item; sender, host and Azurite share this machine."
    return figures_table("First POSTs of a process", figures, caption=caption)


async def _start(world: World, bodies: Iterator[bytes], pause: timedelta) -> Start:
    """Start the host anew and send it a handshake and two POSTs."""
    host = world.host
    if not isinstance(host, FunctionsHost):
        raise TypeError("the figures are those of the sandbox's own host")
    await host.stop()
    sent = [next(bodies) for _ in range(2)]
    await host.start()
    connector = aiohttp.TCPConnector(ssl=world.tls.client_context)
    async with aiohttp.ClientSession(host.url, connector=connector) as session:
        handshake = await _took(session, f"{_URL}?validationToken=x", b"", 200)
        await asyncio.sleep(pause.total_seconds())
        first, second = [await _took(session, _URL, body, 202) for body in sent]
    return Start(pause=pause, handshake=handshake, first=first, second=second)


async def _took(session: aiohttp.ClientSession, url: str, body: bytes, status: int) -> timedelta:
    """Return the time until the host has answered with ``status``: on a busy machine it may refuse what comes first."""
    sent = time.perf_counter()
    for _ in range(_MOST_ATTEMPTS):
        async with session.post(url, data=body) as response:
            await response.read()
            if response.status == status:
                return timedelta(seconds=time.perf_counter() - sent)
    raise RuntimeError(f"the host has not answered {status}")


def _figure(name: str, times: Sequence[timedelta], limit: timedelta | None = None) -> Figure:
    took = timedelta(seconds=median(each.total_seconds() for each in times))
    target = None if limit is None else Target(text=f"≤ {_milliseconds(limit)}", met=took <= limit)
    return Figure(name=name, value=_milliseconds(took), target=target)


def _milliseconds(span: timedelta) -> str:
    return f"{span / timedelta(milliseconds=1):,.0f} ms"
