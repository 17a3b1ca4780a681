"""As many renewals as a tenant may have subscriptions, against the sandbox's Graph with its throttle on.

The sandbox's clock is the app's, so that nobody sleeps: who waits for the pace moves the clock. One subscription is
made as the app makes it; Graph is then given copies of it, and the table copies of its row, 100 in a transaction,
because 10,000 handshakes would take longer than all the rest.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import batched
from pathlib import Path
from uuid import uuid4

from rich.table import Table

from benchmarks.planning import SUBSCRIPTIONS
from benchmarks.tables import Figure, Target, figures_table
from sandbox.azurite import Azurite
from sandbox.graph import Subscription
from shared.subscriptions.reconcile import Reconciler
from shared.subscriptions.subscription_table import TABLE, to_entity
from shared.subscriptions.tracked import TrackedSubscription
from tests.flows.deployment import LoopbackDeployment, loopback_deployment
from tests.sandbox.background import Background

# Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits
_MOST_WRITES = 500

_AGE = timedelta(minutes=31)
_EVERY = timedelta(minutes=5)
# What is paced needs three runs or four.
_MOST_RUNS = 8
_IN_A_TRANSACTION = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``peaks`` are the most requests within 20 s of the sandbox's time, ``refused`` the 429s, both by kind."""

    runs: Sequence[Mapping[str, int]]
    peaks: Counter[str]
    refused: Counter[str]
    sandbox_time: timedelta
    wall_time: timedelta

    @property
    def renewed(self) -> int:
        """How many subscriptions have been renewed."""
        return sum(run.get("renewed", 0) for run in self.runs)

    @property
    def is_met(self) -> bool:
        """Whether every subscription was renewed once, within Graph's limits."""
        return self.renewed == SUBSCRIPTIONS and not self.refused.total() and self.peaks["write"] <= _MOST_WRITES


def measure(folder: Path) -> Report:
    """Return the figures of a world that is started in ``folder`` and stopped again."""
    azurite, background = Azurite(), Background()
    background.run(azurite.start())
    try:
        with loopback_deployment(folder, azurite) as made:
            return _renewed(made, _full(made))
    finally:
        background.run(azurite.stop())
        background.close()


def table(report: Report) -> Table:
    """Return the figures with their targets."""
    refused, most = report.refused.total(), report.peaks["write"]
    all_once = Target(text=f"{SUBSCRIPTIONS:,}", met=report.renewed == SUBSCRIPTIONS)
    figures = [
        Figure(name="renewed, each once", value=f"{report.renewed:,}", target=all_once),
        Figure(name="answers of 429", value=f"{refused}", target=Target(text="0", met=refused == 0)),
        Figure(
            name="writes in 20 s, at most",
            value=f"{most}",
            target=Target(text=f"≤ {_MOST_WRITES}", met=most <= _MOST_WRITES),
        ),
        Figure(name="pages of the list in 20 s, at most", value=f"{report.peaks['list']}"),
        Figure(name="runs of the timer", value=f"{len(report.runs)}"),
        Figure(name="time of the sandbox", value=f"{report.sandbox_time.total_seconds():,.0f} s"),
        Figure(name="time of this machine", value=f"{report.wall_time.total_seconds():,.0f} s"),
    ]
    caption = "Graph bears 500 writes and 25 pages in 20 s. A run begins nothing after 4 minutes; the next one goes on."
    return figures_table(f"Renewing {SUBSCRIPTIONS:,} subscriptions of one tenant", figures, caption=caption)


def _full(made: LoopbackDeployment) -> Reconciler:
    """Return what runs need, when everything that is tracked is due for renewal."""
    resource = f"/chats/{made.new_chat()[1]}/messages"
    made.app.entries = [{"resource": resource, "changeType": "created,updated,deleted", "includeResourceData": True}]
    made.run()
    [model], [row] = made.subscriptions(), made.rows()
    ids = [str(uuid4()) for _ in range(SUBSCRIPTIONS - 1)]
    copies = [_copy(model, number, id_) for number, id_ in enumerate(ids)]
    made.do(lambda: _add(made, copies))
    _keep(made, [_copy_of_row(row, each) for each in copies])
    made.clock.advance(_AGE)
    # With a token that lasts through all runs. All copies are wanted by their rows alone, as what the command line has
    # added.
    made.app.restart()
    return made.app.reconciler()


def _copy(model: Subscription, number: int, subscription_id: str) -> Subscription:
    path = f"chats/19:{number:032x}@thread.v2/messages"
    return replace(model, id=subscription_id, resource=f"/{path}", key=path)


def _copy_of_row(row: TrackedSubscription, copy: Subscription) -> TrackedSubscription:
    if row.applied is None:
        raise RuntimeError("the first subscription has not been made")
    observed = replace(row.applied, subscription_id=copy.id)
    return replace(row, desired=replace(row.desired, resource=copy.resource), added_by="cli", applied=observed)


def _add(made: LoopbackDeployment, copies: Sequence[Subscription]) -> None:
    for each in copies:
        made.graph.add_subscription(each)


def _keep(made: LoopbackDeployment, rows: Sequence[TrackedSubscription]) -> None:
    kept = made.app.clients.tables().get_table_client(TABLE)
    for some in batched(rows, _IN_A_TRANSACTION, strict=False):
        kept.submit_transaction([("create", to_entity(row)) for row in some])


def _renewed(made: LoopbackDeployment, reconciler: Reconciler) -> Report:
    throttle, clock = made.graph.throttle, made.clock
    throttle.peaks.clear()
    throttle.refused.clear()
    began, began_here = clock.now(), time.monotonic()
    runs: list[Mapping[str, int]] = []
    while not runs or (runs[-1].get("postponed") and len(runs) < _MOST_RUNS):
        due = began + len(runs) * _EVERY
        clock.advance(max(timedelta(), due - clock.now()))
        runs.append(reconciler.run())
    return Report(
        runs=runs,
        peaks=throttle.peaks.copy(),
        refused=throttle.refused.copy(),
        sandbox_time=clock.now() - began,
        wall_time=timedelta(seconds=time.monotonic() - began_here),
    )
