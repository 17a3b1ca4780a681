"""The faults of a plan, each made real for as long as it lasts."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import timedelta

from sandbox.graph import Subscription
from tests.chaos import plan
from tests.chaos.deployment import Deployment
from tests.chaos.faults import OF_CONNECTIONS, denied, failing_connections, failing_service, forgetful, skewed
from tests.chaos.plan import PlannedFault
from tests.chaos.storage import Storage
from tests.chaos.strangers import Strangers

# Tokens are dated back by five minutes, so that clocks may differ by less.
_SKEW = timedelta(minutes=4)
_PATIENCE_SECONDS, _POLL_SECONDS = 30, 0.1


class Injector:
    """Injects faults into one deployment; ``dice`` chooses the target where a plan leaves that open."""

    def __init__(self, deployment: Deployment, storage: Storage, strangers: Strangers, dice: random.Random) -> None:
        self._deployment = deployment
        self._storage = storage
        self._strangers = strangers
        self._dice = dice
        self._silence = asyncio.Lock()

    async def inject(self, fault: PlannedFault) -> None:
        """Return once the fault is over."""
        seconds = fault.lasts.total_seconds()
        match fault.whom:
            case plan.APP if fault.what == "killed":
                await self._deployment.kill()
                await asyncio.sleep(seconds)
                await self._deployment.restart()
            case _ if (fault.whom, fault.what) == plan.SILENT_VAULT:
                # A silence that ended meanwhile would end this one.
                async with self._silence:
                    await self._start_in_silence(fault)
            case plan.NEIGHBOUR | plan.LISTS:
                with self._context(fault.whom, fault.what):
                    await self._until_met(fault.whom)
                    await asyncio.sleep(seconds)
            case plan.APP | plan.OPERATORS:
                await self._act(fault.what)
                await asyncio.sleep(seconds)
            case _:
                with self._context(fault.whom, fault.what):
                    await asyncio.sleep(seconds)

    async def _start_in_silence(self, fault: PlannedFault) -> None:
        with self._context(fault.whom, fault.what):
            await self._deployment.kill()
            await self._deployment.restart()
            await self._until_met(fault.whom)
            await asyncio.sleep(fault.lasts.total_seconds())

    async def _until_met(self, whom: str) -> None:
        """Return once the app has met a fault: before, nothing is the matter."""
        count = self._count(whom)
        before = count()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while count() == before:
                    await asyncio.sleep(_POLL_SECONDS)

    def _count(self, whom: str) -> Callable[[], int]:
        graph = self._deployment.world.graph
        match whom:
            case plan.NEIGHBOUR:
                return graph.denial.refused.total
            case plan.LISTS:
                return lambda: graph.listing.forgetful
        return lambda: self._deployment.relays[whom].swallowed

    def _context(self, whom: str, what: str) -> AbstractContextManager[None]:
        world, relays = self._deployment.world, self._deployment.relays
        match whom:
            case plan.CLOCK:
                return skewed(world.entra, _SKEW if what == "fast" else -_SKEW)
            case plan.LISTS:
                return forgetful(world.graph, self._forgets(what))
            case plan.NEIGHBOUR:
                return denied(world.graph, world.registration.tenant_ids[1])
            case plan.STRANGERS:
                return self._strangers.subscribed(in_our_tenant=what == plan.STRANGERS_FAULTS[1])
            case _ if whom in plan.SERVICES and what not in OF_CONNECTIONS:
                services = (world.graph_service, world.login, world.vault_service)
                return failing_service(services[plan.SERVICES.index(whom)], what)
        names = plan.STORES if whom == plan.STORAGE else (whom,)
        return failing_connections((relays[name] for name in names), what)

    def _forgets(self, what: str) -> Callable[[Subscription], bool]:
        if what == "empty":
            return lambda _: True
        # In one order, whichever was created first.
        resources = sorted({each.resource for each in self._deployment.world.graph.subscriptions()})
        forgotten = frozenset(self._dice.sample(resources, len(resources) // 2))
        return lambda each: each.resource in forgotten

    async def _act(self, what: str) -> None:
        world = self._deployment.world
        match what:
            case "subscription removed":
                # In one order, whichever was created first.
                if there := sorted(self._deployment.subscriptions(), key=lambda each: each.resource):
                    world.graph.remove_subscription(self._dice.choice(there).id)
            case "all subscriptions removed":
                for subscription in self._deployment.subscriptions():
                    world.graph.remove_subscription(subscription.id)
            case "certificate rotated":
                await world.new_certificate()
            case "two timers at once":
                await self._deployment.fire(twice=True)
            case plan.URL_CHANGED:
                await self._deployment.move()
                await self._storage.end_turn()
            case _:
                world.entra.rotate_signing_key()
