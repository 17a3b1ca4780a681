"""Each trouble of a plan made real for as long as it lasts."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

from sandbox.chaos import plan
from sandbox.chaos.plan import Trouble
from sandbox.chaos.stage import Stage
from sandbox.relay import Mood
from sandbox.serving import Fault, Service

# Longer than anybody waits.
_SLOW_SECONDS = 30.0
# Tokens are dated back by five minutes, so that clocks may differ by less.
_SKEW = timedelta(minutes=4)

_FAULTS: Mapping[str, Fault] = {
    "down": Fault(drop=True),
    "failing": Fault(status=503),
    "slow": Fault(delay=_SLOW_SECONDS),
    "wrong": Fault(
        status=200, headers={"Content-Type": "text/html"}, body=b"<html>Please sign in to the network</html>"
    ),
    "cut off": Fault(truncate=True),
    "throttling": Fault(status=429, headers={"Retry-After": "2"}),
}
_MOODS: Mapping[str, Mood] = {
    "down": Mood.DOWN,
    "silent": Mood.SILENT,
    "late": Mood.LATE,
    "cut off": Mood.CUTTING,
    "full": Mood.BUSY,
}


class Troubles:
    """Makes troubles on one stage; ``dice`` chooses whom, where a plan leaves that open."""

    def __init__(self, stage: Stage, dice: random.Random) -> None:
        self._stage = stage
        self._dice = dice

    async def make(self, trouble: Trouble) -> None:
        """Return once the trouble is over."""
        async with self._context(trouble):
            await asyncio.sleep(trouble.lasts.total_seconds())

    def _context(self, trouble: Trouble) -> AbstractAsyncContextManager[None]:
        match trouble.whom:
            case plan.APP if trouble.what == "killed":
                return self._killed()
            case plan.APP | plan.OPERATORS:
                return self._once(trouble.what)
            case plan.CLOCK:
                return self._skewed(_SKEW if trouble.what == "fast" else -_SKEW)
            case store if store in {plan.STORAGE, *plan.STORES}:
                return self._stores(plan.STORES if store == plan.STORAGE else (store,), _MOODS[trouble.what])
            case _:
                return _troubled(self._services()[trouble.whom], trouble.what)

    def _services(self) -> Mapping[str, Service]:
        world = self._stage.world
        return dict(zip(plan.SERVICES, (world.graph_service, world.login, world.vault_service), strict=True))

    @asynccontextmanager
    async def _killed(self) -> AsyncIterator[None]:
        await self._stage.kill()
        yield
        await self._stage.restart()

    @asynccontextmanager
    async def _once(self, what: str) -> AsyncIterator[None]:
        world = self._stage.world
        match what:
            case "subscription removed":
                # In one order, whoever was made first.
                if there := sorted(world.graph.subscriptions(), key=lambda each: each.resource):
                    world.graph.remove_subscription(self._dice.choice(there).id)
            case "all subscriptions removed":
                for subscription in world.graph.subscriptions():
                    world.graph.remove_subscription(subscription.id)
            case "certificate rotated":
                await world.new_certificate()
            case "two timers at once":
                await self._stage.fire(twice=True)
            case _:
                world.entra.rotate_signing_key()
        yield

    @asynccontextmanager
    async def _skewed(self, skew: timedelta) -> AsyncIterator[None]:
        self._stage.world.entra.skew = skew
        yield
        self._stage.world.entra.skew = timedelta()

    @asynccontextmanager
    async def _stores(self, names: tuple[str, ...], mood: Mood) -> AsyncIterator[None]:
        relays = [self._stage.relays[name] for name in names]
        for relay in relays:
            relay.mood = mood
        yield
        for relay in relays:
            relay.mood = Mood.FORWARDING


def _troubled(service: Service, what: str) -> AbstractAsyncContextManager[None]:
    return _expired(service) if what == "certificate expired" else _faulty(service, _FAULTS[what])


@asynccontextmanager
async def _faulty(service: Service, fault: Fault) -> AsyncIterator[None]:
    handle = service.faults.add(fault)
    yield
    service.faults.remove(handle)


@asynccontextmanager
async def _expired(service: Service) -> AsyncIterator[None]:
    service.let_certificate_expire()
    yield
    service.renew_certificate()
