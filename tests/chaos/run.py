"""One chaos run: people work in Teams, everything fails by plan, then all recovers and the ledger is audited."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sandbox.run.sink import Sink, new_consumer
from sandbox.run.world import Registration, World
from sandbox.serving import Fault
from tests.chaos import plan
from tests.chaos.deployment import Deployment
from tests.chaos.duplicates import Lost
from tests.chaos.injector import Injector
from tests.chaos.plan import PlannedFault
from tests.chaos.recorder import Recorder
from tests.chaos.removals import EDITS, Without
from tests.chaos.report import Report
from tests.chaos.storage import Storage
from tests.chaos.strangers import Strangers
from tests.chaos.traffic import Traffic

_TIMER_SECONDS = 4.0
_DELETE_SECONDS = 0.5
_PAUSE_SECONDS = 10.0
_PATIENCE_SECONDS = 60
# When nothing has arrived for so long, what is outstanding will not arrive.
_IDLE_SECONDS = 120
# Without a part of the app: enough for several runs of the timer, and no fault that it is for ends later by itself.
_IDLE_SECONDS_WITHOUT = 30
# Graph's retries come at their times; tokens are dated back by a bit more than the clock is advanced.
_STEP, _MOST = timedelta(seconds=15), timedelta(minutes=4)
# Often enough that something is renewed in a short run.
_RENEW_AFTER = "PT20S"
# In the other tenant so much less happens.
_NEIGHBOURLY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How long, what fails when (``seed``), how many changes a second Teams sees, and what is disabled.

    ``only``: the kinds of faults in words; without any, all of them. ``busy``: so is the machine, and Graph
    does not judge the endpoint by its times.
    """

    length: timedelta
    seed: int
    rate: float
    without: Without | None = None
    only: Sequence[str] = ()
    sink: Sink = Sink.QUEUE
    busy: bool = False


