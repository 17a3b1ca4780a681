"""The ledger of a run: the changes expected in the queue on one side, the events received from it on the other.

It matches them, and names what is left on either side. ``make run`` allows nothing to be left; a chaos run asks for
the cause of everything that is left (``tests/chaos/audit.py``).

Source: docs/events.md
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter

from sandbox.clock import Clock
from sandbox.graph import Delivery, Item
from sandbox.graph.envelope import resource_of
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change

type Place = tuple[str, str]
"""A tenant, and an item in it as Graph's notifications spell it."""

# Whose creation has one id however it is notified, so that an event with content covers a notification without.
_CREATED_ONCE = frozenset({"chats", "messages", "replies", "teams", "channels"})
_TYPES: Mapping[str, str] = {
    "chats": "Chat",
    "messages": "ChatMessage",
    "replies": "ChatMessage",
    "teams": "Team",
    "channels": "Channel",
    "members": "ConversationMember",
}
# The queue dates its messages in whole seconds.
_SECOND = timedelta(seconds=1)


def place_of(change: Change) -> Place:
    """Return the place of the item that has changed."""
    return (change.tenant_id, resource_of(change))


@dataclass(frozen=True, kw_only=True, eq=False)
class ReceivedEvent:
    """An event, and when it was put into the queue."""

    event: Event
    when: datetime

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.event.attributes["id"])

    @property
    def type(self) -> str:
        """The event's type, such as ``Microsoft.Graph.ChatMessageCreated``."""
        return str(self.event.attributes["type"])

    @property
    def is_recovered(self) -> bool:
        """Whether it was read from Graph after a gap, and not notified."""
        return self.event.attributes.get("recovered") is True

    @property
    def place(self) -> Place | None:
        """The place of the item that it is about; None if it is about a subscription."""
        data = self.event.data
        if "lifecycleEvent" in data or "resource" not in data:
            return None
        return (data.get("tenantId", ""), data["resource"])

    @cached_property
    def content(self) -> str | None:
        """The resource as JSON; None without content."""
        return _json(self.event.data["content"]) if "content" in self.event.data else None

    def is_named_after(self, change: Change) -> bool:
        """Return whether type and subject are those of a change."""
        kind, attributes = _TYPES.get(change.path[-2]), self.event.attributes
        if self.event.data["changeType"] != change.change_type:
            return False
        name = (f"Microsoft.Graph.{kind}{change.change_type.title()}", "/".join(change.path))
        return kind is None or (self.type, attributes.get("subject")) == name

    def follows(self, change: Change) -> bool:
        """Return whether it came after a change: an earlier event of the same state does not report it."""
        return self.when + _SECOND > change.when


