"""Every verb of a second terminal, by name: what it takes, and what it says."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.run.operator_files import rewrite_subscriptions
from sandbox.run.scenario import Cast
from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import World
from sandbox.verbs.acting import Acting
from sandbox.verbs.breaking import Breakage
from sandbox.verbs.looking import look
from sandbox.verbs.triggering import Triggering
from sandbox.verbs.wrong import Wrong

type _Verb = Callable[[Mapping[str, Any]], Awaitable[Any]]


class Verbs:
    """What can be done in one world; ``operator_folder`` has the files for operators' commands, once they are there."""

    def __init__(self, world: World, cast: Cast, operator_folder: Path) -> None:
        self._world = world
        self._operator_folder = operator_folder
        self._acting = Acting(world.teams, world.registration.tenant_ids[0])
        self.breakage = Breakage(world)
        self._triggering = Triggering(world, cast, self._subscribe)
        self._verbs: dict[str, _Verb] = {
            "do": self._do,
            "break": self._break,
            "mend": self._mend,
            "trigger": self._trigger,
            "types": self._types,
            "look": self._look,
            "renew": self._renew,
            "queue": self._queue,
        }
        self.entries = list(cast.subscriptions())
        """Those of the app's ``subscriptions.json``."""
        self.is_disturbed = False
        """Whether the app has had something to recover from, so that its books need not agree at every moment."""
        self.is_playing = True
        """Whether the queue is still read by the sandbox itself."""

    async def carry_out(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        """Return what there is to say, as JSON, after doing what a verb says.

        Raises:
            Wrong: it cannot be done.
        """
        if verb not in self._verbs:
            raise Wrong(f"This sandbox has no verb {verb!r}: it was started from another version.")
        try:
            return await self._verbs[verb](arguments)
        except (RuntimeError, aiohttp.ClientError) as exc:
            raise Wrong(f"The app's host did not do its part: {str(exc).splitlines()[0]}") from exc

    async def _do(self, arguments: Mapping[str, Any]) -> str:
        verb, text, person, place = (str(arguments[name]) for name in ("verb", "text", "as", "in"))
        return self._acting.act(verb, text, person=person, place=place)

    async def _break(self, arguments: Mapping[str, Any]) -> str:
        said = await self.breakage.break_it(str(arguments["text"]))
        self.is_disturbed = True
        return said

    async def _mend(self, arguments: Mapping[str, Any]) -> str:
        return await self.breakage.mend_it(str(arguments["text"]))

    async def _trigger(self, arguments: Mapping[str, Any]) -> str:
        text = str(arguments["text"])
        self.is_disturbed |= self._triggering.disturbs(text)
        return await self._triggering.trigger(text)

    async def _types(self, _: Mapping[str, Any]) -> list[str]:
        return self._triggering.types()

    async def _look(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return await look(self._world, self.breakage.broken)

    async def _renew(self, _: Mapping[str, Any]) -> str:
        succeeded = await self._world.run_timer()
        return f"RenewSubscriptions has run, {'with success' if succeeded else 'and failed: its log says why'}."

    async def _queue(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._world.event_hubs is not None:
            raise Wrong("The events of this sandbox go to an event hub, and not to a queue.")
        # Not through the relays: what is broken for the app is not broken for its consumers.
        connection_string = self._world.azurite.connection_string
        return {"playing": self.is_playing, "connection_string": connection_string, "queue": QUEUE_NAME}

    async def _subscribe(self, entry: Mapping[str, Any]) -> None:
        if self._world.host is None:
            raise Wrong(f"Your app does not watch that: add {json.dumps(entry)} to subscriptions.json, and `renew`.")
        if entry not in self.entries:
            self.entries.append(entry)
        for folder in (self._world.app_root, self._operator_folder):
            rewrite_subscriptions(folder, self.entries)
        # As a deployment does: a process reads its files once.
        await self._world.host.stop()
        await self._world.host.start()
        await self._world.run_timer()
