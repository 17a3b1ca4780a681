"""The live page of a sandbox: its server, its source and its buttons, from start to stop."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from dashboard.server import Dashboard
from sandbox.page.buttons import Buttons
from sandbox.page.ring import Ring
from sandbox.page.source import SandboxSource
from sandbox.page.stored import Account
from sandbox.run.world import World
from sandbox.verbs.verbs import Verbs


class LivePage:
    """Watches a world from its beginning, so that it has to be made before the ledger hears of anything."""

    def __init__(self, world: World, verbs: Verbs, expected: Callable[[], int]) -> None:
        self.ring = Ring(world.clock.now)
        world.graph.on_delivery(self.ring.delivered)
        self._world = world
        self._buttons = Buttons(world, verbs)
        self._expected = expected
        self._open = AsyncExitStack()

    async def start(self) -> str:
        """Return the link to open, once it can be opened; the storage account has to run."""
        account = await self._open.enter_async_context(Account(self._world.azurite.connection_string))
        source = SandboxSource(
            self._world, self.ring, account, expected=self._expected, controls=self._buttons.controls
        )
        dashboard = Dashboard(source, self._buttons)
        self._open.push_async_callback(dashboard.stop)
        await dashboard.start()
        return dashboard.link

    async def stop(self) -> None:
        """Close the server and its connections; harmless before the start."""
        await self._open.aclose()
