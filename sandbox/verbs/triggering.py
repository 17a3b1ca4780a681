"""``trigger``: any event of the catalogue, by having happen what Graph reports and the app publishes as that."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.run.scenario import Cast
from sandbox.run.world import World
from sandbox.verbs.sample_events import SAMPLE_EVENTS, SampleEvent, entry_for, is_covered, permissions
from sandbox.verbs.teams_events import TeamsEvents
from sandbox.verbs.wrong import Wrong

PREFIX = "Microsoft.Graph."
_UNLISTED = SAMPLE_EVENTS["CallRecordCreated"]

type Subscribe = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Adds an entry to the app's ``subscriptions.json``, and returns after a run of the timer; raises Wrong."""


def grant_permissions(world: World) -> None:
    """Have the app's registration hold what it takes to subscribe to whatever can be triggered."""
    for tenant_id in world.registration.tenant_ids:
        app = world.entra.find_application(world.registration.client_id, tenant_id)
        if app is not None:
            world.entra.register(replace(app, roles=tuple({*app.roles, *permissions()})))


class Triggering:
    """Has one thing after the other happen in a world."""

    def __init__(self, world: World, cast: Cast, subscribe: Subscribe) -> None:
        self._world = world
        self._cast = cast
        self._subscribe = subscribe
        self._in_teams = TeamsEvents(world.teams, cast).by_type
        self._of_subscriptions: Mapping[str, Callable[[], Awaitable[None]]] = {
            "SubscriptionMissed": self._miss,
            "SubscriptionReauthorizationRequired": self._ask_to_reauthorize,
            "SubscriptionRemoved": self._remove,
            "SubscriptionGap": self._lose,
        }

    def types(self) -> list[str]:
        """Return all types that can be triggered, sorted."""
        return sorted({*self._in_teams, *self._of_subscriptions, *SAMPLE_EVENTS})

    async def trigger(self, name: str) -> str:
        """Return a sentence, after having happen what becomes an event of a type, with or without its prefix.

        Raises:
            Wrong: there is no such type, or no subscription that would report it.
        """
        short = name.removeprefix(PREFIX)
        if short in self._in_teams:
            self._in_teams[short]()
        elif short in self._of_subscriptions:
            await self._of_subscriptions[short]()
        elif short in SAMPLE_EVENTS:
            await self._report(SAMPLE_EVENTS[short])
        else:
            raise Wrong(f"There is no event type {name!r}: name one of {', '.join(self.types())}.")
        return f"It has happened: {PREFIX}{short} is on its way."

    @staticmethod
    def disturbs(name: str) -> bool:
        """Return whether the app has to recover from it, with events that no notification announces."""
        return name.removeprefix(PREFIX).startswith("Subscription")

    async def _report(self, event: SampleEvent) -> None:
        samples, who = self._world.teams.samples, (event.name, self._cast.adele, event.change_type)
        team = self._cast.marketing[1]
        change = samples.change(*who, team=team)
        if not is_covered(change, self._world.graph.subscriptions()):
            entry = entry_for(change)
            if entry is None:
                raise Wrong("Only a signed-in user may subscribe to that: docs/delegated.md says how. Then trigger it.")
            await self._subscribe(entry)
            if not is_covered(change, self._world.graph.subscriptions()):
                raise Wrong(f"The app has not subscribed to {entry['resource']}: see `python -m sandbox look`.")
        samples.report(*who, team=team)

    async def _miss(self) -> None:
        self._world.graph.announce_missed(self._one_of("chat"))

    async def _ask_to_reauthorize(self) -> None:
        self._world.graph.ask_to_reauthorize(self._one_of("chat"))

    async def _remove(self) -> None:
        # Graph reports removals for messages only.
        self._world.graph.remove_subscription(self._one_of("chatMessage"))

    async def _lose(self) -> None:
        """Have Graph miss what it has no list of: the app cannot read it back."""
        await self._report(_UNLISTED)
        await self._world.graph.idle()
        self._world.graph.announce_missed(self._one_of("callRecord"))
        await self._world.graph.idle()
        await self._world.run_timer()

    def _one_of(self, entity: str) -> str:
        for subscription in self._world.graph.subscriptions():
            if subscription.resource_type.entity == entity and subscription.lifecycle_notification_url:
                return subscription.id
        raise Wrong(f"There is no subscription to a {entity} (any more): python -m sandbox renew")
