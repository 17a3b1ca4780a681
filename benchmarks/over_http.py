"""POSTs over HTTPS, through the sandbox's Functions host, into Azurite's queue: rates, latencies, memory."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

import aiohttp
from azure.storage.queue import QueueClient
from rich.table import Table

from benchmarks.memory import peak_memory
from benchmarks.posts import Addressee, post
from benchmarks.tables import new_table
from sandbox.host.process import FunctionsHost
from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import CERTIFICATE_NAME, World
from shared.notifications.client_state import sign_client_state
from shared.settings import ClientStateKey
from tests.sender import Sender

_CONCURRENCIES = (1, 8, 32)
_MOST_POSTS = 2_000
_LONGEST = timedelta(seconds=8)
_WARM_UP_POSTS = 40

# Each has content of its own. Sent again they are redeliveries, which cost the app the same.
_DISTINCT_POSTS = 300

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of one level of concurrency; ``peak_memory`` is the host's since its start, in bytes."""

    concurrency: int
    latencies: Sequence[timedelta]
    duration: timedelta
    statuses: Counter[int]
    peak_memory: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All levels, and how many of the POSTs accepted became messages."""

    loads: Sequence[Load]
    accepted: int
    queued: int


async def measure(folder: Path) -> Report:
    """Return the figures of a world that is started in ``folder`` and stopped again."""
    world = World(folder)
    try:
        await world.start_services()
        bodies = itertools.cycle(await asyncio.to_thread(_bodies, await addressee(world)))
        await world.start_host([])
        return await _all_levels(world, bodies)
    finally:
        await world.stop()


def table(report: Report) -> Table:
    """Return a row for each level of concurrency."""
    caption = (
        f"Accepted {report.accepted:,}, queued {report.queued:,}; sender, host and Azurite share this machine.\n"
        "Graph takes an answer after 3,000 ms for none. Memory is the host's peak since its start."
    )
    columns = ("at once", "POSTs/s", "p50", "p99", "peak memory", "answers")
    result = new_table("POSTs of one rich item, over HTTPS into the queue", *columns, caption=caption)
    for load in report.loads:
        result.add_row(*_row(load))
    return result


async def addressee(world: World) -> Addressee:
    """Return the app of ``world``, with a new certificate."""
    version = await world.new_certificate()
    registration = world.registration
    tenant_id = registration.tenant_ids[0]
    state_key = ClientStateKey.from_text(registration.client_state_key)
    certificate = world.vault.certificate(CERTIFICATE_NAME, version)
    return Addressee(
        sender=Sender(entra=world.entra, certificate=certificate, certificate_id=version),
        client_id=registration.client_id,
        tenant_id=tenant_id,
        client_state=sign_client_state(state_key, nonce=bytes(16), tenant_id=tenant_id),
    )


def _bodies(addressee: Addressee) -> Sequence[bytes]:
    return [post(addressee, first=number, items=1) for number in range(_DISTINCT_POSTS)]


async def _all_levels(world: World, bodies: Iterator[bytes]) -> Report:
    if not isinstance(world.host, FunctionsHost):
        raise TypeError("the figures are those of the sandbox's own host")
    connector = aiohttp.TCPConnector(ssl=world.tls.client_context, limit=0)
    async with aiohttp.ClientSession(world.host.url, connector=connector) as session:
        warm_up = await _level(session, itertools.islice(bodies, _WARM_UP_POSTS), world.host, concurrency=2)
        loads = [
            await _level(session, itertools.islice(bodies, _MOST_POSTS), world.host, concurrency=concurrency)
            for concurrency in _CONCURRENCIES
        ]
    accepted = sum(load.statuses[202] for load in (warm_up, *loads))
    return Report(loads=loads, accepted=accepted, queued=await asyncio.to_thread(_queued, world))


async def _level(
    session: aiohttp.ClientSession, bodies: Iterator[bytes], host: FunctionsHost, *, concurrency: int
) -> Load:
    """Send ``bodies``, ``concurrency`` at a time, until they or the time run out."""
    latencies: list[timedelta] = []
    statuses: Counter[int] = Counter()
    started = time.perf_counter()

    async def send() -> None:
        for body in bodies:
            sent = time.perf_counter()
            async with session.post("/api/ReceiveNotification", data=body) as response:
                await response.read()
            latencies.append(timedelta(seconds=time.perf_counter() - sent))
            statuses[response.status] += 1
            if time.perf_counter() - started > _LONGEST.total_seconds():
                return

    await asyncio.gather(*(send() for _ in range(concurrency)))
    return Load(
        concurrency=concurrency,
        latencies=latencies,
        duration=timedelta(seconds=time.perf_counter() - started),
        statuses=statuses,
        peak_memory=peak_memory(host),
    )


def _queued(world: World) -> int:
    with QueueClient.from_connection_string(world.azurite.connection_string, QUEUE_NAME) as queue:
        return queue.get_queue_properties().approximate_message_count or 0


def _row(load: Load) -> tuple[str, ...]:
    milliseconds = [latency / timedelta(milliseconds=1) for latency in load.latencies]
    percentiles = quantiles(milliseconds, n=100, method="inclusive")
    return (
        str(load.concurrency),
        f"{len(load.latencies) / load.duration.total_seconds():,.0f}",
        f"{percentiles[49]:,.0f} ms",
        f"{percentiles[98]:,.0f} ms",
        "not known" if load.peak_memory is None else f"{load.peak_memory / _MEBIBYTE:,.0f} MiB",
        ", ".join(f"{count:,} of {status}" for status, count in sorted(load.statuses.items())),
    )
