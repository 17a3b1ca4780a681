"""The books of a chaos run: what happened in Teams on one side, what stands in the sink on the other.

Pure: changes, deliveries and events in, a balance out. A change is accounted for if the sink has an event with its
type, subject and content; where Graph never delivered it, if it was recovered, or the sink says that it is lost.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.chaos.matching import (
    GAP,
    Place,
    is_message,
    is_of,
    is_overtaken,
    is_recovered,
    is_true_of,
    place_of,
    place_of_event,
    recovers,
    says,
)
from sandbox.consumer import Event
from sandbox.teams import Change

# Two clocks, and the moment between a change and its event.
_MARGIN = timedelta(seconds=5)
# A table that does not answer is left alone for a while, so that an outage lasts longer for its user.
_AFTER_EFFECT = timedelta(seconds=10)


class Fate(StrEnum):
    """What became of a change."""

    LIVE = "live"
    REDRIVEN = "redriven"
    """Its event arrived after the POST had been parked."""
    RECOVERED = "recovered"
    """Catching up found it."""
    HIDDEN = "under an id of before"
    """It is there, and whoever drops what has an id of before drops it: the app could not look up that it was taken."""
    OVERTAKEN = "overtaken"
    """Graph never delivered it, and the message had changed again before anybody could read it like this."""
    SAID = "said to be lost"
    """Graph never delivered it and cannot be asked for it; an event in the sink says so."""
    LOST = "lost"
    """Graph delivered it, with success."""
    UNRECOVERED = "not recovered"
    """Graph never delivered it, and nobody can know."""


_MISSING = frozenset({Fate.LOST, Fate.UNRECOVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event in the sink, and when it was seen there; ``parked``: its POST was kept before it was published."""

    event: Event
    when: datetime
    parked: bool = False

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.event.attributes["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A time in which the app could not note what it had published: killed, or cut off from its storage."""

    why: str
    since: datetime
    until: datetime

    def covers(self, moment: datetime) -> bool:
        """Return whether what happened at ``moment`` may have been touched by it."""
        return self.since - _MARGIN <= moment <= self.until + _AFTER_EFFECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How the books close."""

    fates: Counter[Fate]
    missing: Sequence[tuple[Change, Fate]]
    """The changes that the sink neither has nor says to be lost."""
    wrong: Sequence[Event]
    """Events that are of no change, or not with its content, type or subject."""
    duplicates: Counter[str]
    """Events that came again under the same id, by what explains it; "" where nothing does."""

    @property
    def agrees(self) -> bool:
        """Whether nothing is lost, altered or doubled without a reason."""
        return not (self.missing or self.wrong or self.duplicates[""])


@dataclass(slots=True, kw_only=True)
class Books:
    """Everything that happened: the changes that the app wanted to hear of, and what came of them."""

    changes: list[Change] = field(default_factory=list)
    delivered: set[int] = field(default_factory=set)
    """The identities of the changes that Graph has delivered with their content, and success."""
    arrivals: list[Arrival] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)

    def balance(self) -> Balance:
        """Return how the books close."""
        return _Balancing(self).balance()


class _Balancing:
    def __init__(self, books: Books) -> None:
        self._books = books
        firsts = {arrival.id: arrival for arrival in reversed(books.arrivals)}.values()
        self._gaps = [each.event.data for each in firsts if each.event.attributes["type"] == GAP]
        # Neither a gap nor what is told of a subscription itself is about a thing in Teams.
        told = [each for each in firsts if "resource" in each.event.data and each.event.attributes["type"] != GAP]
        self._arrivals = _by_place(told, lambda each: place_of_event(each.event))
        self._changes = _by_place(books.changes, place_of)
        seen = {id(arrival) for arrival in firsts}
        again = [each for each in books.arrivals if id(each) not in seen and "resource" in each.event.data]
        self._repeated = _by_place(again, lambda each: place_of_event(each.event))
        self._taken: set[str] = set()

    def balance(self) -> Balance:
        changes = self._books.changes
        live = [self._live(change) for change in changes]
        fates = [fate or self._otherwise(change) for change, fate in zip(changes, live, strict=True)]
        missing = [(change, fate) for change, fate in zip(changes, fates, strict=True) if fate in _MISSING]
        return Balance(fates=Counter(fates), missing=missing, wrong=list(self._wrong()), duplicates=self._duplicates())

    def _live(self, change: Change) -> Fate | None:
        """Return the fate of a change that has an event of its own, as Graph's notification told it."""
        for arrival in self._arrivals[place_of(change)]:
            if arrival.id not in self._taken and not is_recovered(arrival.event) and is_of(arrival.event, change):
                self._taken.add(arrival.id)
                return Fate.REDRIVEN if arrival.parked else Fate.LIVE
        return None

    def _otherwise(self, change: Change) -> Fate:
        events = [arrival.event for arrival in self._arrivals[place_of(change)]]
        if any(recovers(event, change) for event in events):
            # Perhaps Graph delivered it as well: what is read to close a gap overlaps with what is parked.
            return Fate.RECOVERED
        if self._is_repeated(change):
            return Fate.HIDDEN
        if id(change) in self._books.delivered:
            return Fate.LOST
        if is_message(change):
            return Fate.OVERTAKEN if is_overtaken(change, events) else Fate.UNRECOVERED
        return Fate.SAID if any(says(gap, change) for gap in self._gaps) else Fate.UNRECOVERED

    def _is_repeated(self, change: Change) -> bool:
        repeated = self._repeated[place_of(change)]
        for number, arrival in enumerate(repeated):
            if recovers(arrival.event, change) or is_of(arrival.event, change):
                del repeated[number]
                return True
        return False

    def _wrong(self) -> Iterator[Event]:
        for place, arrivals in self._arrivals.items():
            for event in (arrival.event for arrival in arrivals):
                if not any(is_true_of(event, change) for change in self._changes[place]):
                    yield event

    def _duplicates(self) -> Counter[str]:
        seen: dict[str, Arrival] = {}
        found: Counter[str] = Counter()
        for arrival in self._books.arrivals:
            if (first := seen.setdefault(arrival.id, arrival)) is not arrival:
                found[self._explained(first, arrival)] += 1
        return found

    def _explained(self, first: Arrival, again: Arrival) -> str:
        around = (each.why for each in self._books.interruptions if each.covers(first.when) or each.covers(again.when))
        return next(around, "")


def _by_place[T](things: Iterable[T], place: Callable[[T], Place]) -> defaultdict[Place, list[T]]:
    found: defaultdict[Place, list[T]] = defaultdict(list)
    for thing in things:
        found[place(thing)].append(thing)
    return found
