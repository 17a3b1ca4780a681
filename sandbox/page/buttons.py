"""What the page's buttons do: the verbs of a second terminal, and a run of the timer that shows their effect."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import aiohttp

from dashboard.snapshot import Breakable, Controls
from dashboard.source import CannotBeDone
from sandbox.run.world import World
from sandbox.verbs.places import Places
from sandbox.verbs.verbs import Verbs
from sandbox.verbs.wrong import Wrong

_DEEDS = frozenset({"write", "edit", "react", "delete", "join", "leave", "rename"})
_LABELS: Mapping[str, str] = {
    "app": "The app",
    "certificate": "Certificate",
    "consent": "Consent",
    "entra": "Entra ID",
    "graph": "Graph",
    "network": "Network",
    "permission": "Graph permission",
    "queue": "Queue",
    "role": "Key Vault role",
    "storage": "Storage",
    "vault": "Key Vault",
}


class Buttons:
    """Carries out what is clicked, in one world."""

    def __init__(self, world: World, verbs: Verbs) -> None:
        self._world = world
        self._verbs = verbs
        self._running = set[asyncio.Task[None]]()
        self._one_run = asyncio.Lock()

    def controls(self) -> Controls:
        """Return whom, where and what there is to choose from."""
        tenant_id, breakage = self._world.registration.tenant_ids[0], self._verbs.breakage
        return Controls(
            people=tuple(user.display_name for user in self._world.teams.contents.users(tenant_id)),
            places=tuple(Places(self._world.teams, tenant_id).named()),
            breakables=tuple(
                Breakable(name=name, label=_LABELS.get(name, name), is_broken=name in breakage.broken)
                for name in breakage.names
            ),
        )

    async def act(self, verb: str, values: Mapping[str, str]) -> str:
        """Return what has happened; raise CannotBeDone."""
        try:
            return await self._act(verb, values)
        except Wrong as exc:
            raise CannotBeDone(str(exc)) from exc

    async def _act(self, verb: str, values: Mapping[str, str]) -> str:
        given = {name: values.get(name, "") for name in ("text", "as", "in")}
        match verb:
            case "break" | "mend":
                said = str(await self._verbs.carry_out(verb, given))
                self._run_timer()
                return said
            case "rotate":
                return await self._rotate()
            case "lose":
                return self._lose()
            case "renew":
                return str(await self._verbs.carry_out("renew", {}))
            case _ if verb in _DEEDS:
                return str(await self._verbs.carry_out("do", {"verb": verb, **given}))
            case _:
                raise CannotBeDone(f"There is no button {verb!r}.")

    async def _rotate(self) -> str:
        version = await self._world.new_certificate()
        self._verbs.is_disturbed = True
        self._run_timer()
        return f"Key Vault has a new certificate, {version}; a run of the timer gives it to the subscriptions."

    def _lose(self) -> str:
        # Of messages only, Graph reports the loss; others are found out half an hour later, when they are renewed.
        messages = (each for each in self._world.graph.subscriptions() if each.resource_type.entity == "chatMessage")
        subscription = next(messages, None)
        if subscription is None:
            raise CannotBeDone("There is no subscription to messages left to lose.")
        self._verbs.is_disturbed = True
        self._world.graph.remove_subscription(subscription.id)
        return f"Graph has removed {subscription.resource} and reports it: the next run of the timer creates it again."

    def _run_timer(self) -> None:
        """Let the timer run, without waiting for its end: what is broken may keep it waiting."""
        if self._world.host is not None:
            task = asyncio.create_task(self._run_after_the_last())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run_after_the_last(self) -> None:
        # Of two runs at once, the one that began when all was broken may end last, and say so until the next one.
        async with self._one_run:
            # An app that does not run, or hangs, is what the page says already.
            with suppress(aiohttp.ClientError, RuntimeError):
                await self._world.run_timer()