@dataclass(kw_only=True, eq=False)
class ExpectedChange:
    """A change in Teams, and the last POST with each of Graph's notifications of it, by subscription."""

    change: Change
    notified: dict[str, tuple[Item, Delivery]] = field(default_factory=dict)

    @property
    def is_delivered(self) -> bool:
        """Whether the app has confirmed a notification of it."""
        return any(delivery.answer.is_success for _, delivery in self.notified.values())

    @property
    def is_delivered_with_content(self) -> bool:
        """Whether the app has confirmed a notification that carried the resource."""
        return any(item.is_rich and delivery.answer.is_success for item, delivery in self.notified.values())

    @cached_property
    def content(self) -> str:
        """The resource as JSON."""
        return _json(self.change.entity)

    def arrivals(self, events: Iterable[ReceivedEvent]) -> Iterator["Arrival"]:
        """Return which of the events of its item stand for its notifications: each of them needs one."""
        waiting = dict(self.notified)
        for received in events:
            own = received.event.data.get("subscriptionId", "")
            if own not in waiting or not self._is_made_of(received, waiting[own][0]):
                continue
            item, delivery = waiting[own]
            covered = [id_ for id_, (other, _) in waiting.items() if id_ == own or self._is_covered(received, other)]
            for id_ in covered:
                del waiting[id_]
            yield Arrival(expected=self, received=received, item=item, delivery=delivery, notifications=len(covered))

    def is_reported_by(self, received: ReceivedEvent) -> bool:
        """Return whether an event is this change to the letter, with its content or by ids only."""
        return received.content in {None, self.content} and received.is_named_after(self.change)

    def _is_made_of(self, received: ReceivedEvent, item: Item) -> bool:
        if received.is_recovered or item.is_rich != (received.content is not None) or not received.follows(self.change):
            return False
        # The path alone does not identify one of several virtual events, and the like.
        virtual = self.change.odata_id
        if virtual is not None and received.event.data["resourceData"].get("@odata.id") != virtual:
            return False
        return self.is_reported_by(received)

    def _is_covered(self, received: ReceivedEvent, other: Item) -> bool:
        if received.content is None:
            return False
        is_created_once = self.change.change_type == "created" and self.change.path[-2] in _CREATED_ONCE
        # Without a version each notification becomes an event.
        states_version = any(self.change.entity.get(name) for name in ("etag", "lastModifiedDateTime"))
        return is_created_once or (other.is_rich and states_version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A change, the POST that notified it, and the event that it became, equal to the letter."""

    expected: ExpectedChange
    received: ReceivedEvent
    item: Item
    delivery: Delivery
    notifications: int
    """How many of Graph's notifications the event stands for: overlapping subscriptions notify a change once each."""

    @property
    def change(self) -> Change:
        """The change in Teams."""
        return self.expected.change

    @property
    def event(self) -> Event:
        """The event in the queue."""
        return self.received.event

    @property
    def after(self) -> timedelta:
        """From the change in Teams to the consumer."""
        return self.received.when - self.change.when


class Ledger:
    """Both sides of a run, whichever comes first; ``on_arrival`` is called once for each event that has its change."""

    def __init__(self, clock: Clock, on_arrival: Callable[[Arrival], None] | None = None) -> None:
        self.deliveries: list[Delivery] = []
        """Graph's POSTs, without handshakes."""
        self.handshakes = 0
        self.received: dict[str, ReceivedEvent] = {}
        """The events by their ids, as they came first."""
        self.duplicates: list[tuple[ReceivedEvent, ReceivedEvent]] = []
        """The events that came again under an id, each with the first one."""
        self.expected: dict[int, ExpectedChange] = {}
        """The changes by their identity."""
        self._clock = clock
        self._on_arrival = on_arrival
        self._announced: set[str] = set()
        self._changes: defaultdict[Place, list[ExpectedChange]] = defaultdict(list)
        self._events: defaultdict[Place, list[ReceivedEvent]] = defaultdict(list)

    def expect(self, change: Change) -> ExpectedChange:
        """Return the entry of a change, which is made if it is not there."""
        entry = self.expected.get(id(change))
        if entry is None:
            entry = self.expected[id(change)] = ExpectedChange(change=change)
            self._changes[place_of(change)].append(entry)
        return entry

    def delivered(self, delivery: Delivery) -> None:
        """Enter a POST of Graph's."""
        if delivery.handshake:
            self.handshakes += 1
            return
        self.deliveries.append(delivery)
        changes = [(item, item.change) for item in delivery.items if item.change is not None]
        for item, change in changes:
            self.expect(change).notified[item.subscription.id] = (item, delivery)
        self._announce({place_of(change) for _, change in changes})

    def arrived(self, event: Event, when: datetime | None = None) -> None:
        """Enter an event from the queue, which came just now or ``when``."""
        again = ReceivedEvent(event=event, when=when or self._clock.now())
        first = self.received.setdefault(again.id, again)
        if first is not again:
            self.duplicates.append((first, again))
        elif again.place is not None:
            self._events[again.place].append(again)
            self._announce({again.place})

    def changes_of(self, place: Place) -> Sequence[ExpectedChange]:
        """Return all changes of an item, in their order."""
        return self._changes.get(place, [])

    def events_of(self, place: Place) -> Sequence[ReceivedEvent]:
        """Return all events of an item by time, each id once."""
        return sorted(self._events.get(place, []), key=attrgetter("when"))

    @property
    def arrivals(self) -> Sequence[Arrival]:
        """The changes that have arrived, each with its event."""
        return [arrival for place in list(self._events) for arrival in self._matched(place)]

    @property
    def refused(self) -> int:
        """How many POSTs were not answered with success; Graph repeats them."""
        return sum(not each.answer.is_success for each in self.deliveries)

    @property
    def missing(self) -> Sequence[Change]:
        """The changes that the app has confirmed and that have not arrived, with content if they had any."""
        arrived = {(arrival.expected, arrival.item.is_rich) for arrival in self.arrivals}
        return [
            each.change
            for each in self.expected.values()
            if each.is_delivered
            and (each, True) not in arrived
            and (each.is_delivered_with_content or (each, False) not in arrived)
        ]

    @property
    def unexpected(self) -> Sequence[Event]:
        """The events that no confirmed notification accounts for: altered on the way, or published again."""
        arrived = {arrival.received for arrival in self.arrivals if arrival.expected.is_delivered}
        return [each.event for events in self._events.values() for each in events if each not in arrived]

    @property
    def agrees(self) -> bool:
        """Whether something arrived, everything did, and nothing else."""
        return bool(self.arrivals) and not (self.missing or self.unexpected or self.duplicates)

    def counts(self) -> Counter[str]:
        """Return how many arrived by type, such as ``Microsoft.Graph.ChatMessageCreated``."""
        return Counter(arrival.received.type for arrival in self.arrivals)

    def _announce(self, places: Iterable[Place]) -> None:
        if self._on_arrival is None:
            return
        for arrival in (arrival for place in places for arrival in self._matched(place)):
            if arrival.expected.is_delivered and arrival.received.id not in self._announced:
                self._announced.add(arrival.received.id)
                self._on_arrival(arrival)

    def _matched(self, place: Place) -> Iterator[Arrival]:
        waiting = list(self.events_of(place))
        # A state that recurs may be of several changes: the event is of one that the app has confirmed.
        for expected in sorted(self.changes_of(place), key=lambda each: not each.is_delivered):
            for arrival in expected.arrivals(waiting):
                waiting = [each for each in waiting if each is not arrival.received]
                yield arrival


def _json(value: object) -> str:
    """Return one text for equal JSON values, whatever the order of their members."""
    return json.dumps(value, sort_keys=True)
