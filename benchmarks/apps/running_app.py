"""An app of some source tree on the sandbox's host, in a world of its own: POSTs in, figures out."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Self

import aiohttp
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from benchmarks.apps.kinds import Kind, fetched_item
from benchmarks.posts import PARAGRAPH, PARAGRAPHS, Addressee
from benchmarks.trees import Tree
from sandbox.azurite import Azurite
from sandbox.host.process import FunctionsHost
from sandbox.run.deployment import stage
from sandbox.run.sink import QUEUE_NAME, Sink
from sandbox.run.world import CERTIFICATE_NAME, World
from shared.notifications.client_state import sign_client_state
from shared.settings import ClientStateKey
from tests.sender import Sender

_URL = "/api/ReceiveNotification"
# Whatever a tree's functions are, they have the threads for the POSTs that come at once.
# The timer runs when it is told to.
_SETTINGS = {"PYTHON_THREADPOOL_THREAD_COUNT": "64", "RENEW_SCHEDULE": "0 0 0 1 1 *"}
# What is written behind the answers is part of the cost: it is waited for until the process is quiet.
_PAUSE_SECONDS = 0.3
_QUIET_SECONDS = 0.01
_MOST_PAUSES = 20
# Source: clock_getcpuclockid in the C library: the clock of a process is its number, inverted, before these three bits.
_CLOCK_OF_PROCESS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of some POSTs; ``processor_time`` is that of the app's process, user and system."""

    latencies: Sequence[timedelta]
    duration: timedelta
    processor_time: timedelta
    statuses: Counter[int]
    published: int

    @property
    def milliseconds(self) -> float:
        """Processor time of a POST."""
        return self.processor_time / timedelta(milliseconds=1) / len(self.latencies)

    @property
    def rate(self) -> float:
        """POSTs a second."""
        return len(self.latencies) / self.duration.total_seconds()

    def percentile(self, percent: int) -> float:
        """Return the milliseconds within which ``percent`` of the answers came."""
        milliseconds = [latency / timedelta(milliseconds=1) for latency in self.latencies]
        return quantiles(milliseconds, n=100, method="inclusive")[percent - 1]


class RunningApp[Storage: Azurite]:
    """The app of ``tree`` in a world that is made in ``folder``, with some storage."""

    def __init__(self, tree: Tree, folder: Path, storage: Storage) -> None:
        self.tree = tree
        self.storage = storage
        self.world = World(folder, sink=Sink.EVENT_HUB if tree.uses_event_hub else Sink.QUEUE)
        self.world.azurite = storage
        self._numbers = itertools.count()
        self._resources: dict[int, str] = {}
        self.fetched = Kind(name="fetched", item=fetched_item(self._resources), query="?fetch=v1.0")

    async def start(self) -> Self:
        """Start the world and the app in it."""
        world = self.world
        await world.start_services()
        # What is measured is what a GET costs, not what Graph allows.
        world.graph.throttle.enabled = False
        app_root = await asyncio.to_thread(stage, world.app_root, [], source=self.tree.source)
        self.host = FunctionsHost(app_root, {}, world.tls)
        # World ends the host with everything else.
        world.host = self.host
        self.host.environment |= world.settings(f"{self.host.url}{_URL}") | _SETTINGS | dict(self.tree.settings)
        self.addressee = await new_addressee(world)
        await self.host.start()
        return self

    async def stop(self) -> None:
        """End everything."""
        await self.world.stop()

    @property
    def processor_time(self) -> timedelta:
        """What the app's process has used, as /proc/PID/stat counts it, which shows it in ticks of 10 ms."""
        if self.host.pid is None:
            raise RuntimeError(f"the host ended: {self.world.last_lines()}")
        return timedelta(seconds=time.clock_gettime((~self.host.pid << 3) | _CLOCK_OF_PROCESS))

    def bodies(self, kind: Kind, count: int) -> Sequence[bytes]:
        """Return POSTs that nobody has sent yet."""
        # No item has the number of another one, of whatever kind they are.
        numbers = list(itertools.islice(self._numbers, count * kind.items))
        if kind is self.fetched:
            self._send(numbers)
        # Graph sends a token again and again; the app has looked at its signature.
        token = self.addressee.sender.token(tenant_id=self.addressee.tenant_id, audience=self.addressee.client_id)
        return [kind.post(self.addressee, each, token) for each in itertools.batched(numbers, kind.items, strict=True)]

    async def load(self, kind: Kind, *, posts: int, at_once: int, until_quiet: bool = True) -> Load:
        """Send new POSTs, ``at_once`` at a time, and return the figures; before, let the app become quiet again."""
        bodies = iter(await asyncio.to_thread(self.bodies, kind, posts))
        latencies: list[timedelta] = []
        statuses: Counter[int] = Counter()
        connector = aiohttp.TCPConnector(ssl=self.world.tls.client_context, limit=0)
        published = await self.published()
        async with aiohttp.ClientSession(self.host.url, connector=connector) as session:
            before, started = self.processor_time, time.perf_counter()
            senders = [_send_all(session, _URL + kind.query, bodies, latencies, statuses) for _ in range(at_once)]
            await asyncio.gather(*senders)
            duration = timedelta(seconds=time.perf_counter() - started)
            spent = (await self.quiet() if until_quiet else self.processor_time) - before
        return Load(
            latencies=latencies,
            duration=duration,
            processor_time=spent,
            statuses=statuses,
            published=await self.published() - published,
        )

    async def run_timer(self) -> timedelta:
        """Run RenewSubscriptions once; return the processor time of the process, until it is quiet."""
        before = await self.quiet()
        if not await self.world.run_timer():
            raise RuntimeError(f"the timer failed: {self.world.last_lines()}")
        return await self.quiet() - before

    async def published(self) -> int:
        """Return how many events are in the queue or the event hub."""
        if self.world.event_hubs is not None:
            return sum(len(batch) for batch in self.world.event_hubs.batches)
        return await asyncio.to_thread(_queued_messages, self.storage.connection_string)

    async def quiet(self) -> timedelta:
        """Return the processor time once the process does nothing any more."""
        spent = self.processor_time
        for _ in range(_MOST_PAUSES):
            await asyncio.sleep(_PAUSE_SECONDS)
            before, spent = spent, self.processor_time
            if spent - before < timedelta(seconds=_QUIET_SECONDS):
                break
        return spent

    def _send(self, numbers: Sequence[int]) -> None:
        """Send messages in Teams, for the app to fetch."""
        teams, tenant_id = self.world.teams, self.addressee.tenant_id
        ann, bob = (teams.add_user(tenant_id, name) for name in ("Ann", "Bob"))
        chat = teams.chats.create([ann, bob])
        for number in numbers:
            *_, message_id = teams.messages.send(chat, ann, PARAGRAPH * PARAGRAPHS)
            self._resources[number] = f"chats('{chat[-1]}')/messages('{message_id}')"


async def new_addressee(world: World) -> Addressee:
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


def _queued_messages(connection_string: str) -> int:
    with QueueClient.from_connection_string(connection_string, QUEUE_NAME) as queue:
        try:
            return queue.get_queue_properties().approximate_message_count or 0
        except ResourceNotFoundError:
            return 0


async def _send_all(
    session: aiohttp.ClientSession,
    url: str,
    bodies: Iterator[bytes],
    latencies: list[timedelta],
    statuses: Counter[int],
) -> None:
    for body in bodies:
        sent = time.perf_counter()
        async with session.post(url, data=body) as response:
            await response.read()
        latencies.append(timedelta(seconds=time.perf_counter() - sent))
        statuses[response.status] += 1
