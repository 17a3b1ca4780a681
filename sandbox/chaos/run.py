"""One chaos run: people work in Teams, everything goes wrong by plan, then all is mended and the books are closed."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from sandbox.chaos import plan
from sandbox.chaos.plan import Trouble
from sandbox.chaos.repeats import CutOff
from sandbox.chaos.stage import Stage
from sandbox.chaos.stores import Stores
from sandbox.chaos.summary import Summary
from sandbox.chaos.traffic import Traffic
from sandbox.chaos.troubles import Troubles
from sandbox.chaos.witness import Witness
from sandbox.run.queue_consumer import Consumer
from sandbox.run.world import QUEUE_NAME, World
from sandbox.serving import Fault

_TIMER_SECONDS = 4.0
_TAKE_AWAY_SECONDS = 0.5
_HURRY_SECONDS = 10.0
_PATIENCE_SECONDS = 60
# When nothing has come for so long, what is outstanding will not come.
_IDLE_SECONDS = 120
# Graph's retries come at their times; entries into the future are bounded by how tokens are dated back.
_STEP, _MOST = timedelta(seconds=15), timedelta(minutes=4)
# Often enough that something is renewed in a short run.
_RENEW_AFTER = "PT20S"


class Without(StrEnum):
    """What of the app to put out of action, so that the run has to fail."""

    REDRIVE = "redrive"
    CATCH_UP = "catch-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How long, what goes wrong (``seed``), how many changes a second Teams sees, and what is put out of action."""

    length: timedelta
    seed: int
    rate: float
    without: Without | None = None


class Chaos:
    """The parts of one run; ``play`` returns what came of it."""

    def __init__(self, folder: Path, options: Options, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._world = World(folder)
        self._stage = Stage(self._world)
        self._traffic = Traffic(self._world.teams, self._world.registration.tenant_ids[0], seed=options.seed)
        self._witness = Witness(self._world)
        self._began = 0.0

    async def play(self) -> Summary:
        """Return how the run ended.

        Raises:
            RuntimeError: something could not be started, or the app did not subscribe; the message says what.
        """
        try:
            await self._stage.start(self._traffic.subscriptions(), {"RENEW_AFTER": _RENEW_AFTER})
            connection_string = self._world.azurite.connection_string
            async with Stores.open(connection_string) as stores, asyncio.TaskGroup() as group:
                consumer = Consumer(connection_string, QUEUE_NAME)
                consuming = group.create_task(consumer.run(self._witness.consumed))
                try:
                    await self._subscribe()
                    await self._go_wrong(stores)
                    await self._mend(stores)
                finally:
                    consuming.cancel()
                open_ends = await stores.open_ends()
                for cut_off, store in ((CutOff.SINK, "queues"), (CutOff.NOTES, "tables")):
                    self._witness.unanswered(cut_off, self._stage.relays[store].unanswered)
                return self._witness.summary(
                    length=self._options.length, timer_runs=self._stage.runs, open_ends=open_ends
                )
        finally:
            await self._stage.stop()

    async def _subscribe(self) -> None:
        graph, wanted = self._world.graph, len(self._traffic.subscriptions())
        # Whoever closes gaps reads much of Graph in little time; its limits are measured elsewhere.
        graph.throttle.enabled = False
        await self._stage.fire()
        if not await self._until(lambda: len(graph.subscriptions()) == wanted, _PATIENCE_SECONDS):
            raise RuntimeError(f"the app has not subscribed within a minute: {self._world.last_lines()}")
        self._witness.watch()

    async def _go_wrong(self, stores: Stores) -> None:
        self._put_out_of_action()
        self._began = time.monotonic()
        dice = random.Random(self._options.seed)  # noqa: S311  chance that can be repeated, no secret
        troubles = Troubles(self._stage, dice)
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(each) for each in (self._fire(), self._hurry(stores), self._take_away(stores))
            ]
            made = [
                group.create_task(self._suffer(trouble, troubles))
                for trouble in plan.plan(self._options.seed, self._options.length)
            ]
            await self._work()
            await asyncio.gather(*made)
            for task in background:
                task.cancel()

    async def _work(self) -> None:
        for number in range(int(self._options.length.total_seconds() * self._options.rate)):
            # A step that comes late makes none of the next ones late.
            await asyncio.sleep(self._began + number / self._options.rate - time.monotonic())
            self._traffic.step()

    async def _suffer(self, trouble: Trouble, troubles: Troubles) -> None:
        await asyncio.sleep(self._began + trouble.at.total_seconds() - time.monotonic())
        self._say(f"{trouble.at.total_seconds():6.1f} s  {trouble} ({trouble.lasts.total_seconds():.1f} s)")
        since = self._world.clock.now()
        await troubles.make(trouble)
        self._witness.suffered(trouble, since)

    async def _fire(self) -> None:
        while True:
            await self._stage.fire()
            await asyncio.sleep(_TIMER_SECONDS)

    async def _take_away(self, stores: Stores) -> None:
        while self._options.without is Without.REDRIVE:
            await stores.take_away()
            await asyncio.sleep(_TAKE_AWAY_SECONDS)

    async def _hurry(self, stores: Stores) -> None:
        while True:
            await asyncio.sleep(_HURRY_SECONDS)
            await stores.hurry()

    def _put_out_of_action(self) -> None:
        if self._options.without is Without.CATCH_UP:
            # As without the permission to read messages.
            lists = Fault(path=r"^/(v1\.0|beta)/(users|teams|chats)\b", method="GET", status=403)
            self._world.graph_service.faults.add(lists)

    async def _mend(self, stores: Stores) -> None:
        """Return once nothing is outstanding any more, or it is clear that it will not come."""
        self._say("Everything works again: what is outstanding has to come.")
        await self._stage.restart()
        seen, since, advanced = 0, time.monotonic(), timedelta()
        while time.monotonic() < since + _IDLE_SECONDS:
            if self._options.without is Without.REDRIVE:
                await stores.take_away()
            await stores.hurry()
            await self._stage.fire()
            await self._until(lambda: not self._stage.is_running(), _PATIENCE_SECONDS)
            await self._world.graph.idle()
            if len(self._witness.arrived) > seen:
                seen, since = len(self._witness.arrived), time.monotonic()
            if self._world.graph.waiting and advanced < _MOST:
                self._world.clock.advance(_STEP)
                advanced += _STEP
                continue
            await stores.compare_again()
            if await self._is_settled(stores):
                return

    async def _is_settled(self, stores: Stores) -> bool:
        graph, wanted = self._world.graph, len(self._traffic.subscriptions())
        if graph.waiting or len(graph.subscriptions()) != wanted or await stores.open_ends():
            return False
        seen = len(self._witness.arrived)
        # The consumer reads what has been published in the last moment.
        await asyncio.sleep(1)
        return seen == len(self._witness.arrived)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    await asyncio.sleep(0.05)
        return condition()
