"""Who sees everything in a chaos run: the changes in Teams, Graph's POSTs, and the events in the sink."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from sandbox.chaos import plan
from sandbox.chaos.arrival import Arrival
from sandbox.chaos.books import Books
from sandbox.chaos.plan import Trouble
from sandbox.chaos.repeats import CutOff, Interruption
from sandbox.chaos.summary import Summary
from sandbox.graph import Delivery
from sandbox.graph.matching import keys_of
from sandbox.run.queue_consumer import Event
from sandbox.run.world import World
from sandbox.teams import Change


class Witness:
    """Keeps the books of one world, from ``watch`` on."""

    def __init__(self, world: World) -> None:
        self.arrived: list[tuple[Event, datetime]] = []
        self.books = Books()
        self.deliveries: list[Delivery] = []
        self._world = world
        self._watched: list[tuple[str, frozenset[str]]] = []
        self._troubles: Counter[str] = Counter()
        self._was_slow = False

    def watch(self) -> None:
        """Enter every change that a subscription of this moment would tell with its content."""
        subscriptions = self._world.graph.subscriptions()
        self._watched = [(each.key, each.change_types) for each in subscriptions if each.is_rich]
        self._world.graph.on_delivery(self._delivered)
        self._world.teams.listen(self._changed)

    def consumed(self, event: Event) -> None:
        """Enter an event from the sink."""
        self.arrived.append((event, event.inserted_on or self._world.clock.now()))

    def suffered(self, trouble: Trouble, since: datetime) -> None:
        """Enter a trouble that is over."""
        self._troubles[str(trouble)] += 1
        until = self._world.clock.now()
        for cut_off in _cut_off(trouble):
            self.books.interruptions.append(Interruption(cut_off=cut_off, since=since, until=until))

    def unanswered(self, cut_off: CutOff, times: Iterable[tuple[datetime, datetime]]) -> None:
        """Enter when the app got no answer of its sink, which may have taken what it was sent, or of the table."""
        self.books.interruptions += [Interruption(cut_off=cut_off, since=since, until=until) for since, until in times]

    def summary(self, *, length: timedelta, timer_runs: int, open_ends: Sequence[str]) -> Summary:
        """Return what came of the run."""
        self.books.arrivals = [Arrival(event=event, when=when) for event, when in self.arrived]
        return Summary(
            balance=self.books.balance(),
            length=length,
            books=self.books,
            troubles=self._troubles,
            deliveries=self.deliveries,
            timer_runs=timer_runs,
            lost_by_graph=len(self._world.graph.lost),
            was_slow=self._was_slow,
            open_ends=open_ends,
        )

    def _changed(self, change: Change) -> None:
        keys = set(keys_of(change))
        if any(key in keys and change.change_type in change_types for key, change_types in self._watched):
            self.books.changes.append(change)

    def _delivered(self, delivery: Delivery) -> None:
        if delivery.handshake:
            return
        self.deliveries.append(delivery)
        self._was_slow |= self._world.graph.health(delivery.url) != "normal"
        if delivery.answer.is_success:
            rich = (item.change for item in delivery.items if item.is_rich and item.change is not None)
            self.books.delivered.update(map(id, rich))


def _cut_off(trouble: Trouble) -> Iterator[CutOff]:
    if trouble.what == "killed":
        yield CutOff.LIFE
    if trouble.whom in {"tables", plan.STORAGE}:
        yield CutOff.NOTES
