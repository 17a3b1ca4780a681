"""How does the rest of the sandbox see Graph? An application, its subscriptions, and its deliveries."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.clock import Clock
from sandbox.entra import Entra
from sandbox.graph.api import Parts, SubscriptionsApi
from sandbox.graph.denial import Denial
from sandbox.graph.directory_api import DirectoryApi
from sandbox.graph.dispatcher import Dispatcher, Pace
from sandbox.graph.errors import answering, no_such_thing
from sandbox.graph.health import State
from sandbox.graph.items import Delivery, LifecycleEvent, Lost
from sandbox.graph.listing import Listing
from sandbox.graph.notifier import Notifier
from sandbox.graph.poster import Patience, Poster
from sandbox.graph.reading.api import ReadingApi
from sandbox.graph.reading.link_tokens import Paging
from sandbox.graph.sending_api import SendingApi
from sandbox.graph.store import Subscriptions
from sandbox.graph.subscription import Subscription
from sandbox.graph.throttle import Throttle
from sandbox.teams import Teams
from sandbox.tls import Tls

# Subscriptions on a page of the list; the real number is not documented.
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper:
    """How this Graph behaves where the real one's numbers are too large, or unknown, for a test."""

    patience: Patience = field(default_factory=Patience)
    pace: Pace = field(default_factory=Pace)
    page_size: int = _PAGE_SIZE


class Graph:
    """Microsoft Graph for the tenants of one simulated Teams. Start it before the first request, in the same loop."""

    def __init__(self, *, clock: Clock, entra: Entra, teams: Teams, tls: Tls, temper: Temper = Temper()) -> None:
        self.throttle = Throttle(clock)
        self.paging = Paging(clock)
        self.denial = Denial()
        self.listing = Listing()
        self._store = Subscriptions(clock)
        self._poster = Poster(clock=clock, entra=entra, tls=tls, patience=temper.patience)
        self._dispatcher = Dispatcher(clock=clock, store=self._store, poster=self._poster, pace=temper.pace)
        self._notifier = Notifier(clock=clock, store=self._store, dispatcher=self._dispatcher)
        self._clock = clock
        teams.listen(self._notifier.changed)
        self.app = web.Application(middlewares=[answering(clock)])
        parts = Parts(
            clock=clock,
            entra=entra,
            teams=teams,
            store=self._store,
            throttle=self.throttle,
            poster=self._poster,
            notifier=self._notifier,
            page_size=temper.page_size,
            denial=self.denial,
            listing=self.listing,
        )
        self.directory = DirectoryApi(parts)
        self._route(parts)

    @property
    def lost(self) -> tuple[Lost, ...]:
        """The items that were given up, in order."""
        return tuple(self._dispatcher.lost)

    @property
    def hasty(self) -> tuple[str, ...]:
        """Ids of subscriptions that an app both reauthorized and renewed within ten minutes, which it must not."""
        return tuple(self._store.hasty)

    @property
    def asked_again(self) -> tuple[Subscription, ...]:
        """The live subscriptions whose like their own app has asked for: it did not know that it had them."""
        return tuple(self._store.asked_again)

    @property
    def waiting(self) -> int:
        """How many items wait for their time: retries, and what is for a slow endpoint."""
        return len(self._dispatcher.outbox)

    @property
    def role_assignment_required(self) -> set[str]:
        """The ids of applications whose registration asks for a role assignment that Graph Change Tracking lacks.

        It sends them ``validationTokens: null`` as long as they are in here.
        """
        return self._poster.role_assignment_required

    def health(self, url: str) -> State:
        """Return what Graph thinks of an endpoint."""
        return self._dispatcher.health(url).state(self._clock.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Return the live subscriptions of all apps, the oldest first."""
        return self._store.live()

    def on_delivery(self, listener: Callable[[Delivery], None]) -> None:
        """Call ``listener`` with every POST, handshakes too, after its answer."""
        self._poster.listen(listener)

    async def start(self) -> None:
        """Begin to deliver."""
        await self._poster.start()
        self._notifier.start()

    async def stop(self) -> None:
        """Stop delivering."""
        await self._notifier.stop()
        await self._poster.stop()

    async def idle(self) -> None:
        """Return once nothing is due and nothing under way; what waits for its time does not count.

        Raises:
            RuntimeError: Graph is not running.
        """
        await self._notifier.idle()

    def add_subscription(self, subscription: Subscription) -> None:
        """Keep a subscription that no request has asked for: a tenant full of them is quickly made of one's copies.

        Raises:
            Refused: there is such a subscription already, or no room for another one.
        """
        self._store.add(subscription)
        self._notifier.watch(subscription)

    def remove_subscription(self, subscription_id: str) -> None:
        """Remove a subscription behind the app's back; for messages, and only for them, the app is notified.

        Raises:
            KeyError: there is no such subscription.
        """
        subscription = next((each for each in self._store.live() if each.id == subscription_id), None)
        if subscription is None:
            raise KeyError(subscription_id)
        self._store.remove(subscription_id)
        self._notifier.reminders.forget(subscription_id)
        if subscription.resource_type.entity == "chatMessage":
            self._notifier.announce(subscription, "subscriptionRemoved")

    def lose_silently(self, share: float, *, seed: int = 0) -> None:
        """Lose a share of all changes from here on, which nobody is told; 0 ends that.

        The real Graph promises no more than to deliver at least once, and staff say that it may lose some.
        """
        self._dispatcher.lose_silently(share, seed)

    def overlook_slowness(self) -> None:
        """Find no endpoint slow from here on: on a busy machine answers are late whatever the app does."""
        self._dispatcher.overlook_slowness()

    def announce_missed(self, subscription_id: str) -> None:
        """Notify the app that notifications have been missed; the real Graph promises that for Outlook only.

        Raises:
            KeyError: there is no such subscription.
        """
        self._announce(subscription_id, "missed")

    def ask_to_reauthorize(self, subscription_id: str) -> None:
        """Notify the app that a subscription wants reauthorizing, as Graph does before an access token ends.

        Raises:
            KeyError: there is no such subscription.
        """
        self._announce(subscription_id, "reauthorizationRequired")

    def _announce(self, subscription_id: str, event: LifecycleEvent) -> None:
        subscription = self._store.find(subscription_id)
        if subscription is None:
            raise KeyError(subscription_id)
        self._notifier.announce(subscription, event)

    def _route(self, parts: Parts) -> None:
        self.app.add_routes(SubscriptionsApi(parts).routes())
        self.app.add_routes(self.directory.routes())
        self.app.add_routes(SendingApi(parts).routes())
        self.app.add_routes(ReadingApi(parts, self.paging).routes())
        self.app.router.add_route("*", "/{anything:.*}", no_such_thing)
