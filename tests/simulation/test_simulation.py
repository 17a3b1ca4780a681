"""Half a day with faults in one call of twenty: the laws hold, and each that is broken on purpose is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sandbox.azurite import Azurite
from shared.graph.subscription import GraphSubscription
from shared.subscriptions.apply import SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.tracked import AccountStatus, TenantState, TrackedSubscription
from tests.flows.app import App
from tests.flows.world import world
from tests.simulation.report import Report
from tests.simulation.scenario import Scenario
from tests.simulation.story import simulate

pytestmark = pytest.mark.slow

# Half as often as the app's timer runs by default, so that the same time takes half as long.
EVERY = timedelta(minutes=10)
HALF_A_DAY = Scenario(
    span=timedelta(hours=12), every=EVERY, subscriptions=20, tenants=2, removals_every=timedelta(hours=3)
)
# Without faults, what is broken on purpose is all that there is.
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
SHORT = replace(CALM, span=timedelta(minutes=80))


@dataclass(frozen=True, kw_only=True)
class HalfHearted:
    """Graph, as seen by an app that only pretends to create, to renew or to rotate."""

    graph: SubscriptionsApi
    omits: str

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
        kept = {"expirationDateTime": properties["expirationDateTime"]} if self.omits == "certificate" else properties
        return self.graph.update_subscription(subscription_id, kept, beta=beta)

    def delete_subscription(self, subscription_id: str) -> None:
        self.graph.delete_subscription(subscription_id)


@dataclass(frozen=True, kw_only=True)
class Forgetful:
    """The table, as read by an app that has no word for gaps."""

    table: TrackedSubscriptions

    def load(self, tenant_id: str) -> TenantState:
        rows = self.table.load(tenant_id)
        return replace(rows, tracked=tuple(replace(row, missed_interval=None) for row in rows.tracked))

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        return self.table.save(row)

    def delete(self, row: TrackedSubscription) -> None:
        self.table.delete(row)

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        self.table.delete_activity(tenant_id, subscription_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooSoon(Scenario):
    """The previous client-state key is dropped in the moment in which there is another one."""

    @property
    def key_farewell(self) -> int:
        return self.key_rotation


def _forget_gaps(app: App) -> None:
    app.around_table = lambda table: Forgetful(table=table)


def _omit(app: App, what: str) -> None:
    app.around_graph = lambda graph: HalfHearted(graph=graph, omits=what)


@pytest.mark.timeout(180)  # 8 s where nothing else runs
def test_half_a_day_of_faults_rotations_and_removals_breaks_no_law(tmp_path: Path, azurite: Azurite) -> None:
    report = _simulated(tmp_path, azurite, HALF_A_DAY)
    assert report.broken == []
    assert {name.partition(":")[0] for name in report.faults} >= {"Graph", "Key Vault", "table"}
    assert report.faults.total() > 30
    assert report.removed == 3
    assert report.published >= report.delivered > 300
    assert report.done["renewed"] > 20
    assert report.done["rotated"] > 10
    assert report.gaps >= report.removed


def test_a_calm_simulation_breaks_no_law(tmp_path: Path, azurite: Azurite) -> None:
    report = _simulated(tmp_path, azurite, CALM)
    assert report.broken == []
    assert report.done["failed"] == report.faults.total() == 0
    assert report.removed == 2


@pytest.mark.parametrize(
    ("omitted", "told"),
    {
        "creation": "has been missing since",
        "renewal": "lapsed at",
        "certificate": "has an old certificate",
    }.items(),
)
def test_an_app_that_omits_something_breaks_a_law(tmp_path: Path, azurite: Azurite, omitted: str, told: str) -> None:
    assert told in _broken(tmp_path, azurite, SHORT, omitted)


def test_an_app_that_records_no_gap_breaks_a_law(tmp_path: Path, azurite: Azurite) -> None:
    assert "no gap says so" in _broken(tmp_path, azurite, SHORT, "gap")


def test_a_key_that_is_dropped_too_soon_breaks_a_law(tmp_path: Path, azurite: Azurite) -> None:
    too_soon = TooSoon(span=CALM.span, every=EVERY, subscriptions=9, tenants=1, faults=0.0)
    assert "these were rejected: {'client-state'" in _broken(tmp_path, azurite, too_soon)


def _broken(folder: Path, azurite: Azurite, scenario: Scenario, omitted: str = "") -> str:
    return "\n".join(_simulated(folder, azurite, scenario, omitted).broken)


def _simulated(folder: Path, azurite: Azurite, scenario: Scenario, omitted: str = "") -> Report:
    with world(folder, azurite, tenants=scenario.tenants, token_lifetime=scenario.token_lifetime) as made:
        if omitted == "gap":
            _forget_gaps(made.app)
        elif omitted:
            _omit(made.app, omitted)
        return simulate(made, scenario)
