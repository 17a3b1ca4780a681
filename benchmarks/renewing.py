"""As many renewals as a tenant may have subscriptions, against the sandbox's Graph with its throttle on.

The sandbox's clock is the app's, and runs faster than this machine's. Who waits for the pace really waits: renewals and
the pages of the list wait beside each other. One subscription is made as the app makes it; Graph is then given copies
of it, and the table copies of its row, 100 in a transaction, because 10,000 handshakes would take longer than the rest.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import override
from uuid import uuid4

from rich.table import Table

from benchmarks.apps.storage_stub import StorageStub
from benchmarks.tables import Figure, Target, figures_table
from sandbox.clock import Clock
from sandbox.graph import Subscription
from shared.subscriptions.reconcile import Reconciler
from shared.subscriptions.subscription_table import TABLE, to_entity
from shared.subscriptions.tracked import TrackedSubscription
from tests.flows.app import SandboxTime
from tests.flows.deployment import LoopbackDeployment, loopback_deployment
from tests.sandbox.background import Background

# Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits
_MOST_WRITES = 500

_WINDOW = timedelta(seconds=20)
# Of the time that the limit allows; a short run has a part that does not depend on the number.
_MOST_OF_THE_LIMIT = 1.15
_SHORTEST = timedelta(seconds=40)

_AGE = timedelta(minutes=31)
_EVERY = timedelta(minutes=5)
# What is paced needs three runs or four.
_MOST_RUNS = 8
_IN_A_TRANSACTION = 100
# A renewal takes this process 15 ms, with the sandbox's Graph, and the pace is one in 44.
_FASTER = 2
_TICK_SECONDS = 0.005


class _FastTime(SandboxTime):
    """A clock that others move: to sleep is to wait for it."""

    @override
    def sleep_until(self, moment: datetime) -> None:
        while (left := moment - self.now()) > timedelta():
            time.sleep(min(left.total_seconds() / _FASTER, 1))


@contextmanager
def _fast(clock: Clock) -> Iterator[None]:
    """Let time pass faster meanwhile."""
    is_over = threading.Event()

    def tick() -> None:
        last = time.monotonic()
        while not is_over.wait(_TICK_SECONDS):
            now = time.monotonic()
            clock.advance(timedelta(seconds=(now - last) * (_FASTER - 1)))
            last = now

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        yield
    finally:
        is_over.set()
        ticking.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``peaks`` are the most requests within 20 s of the sandbox's time, ``refused`` the 429s, both by kind."""

    subscriptions: int
    runs: Sequence[Mapping[str, int]]
    peaks: Counter[str]
    refused: Counter[str]
    sandbox_time: timedelta
    wall_time: timedelta
    processor_time: timedelta

    @property
    def milliseconds(self) -> float:
        """Processor time of a renewal."""
        return self.processor_time / timedelta(milliseconds=1) / max(1, self.renewed)

    @property
    def renewed(self) -> int:
        """How many subscriptions have been renewed."""
        return sum(run.get("renewed", 0) for run in self.runs)

    @property
    def is_met(self) -> bool:
        """Whether every subscription was renewed once, within Graph's limits."""
        return (
            self.renewed == self.subscriptions
            and len(self.runs) == 1
            and self.sandbox_time <= self.most_time
            and not self.refused.total()
            and self.peaks["write"] <= _MOST_WRITES
        )

    @property
    def most_time(self) -> timedelta:
        """What Graph's limit allows at best, and a little more."""
        return max(_SHORTEST, _MOST_OF_THE_LIMIT * self.subscriptions * _WINDOW / _MOST_WRITES)


def measure(folder: Path, *, subscriptions: int) -> Report:
    """Return the figures of a world that is started in ``folder`` and stopped again."""
    azurite, background = StorageStub(), Background()
    background.run(azurite.start())
    try:
        with loopback_deployment(folder, azurite) as made:
            reconciler = _full(made, subscriptions)
            with _fast(made.clock):
                return _renewed(made, reconciler, subscriptions)
    finally:
        background.run(azurite.stop())
        background.close()


def table(report: Report) -> Table:
    """Return the figures with their targets."""
    refused, most = report.refused.total(), report.peaks["write"]
    runs, most_time = len(report.runs), report.most_time
    all_once = Target(text=f"{report.subscriptions:,}", met=report.renewed == report.subscriptions)
    figures = [
        Figure(name="renewed, each once", value=f"{report.renewed:,}", target=all_once),
        Figure(name="answers of 429", value=f"{refused}", target=Target(text="0", met=refused == 0)),
        Figure(
            name="writes in 20 s, at most",
            value=f"{most}",
            target=Target(text=f"≤ {_MOST_WRITES}", met=most <= _MOST_WRITES),
        ),
        Figure(name="pages of the list in 20 s, at most", value=f"{report.peaks['list']}"),
        Figure(name="runs of the timer", value=f"{runs}", target=Target(text="1", met=runs == 1)),
        Figure(
            name="time of the sandbox",
            value=_seconds(report.sandbox_time),
            target=Target(text=f"≤ {_seconds(most_time)}", met=report.sandbox_time <= most_time),
        ),
        Figure(name="time of this machine", value=_seconds(report.wall_time)),
        Figure(name="processor time of a renewal, with the sandbox's Graph", value=f"{report.milliseconds:.2f} ms"),
    ]
    caption = (
        "Graph bears 500 writes and 25 pages in 20 s."
        f" The sandbox's clock runs {_FASTER} times as fast as this machine's."
    )
    return figures_table(f"Renewing {report.subscriptions:,} subscriptions of one tenant", figures, caption=caption)


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():,.0f} s"


def _full(made: LoopbackDeployment, subscriptions: int) -> Reconciler:
    """Return what runs need, when everything that is tracked is due for renewal."""
    resource = f"/chats/{made.new_chat()[1]}/messages"
    made.app.entries = [{"resource": resource, "changeType": "created,updated,deleted", "includeResourceData": True}]
    made.run()
    [model], [row] = made.subscriptions(), made.rows()
    ids = [str(uuid4()) for _ in range(subscriptions - 1)]
    copies = [_copy(model, number, id_) for number, id_ in enumerate(ids)]
    made.do(lambda: _add(made, copies))
    _keep(made, [_copy_of_row(row, each) for each in copies])
    made.clock.advance(_AGE)
    # With a token that lasts through all runs. All copies are wanted by their rows alone, as what the command line has
    # added.
    made.app.time = _FastTime(made.clock)
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


def _renewed(made: LoopbackDeployment, reconciler: Reconciler, subscriptions: int) -> Report:
    throttle, clock = made.graph.throttle, made.clock
    throttle.peaks.clear()
    throttle.refused.clear()
    began, began_here, processor = clock.now(), time.monotonic(), time.process_time()
    runs: list[Mapping[str, int]] = []
    while not runs or (runs[-1].get("postponed") and len(runs) < _MOST_RUNS):
        due = began + len(runs) * _EVERY
        clock.advance(max(timedelta(), due - clock.now()))
        runs.append(reconciler.run())
    return Report(
        subscriptions=subscriptions,
        runs=runs,
        peaks=throttle.peaks.copy(),
        refused=throttle.refused.copy(),
        sandbox_time=clock.now() - began,
        wall_time=timedelta(seconds=time.monotonic() - began_here),
        processor_time=timedelta(seconds=time.process_time() - processor),
    )
