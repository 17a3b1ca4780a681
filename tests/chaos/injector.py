"""The faults of a plan, each made real for as long as it lasts."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta

from sandbox.serving import Service
from tests.chaos import plan
from tests.chaos.deployment import Deployment
from tests.chaos.faults import failing_service, failing_stores, skewed
from tests.chaos.plan import PlannedFault

# Tokens are dated back by five minutes, so that clocks may differ by less.
_SKEW = timedelta(minutes=4)


class Injector:
    """Injects faults into one deployment; ``dice`` chooses the target where a plan leaves that open."""

    def __init__(self, deployment: Deployment, dice: random.Random) -> None:
        self._deployment = deployment
        self._dice = dice

    async def inject(self, fault: PlannedFault) -> None:
        """Return once the fault is over."""
        seconds = fault.lasts.total_seconds()
        match fault.whom:
            case plan.APP if fault.what == "killed":
                await self._deployment.kill()
                await asyncio.sleep(seconds)
                await self._deployment.restart()
            case plan.APP | plan.OPERATORS:
                await self._act(fault.what)
                await asyncio.sleep(seconds)
            case _:
                with self._context(fault.whom, fault.what):
                    await asyncio.sleep(seconds)

    def _context(self, whom: str, what: str) -> AbstractContextManager[None]:
        if whom == plan.CLOCK:
            return skewed(self._deployment.world.entra, _SKEW if what == "fast" else -_SKEW)
        if services := self._services().get(whom):
            return failing_service(services, what)
        stores = plan.STORES if whom == plan.STORAGE else (whom,)
        return failing_stores((self._deployment.relays[store] for store in stores), what)

    def _services(self) -> Mapping[str, Service]:
        world = self._deployment.world
        return dict(zip(plan.SERVICES, (world.graph_service, world.login, world.vault_service), strict=True))

    async def _act(self, what: str) -> None:
        world = self._deployment.world
        match what:
            case "subscription removed":
                # In one order, whichever was created first.
                if there := sorted(world.graph.subscriptions(), key=lambda each: each.resource):
                    world.graph.remove_subscription(self._dice.choice(there).id)
            case "all subscriptions removed":
                for subscription in world.graph.subscriptions():
                    world.graph.remove_subscription(subscription.id)
            case "certificate rotated":
                await world.new_certificate()
            case "two timers at once":
                await self._deployment.fire(twice=True)
            case _:
                world.entra.rotate_signing_key()
