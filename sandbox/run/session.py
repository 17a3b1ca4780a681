"""One session of the sandbox: the world, the app on a host, the scenario, and then what the user sends."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import aiohttp

from sandbox.ledger import Arrival, Ledger
from sandbox.page.live_page import LivePage
from sandbox.run.deployment import REPOSITORY
from sandbox.run.ending import Ending
from sandbox.run.operator_files import remove_operator_files, write_operator_files
from sandbox.run.queue_consumer import Event
from sandbox.run.report import Report
from sandbox.run.scenario import Cast, Scenario
from sandbox.run.send_endpoint import SendEndpoint
from sandbox.run.sign_in import SignIn
from sandbox.run.sink import EventConsumer, Sink, new_consumer
from sandbox.run.user_host import UserHost
from sandbox.run.world import World
from sandbox.verbs.triggering import grant_permissions
from sandbox.verbs.verbs import Verbs

STATE_FILE = REPOSITORY / ".sandbox" / "running.json"

_LIVELY_PAUSE_SECONDS = 0.4


class Host(StrEnum):
    """What runs the app."""

    SANDBOX = "sandbox"
    CORE_TOOLS = "core-tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run: on which host, signed in to Graph how, where events go, and whether to end after the scenario."""

    host: Host | None = Host.SANDBOX
    """None for a host that the user starts."""
    sign_in: SignIn = SignIn.SECRET
    sink: Sink = Sink.QUEUE
    once: bool = False
    scene: bool = True
    """Whether the scenario is played before the sandbox serves."""
    verbose: bool = False
    state_file: Path = STATE_FILE
    """Where a second terminal finds this sandbox."""


