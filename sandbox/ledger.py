"""The books of a run: what Graph delivered on one side, what arrived in the queue on the other."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.graph import Delivery, Item
from sandbox.graph.envelope import resource_of
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change

type _Key = tuple[str, str, str]

# Whose creation has one id however it is told (docs/events.md), so that one with content speaks for one without.
_CREATED_ONCE = frozenset({"chats", "messages", "replies", "teams", "channels"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A change that Graph delivered, and the event that it became, equal to the letter."""

    item: Item
    change: Change
    delivery: Delivery
    event: Event
    after: timedelta
    """From the change in Teams to the consumer."""
    notifications: int = 1
    """How many of Graph's notifications the event stands for: overlapping subscriptions tell a change once each."""


@dataclass(slots=True, kw_only=True)
class _Told:
    """One change, and those notifications of it that no event stands for yet."""

    change: Change
    waiting: list[tuple[Item, Delivery]] = field(default_factory=list)
    with_content: bool = False
    """Whether one of the notifications carried the resource: then the change has not arrived without it."""
    events: set[bool] = field(default_factory=set)
    """Whether it has arrived with its content (True), without it (False), or both."""

    @property
    def arrived(self) -> bool:
        """Whether it has arrived with all that was told of it."""
        return True in self.events or (False in self.events and not self.with_content)

    def take(self, event: Event) -> list[tuple[Item, Delivery]]:
        """Return the notifications that an event stands for, the one that it is made of first."""
        own = [each for each in self.waiting if _is_of(event, each[0], self.change)]
        if not own:
            return []
        others = [each for each in self.waiting if each[0] is not own[0][0] and self._is_told_by(event, each[0])]
        taken = [own[0], *others]
        self.waiting = [each for each in self.waiting if all(each[0] is not item for item, _ in taken)]
        self.events.add("content" in event.data)
        return taken

    def _is_told_by(self, event: Event, other: Item) -> bool:
        if "content" not in event.data:
            return False
        is_created_once = self.change.change_type == "created" and self.change.path[-2] in _CREATED_ONCE
        return is_created_once or (other.is_rich and self._states_version)

    @property
    def _states_version(self) -> bool:
        """Whether Graph states a version; without one each notification becomes an event (docs/events.md)."""
        return any(self.change.entity.get(name) for name in ("etag", "lastModifiedDateTime"))


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
        self._told: dict[_Key, list[_Told]] = {}
        self._events: dict[_Key, list[tuple[Event, datetime]]] = {}
        self._ids: Counter[str] = Counter()

    def delivered(self, delivery: Delivery) -> None:
        """Enter a POST of Graph's."""
        self.handshakes += delivery.handshake
        if not delivery.answer.is_success:
            self.refused += not delivery.handshake
            return
        for item in delivery.items:
            if item.change is not None:
                told = self._of(item.change)
                told.waiting.append((item, delivery))
                told.with_content |= item.is_rich
        for key in {_key_of(item.change) for item in delivery.items if item.change is not None}:
            self._join(key)

    def arrived(self, event: Event) -> None:
        """Enter an event from the queue."""
        self._ids[event.attributes["id"]] += 1
        if "lifecycleEvent" in event.data:
            self.lifecycle_events += 1
        elif self._ids[event.attributes["id"]] == 1:
            key = (event.data["tenantId"], event.data["resource"], event.data["changeType"])
            self._events.setdefault(key, []).append((event, self._clock.now()))
            self._join(key)

    @property
    def missing(self) -> Sequence[Change]:
        """The changes that Graph delivered and nobody got as they were typed."""
        return [told.change for told in self._all() if not told.arrived]

    @property
    def strange(self) -> Sequence[Event]:
        """The events that Graph sent nothing for: altered on the way, or told without an end."""
        return [event for waiting in self._events.values() for event, _ in waiting]

    @property
    def duplicates(self) -> int:
        """How many events came again under an id that had been there."""
        return self._ids.total() - len(self._ids)

    @property
    def agrees(self) -> bool:
        """Whether something arrived, everything did, and nothing else."""
        return bool(self.arrivals) and not (self.missing or self.strange or self.duplicates)

    def counts(self) -> Counter[str]:
        """Return how many arrived by type, such as ``Microsoft.Graph.ChatMessageCreated``."""
        return Counter(arrival.event.attributes["type"] for arrival in self.arrivals)

    def _all(self) -> Iterator[_Told]:
        return (told for same in self._told.values() for told in same)

    def _of(self, change: Change) -> _Told:
        same = self._told.setdefault(_key_of(change), [])
        found = next((told for told in same if told.change is change), None)
        if found is None:
            found = _Told(change=change)
            same.append(found)
        return found

    def _join(self, key: _Key) -> None:
        waiting, self._events[key] = self._events.get(key, []), []
        for event, when in waiting:
            if not self._joined(key, event, when):
                self._events[key].append((event, when))

    def _joined(self, key: _Key, event: Event, when: datetime) -> bool:
        for told in self._told.get(key, []):
            if taken := told.take(event):
                item, delivery = taken[0]
                change, after = told.change, when - told.change.when
                arrival = Arrival(
                    item=item,
                    change=change,
                    delivery=delivery,
                    event=event,
                    after=after,
                    notifications=len(taken),
                )
                self.arrivals.append(arrival)
                self._on_arrival(arrival)
                return True
        return False


def _key_of(change: Change) -> _Key:
    return (change.tenant_id, resource_of(change), change.change_type)


def _is_of(event: Event, item: Item, change: Change) -> bool:
    """Return whether the event was made of this notification: its subscription's, with its content or without any."""
    if event.data["subscriptionId"] != item.subscription.id or item.is_rich != ("content" in event.data):
        return False
    # Of several virtual events, and the like, the path alone does not tell which one it is.
    if change.odata_id is not None and event.data["resourceData"].get("@odata.id") != change.odata_id:
        return False
    return not item.is_rich or _text(event.data["content"]) == _text(change.entity)


def _text(value: object) -> str:
    """Return one text for equal JSON values, whatever the order of their members."""
    return json.dumps(value, sort_keys=True)
