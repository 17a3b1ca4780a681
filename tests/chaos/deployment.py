"""What faults are injected into: the app on its host, its storage behind relays, and a timer that is fired often."""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from sandbox.graph import Subscription
from sandbox.host.process import FunctionsHost
from sandbox.relay import Mood, Relay
from sandbox.run.sink import sink_settings
from sandbox.run.world import World
from tests.chaos.addresses import Addresses
from tests.chaos.plan import STORES
from tests.end_to_end.relayed import relayed_services
from tests.guards.guard import Guard

_ENDPOINT = re.compile(r"(Blob|Queue|Table)Endpoint=http://127\.0\.0\.1:(\d+)")
_EXECUTED = re.compile(r"Executed 'Functions\.RenewSubscriptions' \((?:Succeeded|Failed)")
# Runs are the deployment's to start.
_NEVER = "0 0 0 1 1 *"
# A run that is cut off from everything takes long; after that much another one is started beside it.
_LONGEST_RUN = timedelta(seconds=30)


class Deployment:
    """Starts and ends everything; ``world`` and ``relays`` (by the names of services and stores) can go wrong.

    ``without``: the check that the app lacks.
    """

    def __init__(self, world: World, without: Guard | None = None) -> None:
        self.world = world
        self.relays: dict[str, Relay] = {}
        self._without = without
        self.addresses = Addresses()
        self.runs = 0
        """How often the timer was fired."""
        self._asked: list[float] = []
        self._done = 0
        self._read, self._ended = 0, 0
        self._serving = asyncio.Lock()

    @property
    def host(self) -> FunctionsHost:
        """The app's host.

        Raises:
            RuntimeError: it has not been started.
        """
        host = self.world.host
        if host is None or not isinstance(host, FunctionsHost):
            raise RuntimeError("the app's host has not been started")
        return host

    def subscriptions(self) -> Sequence[Subscription]:
        """Return the app's live subscriptions, without those of strangers."""
        ours = self.world.registration.client_id
        return [each for each in self.world.graph.subscriptions() if each.application_id == ours]

    async def start(self, subscriptions: Sequence[Mapping[str, Any]], settings: Mapping[str, str]) -> None:
        """Return once the app serves."""
        await self.world.start_services()
        mine = {"AzureWebJobsStorage": await self._relayed_stores(), "RENEW_SCHEDULE": _NEVER}
        mine |= await self._relayed_hub()
        relays, leading_there = await relayed_services(self.world)
        self.relays |= relays
        mine |= leading_there
        await self.world.start_host(subscriptions, settings=mine | dict(settings), before_start=self._prepare)

    async def _relayed_stores(self) -> str:
        connection_string = self.world.azurite.connection_string
        for kind, port in _ENDPOINT.findall(connection_string):
            relay = self.relays[_STORE_OF[kind]] = Relay(int(port))
            await relay.start()
        return _ENDPOINT.sub(
            lambda match: f"{match[1]}Endpoint=http://127.0.0.1:{self.relays[_STORE_OF[match[1]]].port}",
            connection_string,
        )

    async def _relayed_hub(self) -> Mapping[str, str]:
        hubs = self.world.event_hubs
        if hubs is None:
            return {}
        # What befalls the queue befalls the hub: nothing else is in the account's queues.
        await self.relays["queues"].stop()
        relay = self.relays["queues"] = Relay(hubs.port)
        await relay.start()
        return sink_settings(hubs, relay.port)

    async def _prepare(self) -> None:
        await self._take_address()
        if (guard := self._without) is not None:
            module = self.world.app_root / guard.module
            module.write_text(guard.mutated(module.read_text(encoding="utf-8")), encoding="utf-8")

    async def _take_address(self) -> None:
        self.host.environment["NOTIFICATION_URL"] = await self.addresses.change(urlsplit(self.host.url).port or 0)

    async def stop(self) -> None:
        """End everything."""
        for relay in self.relays.values():
            relay.mood = Mood.FORWARDING
        await self.world.stop()
        for relay in self.relays.values():
            await relay.stop()
        await self.addresses.stop()

    async def kill(self) -> None:
        """End the app's host at once, in the middle of whatever it does."""
        async with self._serving:
            await self._end()

    async def _end(self) -> None:
        await self.host.kill()
        self._asked.clear()
        self._done = self._executed()

    async def restart(self) -> None:
        """Have the app's host serve again."""
        async with self._serving:
            if self.host.pid is None:
                await self.host.start()

    async def move(self) -> None:
        """Give the app another NOTIFICATION_URL, with which it starts again; nothing answers at the one of before."""
        async with self._serving:
            await self._end()
            await self._take_address()
            await self.host.start()

    async def fire(self, *, twice: bool = False) -> None:
        """Start a run of the timer, unless one is under way; ``twice``: two at once in any case."""
        if not twice and self.is_running():
            return
        # A host that has just been killed does not answer.
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            for _ in range(2 if twice else 1):
                await self.world.fire_timer(self.host.url)
                self._asked.append(time.monotonic())
                self.runs += 1

    def is_running(self) -> bool:
        """Return whether a run of the timer is under way, and has not been for unreasonably long."""
        ended = self._executed() - self._done
        self._done += ended
        del self._asked[:ended]
        return any(time.monotonic() - began < _LONGEST_RUN.total_seconds() for began in self._asked)

    def _executed(self) -> int:
        lines = self.host.lines
        self._ended += sum(_EXECUTED.search(line) is not None for line in lines[self._read :])
        self._read = len(lines)
        return self._ended


_STORE_OF = dict(zip(("Blob", "Queue", "Table"), STORES, strict=True))