class Session:
    """The parts of one session; ``play`` returns whether every change that Graph sent arrived exactly as typed."""

    def __init__(self, folder: Path, report: Report, options: Options, ending: Ending) -> None:
        self._report = report
        self._options = options
        self._ending = ending
        self._world = World(folder, sign_in=options.sign_in, sink=options.sink)
        self._tenant_id = self._world.registration.tenant_ids[0]
        self._cast = Cast.assemble(self._world.teams, self._tenant_id)
        for user in (self._cast.adele, self._cast.alex, self._cast.megan):
            self._world.add_account(user)
        grant_permissions(self._world)
        self._verbs = Verbs(self._world, self._cast, options.state_file.parent)
        self._page = LivePage(self._world, self._verbs, lambda: self._expected_subscriptions)
        self._ledger = Ledger(self._world.clock, self._arrived)
        self._world.graph.on_delivery(self._ledger.delivered)
        self._endpoint = SendEndpoint(self._verbs.carry_out)
        self._host_url = ""
        self._expected_subscriptions = len(self._cast.subscriptions())

    async def play(self) -> bool:
        """Return whether the books agree at the end; if something was broken on purpose, they need not.

        Raises:
            RuntimeError: something could not be started, or the app did not subscribe; the message says what.
            Interrupted: the session was to end before the end of the scene.
        """
        self._ending.watch()
        try:
            agrees = await self._ending.unless_asked(self._begin())
            missing = len(self._ledger.missing)
            if not self._options.once:
                # From here on the events are for the user's own consumer, which may be faster than who only watches.
                async with self._reading(self._consumer().watch):
                    await self._serve()
            self._totals(unseen=len(self._ledger.missing) - missing)
            return self._verbs.is_disturbed or (agrees and not self._ledger.unexpected)
        finally:
            await self._endpoint.stop()
            await self._page.stop()
            await self._end_host()
            await self._world.stop()

    async def _begin(self) -> bool:
        """Return whether the books agree at the end of the scene; without one they do."""
        await self._start()
        if not self._options.scene:
            return True
        async with self._reading(self._consumer().run):
            await self._play_scenario()
            return await self._books_agree()

    async def _end_host(self) -> None:
        """End the app at once: nobody needs the answers that it would still give."""
        if self._world.host is not None:
            await self._world.host.kill()

    def _consumer(self) -> EventConsumer:
        return new_consumer(self._world.azurite.connection_string, self._world.event_hubs)

    @asynccontextmanager
    async def _reading(self, read: Callable[[Callable[[Event], None]], Awaitable[None]]) -> AsyncIterator[None]:
        """Enter into the ledger meanwhile what ``read`` finds."""
        reading = asyncio.ensure_future(read(self._ledger.arrived))
        try:
            yield
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    async def _start(self) -> None:
        began = time.perf_counter()
        await self._world.start_services()
        await self._world.storage.start(self._world.azurite.connection_string)
        others = "Event Hubs, " if self._world.event_hubs else ""
        self._report.step(f"Azurite, {others}Entra ID, Key Vault and Graph are up on loopback", since=began)
        await self._start_app()
        self._report.step(f"The app serves at {self._host_url}/api/ReceiveNotification", since=began)
        await self._world.fire_timer(self._host_url)
        await self._world.until(self._subscribed, otherwise="RenewSubscriptions has not created the subscriptions")
        count = len(self._world.graph.subscriptions())
        self._report.step(f"RenewSubscriptions has created {count} subscriptions, two handshakes each", since=began)
        if not self._options.once:
            await self._endpoint.start(self._options.state_file)
            self._report.say(f"Look: [bold]{await self._page.start()}[/]")

    async def _start_app(self) -> None:
        if self._options.host is None:
            user_host = UserHost(self._world)
            self._report.say(user_host.prepare())
            self._host_url = await user_host.serving()
            self._expected_subscriptions = user_host.subscriptions
        else:
            subscriptions = self._cast.subscriptions()
            core_tools = self._options.host is Host.CORE_TOOLS
            await self._world.start_host(subscriptions, core_tools=core_tools, on_line=self._host_line)
            self._host_url = self._world.host_url

    async def _play_scenario(self) -> None:
        scenario = Scenario(
            teams=self._world.teams, cast=self._cast, say=self._report.act, pause=self._pause, rotate=self._rotate
        )
        self._report.heading()
        await scenario.play()

    async def _serve(self) -> None:
        self._verbs.is_playing = False
        self._report.act("Still serving")
        self._report.say("Write in the chat yourself, in a second terminal; break something, and look:")
        self._report.say('  [bold].venv/bin/python -m sandbox do write "hello" --as Megan[/]')
        self._report.say("  [bold].venv/bin/python -m sandbox break vault[/]")
        self._report.say("  [bold].venv/bin/python -m sandbox look[/]")
        self._report.say("See its subscriptions as an operator does:")
        self._report.say(f"  [bold].venv/bin/python -m cli{self._settings_option()} subscriptions list[/]")
        self._report.say("Read the events, which stay in the queue from now on, with a consumer of your own:")
        self._report.say("  [bold]docs/consuming.md[/]")
        self._report.say("Ctrl-C ends the sandbox.")
        try:
            await self._ending.asked()
        finally:
            if self._options.host is not None:
                remove_operator_files(self._options.state_file.parent)

    def _settings_option(self) -> str:
        """Return the option with which the operators' commands find this world."""
        if self._options.host is None:
            # The user's own host has its settings where the commands look for them.
            return ""
        values = self._world.settings(f"{self._host_url}/api/ReceiveNotification")
        file = write_operator_files(self._options.state_file.parent, values, self._verbs.entries)
        here = Path.cwd()
        return f" --settings {file.relative_to(here) if file.is_relative_to(here) else file}"

    async def _books_agree(self) -> bool:
        """Return whether everything that was delivered has arrived, giving the consumer a moment to read the rest."""
        graph = self._world.graph
        await graph.idle()
        with suppress(RuntimeError):
            await self._world.until(self._has_arrived, otherwise="")
        return self._ledger.agrees and not (graph.lost or graph.waiting)

    def _totals(self, *, unseen: int) -> None:
        if not (self._options.scene or self._ledger.expected):
            return
        graph = self._world.graph
        lost = len(graph.lost) + graph.waiting
        disturbed = self._verbs.is_disturbed
        count = len(graph.subscriptions())
        self._report.totals(self._ledger, subscriptions=count, lost=lost, unseen=unseen, disturbed=disturbed)

    async def _rotate(self) -> None:
        version = await self._world.new_certificate(key_size=4096)
        with suppress(aiohttp.ClientError) if self._verbs.is_disturbed else nullcontext():
            await self._world.fire_timer(self._host_url)
        otherwise = "RenewSubscriptions has not rotated the certificate"
        await self._world.until(lambda: self._rotated(version), otherwise=otherwise)
        self._report.say(f"[dim]Key Vault has version {version} (RSA-4096); all rich subscriptions use it[/]")

    def _rotated(self, version: str) -> bool:
        if self._verbs.is_disturbed:
            return True
        rich = [each for each in self._world.graph.subscriptions() if each.is_rich]
        return all(each.certificate_id == version for each in rich)

    def _arrived(self, arrival: Arrival) -> None:
        self._report.arrival(arrival)
        self._page.ring.arrived(arrival)

    def _subscribed(self) -> bool:
        return len(self._world.graph.subscriptions()) >= self._expected_subscriptions

    def _has_arrived(self) -> bool:
        """Return whether there is nothing to wait for; what somebody has broken may take its time."""
        return self._verbs.is_disturbed or not self._ledger.missing

    async def _pause(self) -> None:
        await self._world.graph.idle()
        # The next change waits until the consumer has this one, so that the report shows them in order.
        await self._world.until(self._has_arrived, otherwise="A change has not arrived as it was typed")
        if not self._options.once:
            await asyncio.sleep(_LIVELY_PAUSE_SECONDS)

    def _host_line(self, line: str) -> None:
        if self._options.verbose or " WARNING " in line or " ERROR " in line:
            self._report.problem(line)
