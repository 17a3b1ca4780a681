"""Half a day with faults in one call of twenty has no violation, and each omission of the app is one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from sandbox.azurite import Azurite
from shared.graph.subscription import GraphSubscription
from shared.subscriptions.ports import SubscriptionsApi
from shared.subscriptions.tracked import TenantState
from tests.flows.intercepted_calls import InterceptedTable
from tests.simulation.report import Report
from tests.simulation.scenario import Scenario
from tests.simulation.simulation import deployment_for, simulate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("simulation")]

# Half as often as the app's timer runs by default, so that the same time takes half as long.
EVERY = timedelta(minutes=10)
HALF_A_DAY = Scenario(
    span=timedelta(hours=12), every=EVERY, subscriptions=20, tenants=2, removals_every=timedelta(hours=3)
)
# Without faults, what is omitted is all that goes wrong.
CALM = Scenario(
    span=timedelta(hours=2),
    every=EVERY,
    subscriptions=9,
    tenants=1,
    faults=0.0,
    renew_after=timedelta(minutes=40),
    lifetime=timedelta(hours=1),
    removals_every=timedelta(minutes=40),
)


# Long enough for a removal and for what comes of it.
SHORT = replace(CALM, span=timedelta(minutes=80), subscriptions=7)


@dataclass(frozen=True, kw_only=True)
class OmittingGraph:
    """Graph for an app that only pretends to create, to renew or to rotate."""

    graph: SubscriptionsApi
    omits: str

    def token_expires_at(self) -> datetime:
        return self.graph.token_expires_at()

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        return self.graph.list_subscriptions()

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        if self.omits == "creation":
            return GraphSubscription.from_json({**properties, "id": str(uuid4())})
        return self.graph.create_subscription(properties, beta=beta)

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        if self.omits == "renewal":
            return next(each for each in self.graph.list_subscriptions() if each.subscription_id == subscription_id)
        sent = {"expirationDateTime": properties["expirationDateTime"]} if self.omits == "certificate" else properties
        return self.graph.update_subscription(subscription_id, sent, beta=beta)

    def get_subscription(self, subscription_id: str, *, beta: bool) -> GraphSubscription:
        return self.graph.get_subscription(subscription_id, beta=beta)

    def delete_subscription(self, subscription_id: str) -> None:
        self.graph.delete_subscription(subscription_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooSoon(Scenario):
    """The previous client-state key is dropped at the moment of the rotation."""

    @property
    def key_farewell(self) -> int:
        return self.key_rotation


@pytest.mark.timeout(180)  # 8 s where nothing else runs
def test_half_a_day_of_faults_rotations_and_removals_has_no_violation(tmp_path: Path, azurite: Azurite) -> None:
    report = _simulated(tmp_path, azurite, HALF_A_DAY)
    assert report.violations == []
    assert {name.partition(":")[0] for name in report.faults} >= {"Graph", "Key Vault", "table"}
    assert report.faults.total() > 30
    assert report.removed == 3
    assert report.published >= report.delivered > 300
    assert report.done["renewed"] > 20
    assert report.done["rotated"] > 10
    assert report.gaps >= report.removed


def test_simulation_without_faults_has_no_violation(tmp_path: Path, azurite: Azurite) -> None:
    report = _simulated(tmp_path, azurite, CALM)
    assert report.violations == []
    assert report.done["failed"] == report.faults.total() == 0
    assert report.removed == 2


@pytest.mark.parametrize(
    ("omitted", "violation"),
    {
        "creation": "has been missing since",
        "renewal": "expired at",
        "certificate": "has an old certificate",
        "gap": "no gap says so",
    }.items(),
)
def test_app_that_omits_something_has_a_violation(
    tmp_path: Path, azurite: Azurite, omitted: str, violation: str
) -> None:
    assert violation in "\n".join(_simulated(tmp_path, azurite, SHORT, omitted).violations)


def test_key_that_is_dropped_too_soon_has_a_violation(tmp_path: Path, azurite: Azurite) -> None:
    too_soon = TooSoon(span=SHORT.span, every=EVERY, subscriptions=7, tenants=1, faults=0.0)
    assert "these were rejected: {'dropped'" in "\n".join(_simulated(tmp_path, azurite, too_soon).violations)


def _simulated(folder: Path, azurite: Azurite, scenario: Scenario, omitted: str = "") -> Report:
    with deployment_for(scenario, folder, azurite) as deployment:
        deployment.app.around_graph = lambda graph: OmittingGraph(graph=graph, omits=omitted)
        if omitted == "gap":
            deployment.app.around_table = lambda table: InterceptedTable(table=table, intercept=_without_gaps)
        return simulate(deployment, scenario)


def _without_gaps[T](call: Callable[[], T], /) -> T:
    """Read rows as an app does that records no gap."""
    result = call()
    if not isinstance(result, TenantState):
        return result
    tracked = tuple(replace(row, missed_interval=None) for row in result.tracked)
    return cast("T", replace(result, tracked=tracked))
