"""The books of a run: what Graph delivered on one side, what arrived in the queue on the other."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.consumer import Event
from sandbox.graph import Delivery, Item
from sandbox.graph.envelope import resource_of
from sandbox.teams import Change

type _Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A notification that Graph delivered, and the event that it became, equal to the letter."""

    item: Item
    change: Change
    delivery: Delivery
    event: Event
    after: timedelta
    """From the change in Teams to the consumer."""


class Ledger:
    """Joins deliveries and events, whichever comes first; what is left on either side at the end does not agree."""

    def __init__(self, clock: Clock, on_arrival: Callable[[Arrival], None]) -> None:
        self.handshakes = 0
        self.refused = 0
        """POSTs that were not answered with success; Graph repeats them."""
        self.arrivals: list[Arrival] = []
        self.lifecycle_events = 0
        self._clock = clock
        self._on_arrival = on_arrival
        self._deliveries: dict[_Key, list[tuple[Item, Change, Delivery]]] = {}
        self._events: dict[_Key, list[tuple[Event, datetime]]] = {}

    def delivered(self, delivery: Delivery) -> None:
        """Enter a POST of Graph's."""
        self.handshakes += delivery.handshake
        if not delivery.answer.is_success:
            self.refused += not delivery.handshake
            return
        for item in delivery.items:
            if item.change is not None:
                key = _key_of_item(item, item.change)
                self._deliveries.setdefault(key, []).append((item, item.change, delivery))
                self._join(key)

    def arrived(self, event: Event) -> None:
        """Enter an event from the queue."""
        if "lifecycleEvent" in event.data:
            self.lifecycle_events += 1
            return
        key = _key_of_event(event)
        self._events.setdefault(key, []).append((event, self._clock.now()))
        self._join(key)

    @property
    def missing(self) -> Sequence[Change]:
        """The changes that Graph delivered and nobody got as they were typed."""
        return [change for waiting in self._deliveries.values() for _, change, _ in waiting]

    @property
    def strange(self) -> Sequence[Event]:
        """The events that Graph sent nothing for: altered on the way, or doubled."""
        return [event for waiting in self._events.values() for event, _ in waiting]

    def counts(self) -> Counter[str]:
        """Return how many arrived by type, such as ``Microsoft.Graph.ChatMessageCreated``."""
        return Counter(arrival.event.attributes["type"] for arrival in self.arrivals)

    def _join(self, key: _Key) -> None:
        deliveries, events = self._deliveries.get(key), self._events.get(key)
        if not deliveries or not events:
            return
        item, change, delivery = deliveries.pop(0)
        event, when = events.pop(0)
        arrival = Arrival(item=item, change=change, delivery=delivery, event=event, after=when - change.when)
        self.arrivals.append(arrival)
        self._on_arrival(arrival)


def _key_of_item(item: Item, change: Change) -> _Key:
    content = _text(change.entity) if item.is_rich else ""
    return (item.subscription.id, resource_of(change), change.change_type, content)


def _key_of_event(event: Event) -> _Key:
    content = _text(event.data["content"]) if "content" in event.data else ""
    return (event.data["subscriptionId"], event.data["resource"], event.data["changeType"], content)


def _text(value: object) -> str:
    """Return one text for equal JSON values, whatever the order of their members."""
    return json.dumps(value, sort_keys=True)
