"""The books of a chaos run: what happened in Teams on one side, what stands in the sink on the other.

Pure: changes, deliveries and events in, a balance out. A change is accounted for if the sink has an event with its
type, subject and content; where Graph never delivered it, if it was recovered, or the sink says that it is lost.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter

from sandbox.chaos.arrival import Arrival
from sandbox.chaos.matching import (
    GAP,
    Place,
    came_to_nothing,
    is_message,
    is_of,
    is_of_a_thing,
    is_overtaken,
    is_recovered,
    is_true_of,
    place_of,
    place_of_event,
    recovers,
    says,
)
from sandbox.chaos.repeats import Cause, Interruption, repeats
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change


class Fate(StrEnum):
    """What became of a change."""

    LIVE = "live"
    REDRIVEN = "redriven"
    """Its event arrived after the POST had been parked."""
    RECOVERED = "recovered"
    """Catching up found it."""
    OVERTAKEN = "overtaken"
    """Graph never delivered it, and the thing had changed again, or back, before anybody could read it like this."""
    SAID = "said to be lost"
    """Graph never delivered it, and could not be asked for it; an event in the sink says so."""
    LOST = "lost"
    """Graph delivered it, with success."""
    UNRECOVERED = "not recovered"
    """Graph never delivered it, and nobody can know."""


_MISSING = frozenset({Fate.LOST, Fate.UNRECOVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How the books close."""

    fates: Counter[Fate]
    missing: Sequence[tuple[Change, Fate]]
    """The changes that the sink neither has nor says to be lost."""
    wrong: Sequence[Event]
    """Events that are of no change, or not with its content, type or subject."""
    duplicates: Counter[Cause | None]
    """Events that came again under the same id, by what explains it; None where nothing does."""
    surplus: int
    """Events that tell with its content, under an id of their own, what another one has told."""

    @property
    def agrees(self) -> bool:
        """Whether nothing is lost, altered or doubled without a reason."""
        return not (self.missing or self.wrong or self.duplicates[None])


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
        firsts = sorted({each.id: each for each in reversed(books.arrivals)}.values(), key=attrgetter("when"))
        self._gaps = [each.event.data for each in firsts if each.event.attributes["type"] == GAP]
        told = [each for each in firsts if is_of_a_thing(each.event)]
        self._arrivals = _by_place(told, lambda each: place_of_event(each.event))
        self._changes = _by_place(books.changes, place_of)
        self._taken: set[str] = set()

    def balance(self) -> Balance:
        # An event of a state that comes back may be of several changes: it is of one that Graph has delivered.
        changes = sorted(self._books.changes, key=lambda change: id(change) not in self._books.delivered)
        live = [self._live(change) for change in changes]
        fates = [fate or self._otherwise(change) for change, fate in zip(changes, live, strict=True)]
        missing = [(change, fate) for change, fate in zip(changes, fates, strict=True) if fate in _MISSING]
        return Balance(
            fates=Counter(fates),
            missing=missing,
            wrong=list(self._wrong()),
            duplicates=repeats(self._books.arrivals, self._books.interruptions),
            surplus=self._surplus(),
        )

    def _live(self, change: Change) -> Fate | None:
        """Return the fate of a change that has an event of its own, as Graph's notification told it."""
        for arrival in self._told_since(change):
            if arrival.id not in self._taken and not is_recovered(arrival.event) and is_of(arrival.event, change):
                self._taken.add(arrival.id)
                return Fate.REDRIVEN if arrival.parked else Fate.LIVE
        return None

    def _told_since(self, change: Change) -> Sequence[Arrival]:
        """Return what came of a thing after a change: that it has been like this before tells nothing of the change."""
        return [arrival for arrival in self._arrivals[place_of(change)] if arrival.follows(change)]

    def _otherwise(self, change: Change) -> Fate:
        events = [arrival.event for arrival in self._told_since(change)]
        if any(recovers(event, change) for event in events):
            # Perhaps Graph delivered it as well: what is read to close a gap overlaps with what is parked.
            return Fate.RECOVERED
        if id(change) in self._books.delivered:
            return Fate.LOST
        if is_message(change):
            return Fate.OVERTAKEN if is_overtaken(change, events) else Fate.UNRECOVERED
        if any(says(gap, change) for gap in self._gaps):
            return Fate.SAID
        return Fate.OVERTAKEN if self._came_to_nothing(change) else Fate.UNRECOVERED

    def _came_to_nothing(self, change: Change) -> bool:
        # With a team its channels and members are gone, and nothing is told of each.
        is_inside = len(change.path) > len(("teams", "{team}"))
        around = self._changes[place_of(replace(change, path=change.path[:2]))] if is_inside else ()
        is_gone = any(each.change_type == "deleted" for each in around)
        return is_gone or came_to_nothing(change, self._changes[place_of(change)], self._is_told)

    def _is_told(self, change: Change) -> bool:
        was_recovered = any(recovers(each.event, change) for each in self._told_since(change))
        return was_recovered or id(change) in self._books.delivered

    def _wrong(self) -> Iterator[Event]:
        for place, arrivals in self._arrivals.items():
            for event in (arrival.event for arrival in arrivals):
                if not any(is_true_of(event, change) for change in self._changes[place]):
                    yield event

    def _surplus(self) -> int:
        told = (each for arrivals in self._arrivals.values() for each in arrivals if not is_recovered(each.event))
        return sum("content" in each.event.data and each.id not in self._taken for each in told)


def _by_place[T](things: Iterable[T], place: Callable[[T], Place]) -> defaultdict[Place, list[T]]:
    found: defaultdict[Place, list[T]] = defaultdict(list)
    for thing in things:
        found[place(thing)].append(thing)
    return found
