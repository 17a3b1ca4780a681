"""``break`` and ``mend``: what goes wrong around the app, one thing at a time or several together."""

from collections.abc import Sequence

from sandbox.relay import Mood
from sandbox.run.world import World
from sandbox.serving import Fault, Service
from sandbox.verbs.breakable import COLD, Breakable, Step
from sandbox.verbs.rights import rights
from sandbox.verbs.wrong import Wrong

_CUT = Fault(name="break", drop=True)
# Longer than any time-out of the app.
_SILENT = Fault(name="break", delay=60)


class Breakage:
    """What can be broken in a world, and what is."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: list[str] = []
        """The names of what is broken at present, the oldest first."""
        self._handles: dict[str, list[tuple[Service, int]]] = {}
        self._things: dict[str, Breakable] = self._storage() | self._services() | rights(world) | {"app": self._app()}

    @property
    def names(self) -> Sequence[str]:
        """What there is to break, by name."""
        return sorted(self._things)

    async def break_it(self, name: str) -> str:
        """Return what follows for the app.

        Raises:
            Wrong: there is no such thing, or it is broken already.
        """
        thing = self._find(name)
        if name in self.broken:
            raise Wrong(f"{name} is broken already: python -m sandbox mend {name}")
        await thing.break_it()
        self.broken.append(name)
        return thing.effect

    async def mend_it(self, name: str) -> str:
        """Return what follows for the app.

        Raises:
            Wrong: there is no such thing, or it is not broken.
        """
        thing = self._find(name)
        if name not in self.broken:
            raise Wrong(f"{name} is not broken.")
        await thing.mend_it()
        self.broken.remove(name)
        return thing.mended

    def _find(self, name: str) -> Breakable:
        if name not in self._things:
            raise Wrong(f"There is no {name!r} to break: name one of {', '.join(self.names)}.")
        return self._things[name]

    def _storage(self) -> dict[str, Breakable]:
        def moody(mood: Mood, *parts: str) -> Step:
            async def change() -> None:
                self._world.storage.set_mood(mood, *parts)

            return change

        def parts(effect: str, *names: str) -> Breakable:
            return Breakable(break_it=moody(Mood.DOWN, *names), mend_it=moody(Mood.FORWARDING, *names), effect=effect)

        return {
            "storage": parts("The app has nowhere to put a change: it answers 503, and Graph repeats its POSTs."),
            "queue": parts("The app publishes nothing: what Graph posts is parked in blobs.", "queue"),
        }

    def _services(self) -> dict[str, Breakable]:
        world = self._world

        def service(name: str, effect: str, *services: Service, fault: Fault = _CUT) -> Breakable:
            async def disturb() -> None:
                if name == "network":
                    world.storage.set_mood(Mood.SILENT)
                self._handles[name] = [(each, each.faults.add(fault)) for each in services]

            async def calm() -> None:
                if name == "network":
                    world.storage.set_mood(Mood.FORWARDING)
                for each, handle in self._handles.pop(name):
                    each.faults.remove(handle)

            return Breakable(break_it=disturb, mend_it=calm, effect=effect)

        graph, entra, vault = world.graph_service, world.login, world.vault_service
        return {
            "graph": service("graph", "Graph takes no request. It still posts notifications.", graph),
            "entra": service("entra", f"The app gets no token, for Graph or the vault. {COLD}", entra),
            "vault": service("vault", f"The app gets no key from the vault. {COLD}", vault),
            "network": service(
                "network", "Nothing answers the app, not even with a refusal.", graph, entra, vault, fault=_SILENT
            ),
        }

    def _app(self) -> Breakable:
        async def end() -> None:
            if self._world.host is None:
                raise Wrong("The host is your own: end it where you have started it.")
            await self._world.host.kill()

        async def start() -> None:
            if self._world.host is not None:
                await self._world.host.start()

        return Breakable(
            break_it=end, mend_it=start, effect="The app is gone: Graph repeats its POSTs.", mended="The app serves."
        )
