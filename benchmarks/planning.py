"""What ``plan`` costs for as many subscriptions as a tenant may have: time, and memory with all that it is given."""

import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from rich.table import Table

from benchmarks.tables import Figure, Target, figures_table
from shared.graph.subscription import GraphSubscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.tracked import Action, AppliedSubscription, TrackedSubscription
from tests.sender import TENANT

# Source: https://learn.microsoft.com/graph/change-notifications-overview#subscription-quotas
SUBSCRIPTIONS = 10_000

_MOST_TIME = timedelta(seconds=1)
_MOST_MEMORY = 200 * 1024 * 1024
_MEBIBYTE = 1024 * 1024

_NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
_URL = "https://app.example/api/ReceiveNotification"
_POLICY = RenewalPolicy(
    notification_url=_URL,
    lifetime=timedelta(days=3),
    renew_after=timedelta(minutes=30),
    client_state_key_id="k1",
    certificate_id="c1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlanInput:
    desired: Sequence[DesiredSubscription]
    tracked: Sequence[TrackedSubscription]
    actual: Sequence[GraphSubscription]

    def planned(self) -> Sequence[Action]:
        return plan(self.desired, self.tracked, self.actual, policy=_POLICY, now=_NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A plan's time, of a processor's work, and how many actions came of it."""

    actions: int
    time: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The cost by what there was to do; ``memory`` is the peak of a plan with its arguments, in bytes."""

    costs: Mapping[str, Cost]
    memory: int
    rounds: int
    subscriptions: int

    @property
    def is_met(self) -> bool:
        """Whether all targets were met."""
        return self.memory <= _MOST_MEMORY and all(cost.time <= _MOST_TIME for cost in self.costs.values())


def measure(*, rounds: int, subscriptions: int) -> Report:
    """Return what it costs where nothing is to be done, and where everything is."""
    ages = {"settled": timedelta(minutes=10), "all to be renewed": timedelta(minutes=31)}
    tracemalloc.start()
    made = _plan_input(subscriptions, age=timedelta(minutes=31))
    made.planned()
    _, memory = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Report(
        costs={name: _cost(_plan_input(subscriptions, age=age), rounds) for name, age in ages.items()},
        memory=memory,
        rounds=rounds,
        subscriptions=subscriptions,
    )


def table(report: Report) -> Table:
    """Return the figures with their targets."""
    figures = [
        Figure(
            name=f"{name}: {cost.actions:,} actions",
            value=f"{cost.time.total_seconds():.2f} s",
            target=Target(text=f"≤ {_MOST_TIME.total_seconds():.0f} s", met=cost.time <= _MOST_TIME),
        )
        for name, cost in report.costs.items()
    ]
    limit = Target(text=f"≤ {_MOST_MEMORY // _MEBIBYTE} MiB", met=report.memory <= _MOST_MEMORY)
    memory = Figure(name="peak memory", value=f"{report.memory / _MEBIBYTE:,.0f} MiB", target=limit)
    caption = f"Medians of {report.rounds}, in processor time. Memory includes the rows and the list that are compared."
    return figures_table(f"plan() for {report.subscriptions:,} subscriptions", [*figures, memory], caption=caption)


def _cost(plan_input: _PlanInput, number: int) -> Cost:
    rounds = [_timed(plan_input) for _ in range(number)]
    return Cost(actions=rounds[0].actions, time=timedelta(seconds=median(each.time.total_seconds() for each in rounds)))


def _timed(plan_input: _PlanInput) -> Cost:
    began = time.thread_time()
    actions = plan_input.planned()
    return Cost(actions=len(actions), time=timedelta(seconds=time.thread_time() - began))


def _plan_input(subscriptions: int, *, age: timedelta) -> _PlanInput:
    """Return what to plan for when every subscription was renewed ``age`` ago."""
    desired = [_desired(number) for number in range(subscriptions)]
    return _PlanInput(
        desired=desired,
        tracked=[_tracked(each, str(number), age) for number, each in enumerate(desired)],
        actual=[_subscription(each, str(number)) for number, each in enumerate(desired)],
    )


def _desired(number: int) -> DesiredSubscription:
    return DesiredSubscription(
        tenant_id=TENANT,
        resource=f"/chats/19:{number:032x}@thread.v2/messages",
        change_types=frozenset({"created", "updated", "deleted"}),
        include_resource_data=True,
    )


def _tracked(desired: DesiredSubscription, subscription_id: str, age: timedelta) -> TrackedSubscription:
    observed = AppliedSubscription(
        subscription_id=subscription_id,
        notification_url=_URL,
        include_resource_data=True,
        certificate_id=_POLICY.certificate_id,
        created_at=_NOW - age,
        renewed_at=_NOW - age,
        proven_at=_NOW - age,
        token_expires_at=_NOW - age + timedelta(hours=1),
        expiration=_NOW + timedelta(days=2),
    )
    return TrackedSubscription(
        desired=desired, applied=observed, client_state_key_id=_POLICY.client_state_key_id, etag="1"
    )


def _subscription(desired: DesiredSubscription, subscription_id: str) -> GraphSubscription:
    return GraphSubscription(
        subscription_id=subscription_id,
        resource=desired.resource,
        change_types=desired.change_types,
        notification_url=_URL,
        lifecycle_notification_url=_URL,
        include_resource_data=True,
        encryption_certificate_id=_POLICY.certificate_id,
        expiration=_NOW + timedelta(days=2),
    )
