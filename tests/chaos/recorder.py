"""What is recorded during a chaos run: the changes in Teams, Graph's POSTs, the events in the queue, and the faults."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.graph import Delivery
from sandbox.graph.matching import keys_of
from sandbox.ledger import Ledger
from sandbox.run.queue_consumer import Event
from sandbox.run.world import World
from sandbox.teams import Change
from tests.chaos import plan
from tests.chaos.deployment import Deployment
from tests.chaos.duplicates import Lost, Outage
from tests.chaos.plan import PlannedFault
from tests.chaos.report import Report


class Recorder:
    """Keeps the ledger of one world, from ``watch`` on."""

    def __init__(self, world: World) -> None:
        self.ledger = Ledger(world.clock)
        self._world = world
        self._watched: list[tuple[str, str, frozenset[str]]] = []
        self._strange_items = 0
        self._strange_ids: set[str] = set()
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
        self._watched = [(each.tenant_id, each.key, each.change_types) for each in subscriptions if each.is_rich]
        self._world.graph.on_delivery(self._delivered)
        self._world.teams.listen(self._changed)

    def arrived(self, event: Event) -> None:
        """Record an event from the queue."""
        self.ledger.arrived(event, event.inserted_on)

    def ended(self, fault: PlannedFault, since: datetime) -> None:
        """Record a fault that is over."""
        self._faults[str(fault)] += 1
        times = [(since, self._world.clock.now())]
        if fault.restarts_the_app:
            self.unanswered(Lost.PROCESS, times)
        if fault.whom in {"tables", plan.STORAGE}:
            self.unanswered(Lost.TABLE, times)
        if fault.whom == "Graph":
            self.unanswered(Lost.GRAPH, times)

    def unanswered(self, lost: Lost, times: Iterable[tuple[datetime, datetime]]) -> None:
        """Record when the app got no answer from its queue, which may have taken what it was sent, or the table."""
        self._outages += [Outage(lost=lost, since=since, until=until) for since, until in times]

    def report(self, deployment: Deployment, *, length: timedelta, unfinished: Sequence[str]) -> Report:
        """Return what came of the run."""
        graph = self._world.graph
        return Report(
            ledger=self.ledger,
            outages=self._outages,
            length=length,
            faults=self._faults,
            timer_runs=deployment.runs,
            met={
                "items of strangers": self._strange_items,
                "lists that forgot": graph.listing.forgetful,
                "requests refused in a tenant": graph.denial.refused.total(),
                "requests to a silent vault": deployment.relays["Key Vault"].swallowed,
                "moves to another URL": deployment.addresses.changes,
            },
            strange_ids=self._strange_ids,
            asked_again=graph.asked_again,
            lost_by_graph=len(graph.lost),
            was_slow=self._was_slow,
            unfinished=unfinished,
            # Of the last five minutes.
            load=os.getloadavg()[1],
            cores=os.process_cpu_count() or 1,
        )

    def _changed(self, change: Change) -> None:
        keys = set(keys_of(change))
        if any(
            tenant_id == change.tenant_id and key in keys and change.change_type in change_types
            for tenant_id, key, change_types in self._watched
        ):
            self.ledger.expect(change)

    def _delivered(self, delivery: Delivery) -> None:
        ours = self._world.registration.client_id
        items = tuple(item for item in delivery.items if item.subscription.application_id == ours)
        self._strange_items += len(delivery.items) - len(items)
        self._strange_ids |= {item.subscription.id for item in delivery.items if item not in items}
        self.ledger.delivered(replace(delivery, items=items))
        self._was_slow |= not delivery.handshake and self._world.graph.health(delivery.url) != "normal"