class Chaos:
    """The parts of one run; ``play`` returns what came of it."""

    def __init__(self, folder: Path, options: Options, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        registration = Registration(tenant_ids=(str(uuid4()), str(uuid4())))
        self._world = World(folder, registration, sink=options.sink)
        self._deployment = Deployment(self._world, EDITS.get(options.without) if options.without else None)
        teams, (tenant_id, neighbour_id) = self._world.teams, self._world.registration.tenant_ids
        self._traffic = Traffic(teams, tenant_id, seed=options.seed)
        self._neighbour = Traffic(teams, neighbour_id, seed=options.seed + 1)
        self._wanted = [*self._traffic.subscriptions(), *self._neighbour.messages()]
        self._strangers = Strangers(teams, self._world.graph, self._world.registration.client_id)
        self._recorder = Recorder(self._world)
        self._began = 0.0

    async def play(self) -> Report:
        """Return how the run ended.

        Raises:
            RuntimeError: something could not be started, or the app did not subscribe; the message says what.
        """
        try:
            await self._deployment.start(self._wanted, {"RENEW_AFTER": _RENEW_AFTER})
            connection_string = self._world.azurite.connection_string
            async with Storage.open(connection_string) as storage, asyncio.TaskGroup() as group:
                consumer = new_consumer(connection_string, self._world.event_hubs)
                consuming = group.create_task(consumer.run(self._recorder.arrived))
                try:
                    await self._subscribe()
                    await self._fail(storage)
                    await self._recover(storage)
                finally:
                    consuming.cancel()
                unfinished = await storage.unfinished()
                for lost, store in ((Lost.QUEUE, "queues"), (Lost.TABLE, "tables")):
                    self._recorder.unanswered(lost, self._deployment.relays[store].unanswered)
                return self._recorder.report(self._deployment, length=self._options.length, unfinished=unfinished)
        finally:
            await self._deployment.stop()

    async def _subscribe(self) -> None:
        # Closing gaps reads much of Graph in little time; its limits are measured elsewhere.
        self._world.graph.throttle.enabled = False
        if self._options.busy:
            self._world.graph.overlook_slowness()
        await self._deployment.fire()
        if not await self._until(self._is_subscribed, _PATIENCE_SECONDS):
            raise RuntimeError(f"the app has not subscribed within a minute: {self._world.last_lines()}")
        self._recorder.watch()

    async def _fail(self, storage: Storage) -> None:
        self._disable()
        self._began = time.monotonic()
        dice = random.Random(self._options.seed)  # noqa: S311  chance that can be repeated, no secret
        injector = Injector(self._deployment, storage, self._strangers, dice)
        async with asyncio.TaskGroup() as group:
            every = [(_TIMER_SECONDS, self._deployment.fire), (_PAUSE_SECONDS, storage.end_pauses)]
            if self._options.without is Without.REDRIVE:
                every.append((_DELETE_SECONDS, storage.delete_parked))
            background = [group.create_task(_repeat(seconds, act)) for seconds, act in every]
            made = [
                group.create_task(self._inject(fault, injector))
                for fault in plan.plan(self._options.seed, self._options.length, self._options.only)
            ]
            await self._work()
            await asyncio.gather(*made)
            for task in background:
                task.cancel()

    async def _work(self) -> None:
        for number in range(int(self._options.length.total_seconds() * self._options.rate)):
            # A step that is late does not delay the next ones.
            await asyncio.sleep(self._began + number / self._options.rate - time.monotonic())
            self._traffic.step()
            # At the same moment, so that Graph mixes their items.
            self._strangers.write()
            if number % _NEIGHBOURLY == 0:
                self._neighbour.step()

    async def _inject(self, fault: PlannedFault, injector: Injector) -> None:
        await asyncio.sleep(self._began + fault.at.total_seconds() - time.monotonic())
        self._say(f"{fault.at.total_seconds():6.1f} s  {fault} ({fault.lasts.total_seconds():.1f} s)")
        since = self._world.clock.now()
        await injector.inject(fault)
        self._recorder.ended(fault, since)

    def _disable(self) -> None:
        if self._options.without is Without.CATCH_UP:
            # As without the permission to read messages.
            lists = Fault(path=r"^/(v1\.0|beta)/(users|teams|chats)\b", method="GET", status=403)
            self._world.graph_service.faults.add(lists)

    async def _recover(self, storage: Storage) -> None:
        """Return once nothing is outstanding, or it is clear that it will not arrive."""
        self._say("Everything works again: what is outstanding has to arrive.")
        await self._deployment.restart()
        self._deployment.addresses.repair()
        seen, since, advanced = 0, time.monotonic(), timedelta()
        idle = _IDLE_SECONDS_WITHOUT if self._options.without else _IDLE_SECONDS
        while time.monotonic() < since + idle:
            if self._options.without is Without.REDRIVE:
                await storage.delete_parked()
            await storage.end_pauses()
            await self._deployment.fire()
            await self._until(lambda: not self._deployment.is_running(), _PATIENCE_SECONDS)
            await self._world.graph.idle()
            if self._recorder.received > seen:
                seen, since = self._recorder.received, time.monotonic()
            if self._world.graph.waiting and advanced < _MOST:
                self._world.clock.advance(_STEP)
                advanced += _STEP
                continue
            await storage.recheck()
            if await self._is_settled(storage):
                return

    async def _is_settled(self, storage: Storage) -> bool:
        if self._world.graph.waiting or not self._is_subscribed() or await storage.unfinished():
            return False
        seen = self._recorder.received
        # The consumer reads what has been published in the last moment.
        await asyncio.sleep(1)
        return seen == self._recorder.received

    def _is_subscribed(self) -> bool:
        return len(self._deployment.subscriptions()) == len(self._wanted)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    await asyncio.sleep(0.05)
        return condition()


async def _repeat(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await act()
        await asyncio.sleep(seconds)
