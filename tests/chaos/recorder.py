"""What is recorded during a chaos run: the changes in Teams, Graph's POSTs, the events in the queue, and the faults."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sandbox.graph import Delivery
from sandbox.graph.matching import keys_of
from sandbox.ledger import Ledger
from sandbox.run.queue_consumer import Event
from sandbox.run.world import World
from sandbox.teams import Change
from tests.chaos import plan
from tests.chaos.duplicates import Lost, Outage
from tests.chaos.plan import PlannedFault
from tests.chaos.report import Report


class Recorder:
    """Keeps the ledger of one world, from ``watch`` on."""

    def __init__(self, world: World) -> None:
        self.ledger = Ledger(world.clock)
        self._world = world
        self._watched: list[tuple[str, frozenset[str]]] = []
        self._outages: list[Outage] = []
        self._faults: Counter[str] = Counter()
        self._was_slow = False

    @property
    def received(self) -> int:
        """How many events there have been."""
        return len(self.ledger.received) + len(self.ledger.duplicates)

    def watch(self) -> None:
        """Expect every change that a subscription of this moment reports with its content."""
        subscriptions = self._world.graph.subscriptions()
        self._watched = [(each.key, each.change_types) for each in subscriptions if each.is_rich]
        self._world.graph.on_delivery(self._delivered)
        self._world.teams.listen(self._changed)

    def arrived(self, event: Event) -> None:
        """Record an event from the queue."""
        self.ledger.arrived(event, event.inserted_on)

    def ended(self, fault: PlannedFault, since: datetime) -> None:
        """Record a fault that is over."""
        self._faults[str(fault)] += 1
        times = [(since, self._world.clock.now())]
        if fault.what == "killed":
            self.unanswered(Lost.PROCESS, times)
        if fault.whom in {"tables", plan.STORAGE}:
            self.unanswered(Lost.TABLE, times)

    def unanswered(self, lost: Lost, times: Iterable[tuple[datetime, datetime]]) -> None:
        """Record when the app got no answer from its queue, which may have taken what it was sent, or the table."""
        self._outages += [Outage(lost=lost, since=since, until=until) for since, until in times]

    def report(self, *, length: timedelta, timer_runs: int, unfinished: Sequence[str]) -> Report:
        """Return what came of the run."""
        return Report(
            ledger=self.ledger,
            outages=self._outages,
            length=length,
            faults=self._faults,
            timer_runs=timer_runs,
            lost_by_graph=len(self._world.graph.lost),
            was_slow=self._was_slow,
            unfinished=unfinished,
        )

    def _changed(self, change: Change) -> None:
        keys = set(keys_of(change))
        if any(key in keys and change.change_type in change_types for key, change_types in self._watched):
            self.ledger.expect(change)

    def _delivered(self, delivery: Delivery) -> None:
        self.ledger.delivered(delivery)
        self._was_slow |= not delivery.handshake and self._world.graph.health(delivery.url) != "normal"
