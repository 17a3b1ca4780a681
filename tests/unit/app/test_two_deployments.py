"""Two deployments on one storage account, with Graph and the tables in memory: who renews what, and with which key."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.renew_subscriptions import renew
from shared.settings import ClientStateKey
from shared.subscriptions.deployment import Deployment, change_status
from shared.subscriptions.deployment_status import WantedNone
from tests.fakes.deployments import FACTS, MINUTE, ROTATED, deployment
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture
from tests.fakes.status_table import InMemoryStatusTable
from tests.sender import PREVIOUS_STATE_KEY, STATE_KEY, TENANT

FIRST, SECOND = "https://first.example/api/ReceiveNotification", "https://second.example/api/ReceiveNotification"


class Account:
    """A storage account and a Graph, with the deployments that share both."""

    def __init__(self) -> None:
        self.world = ReconcileFixture(RICH, BASIC, tenants=[TENANT])
        self.table = InMemoryStatusTable(self.world.clock)

    def started(self, url: str = FIRST, *keys: ClientStateKey) -> Deployment:
        facts = replace(FACTS, notification_url=url)
        return deployment(self.table, self.world.clock, url, facts=facts, keys=keys or (STATE_KEY,))

    def run(self, of: Deployment) -> Mapping[str, int]:
        """Run the first step of a deployment's timer; return its counts."""
        self.world.url = of.facts.notification_url
        return dict(renew(of.begin_run(), self.world.reconciler, self.world.clock.now() + 9 * MINUTE))

    def pass_by(self, minutes: int) -> None:
        self.world.clock.pass_by(minutes * MINUTE)

    def urls(self) -> set[str]:
        return {each["notificationUrl"].partition("?")[0] for each in self.world.graph.stored.values()}

    def keys(self) -> set[str]:
        return {each["notificationUrl"].partition("key=")[2] for each in self.world.graph.stored.values()}


@pytest.mark.slow
def test_first_of_two_deployments_goes_on_renewing_for_days() -> None:
    """Two deployments on one storage account that both run for days."""
    account = Account()
    first, second = account.started(FIRST), account.started(SECOND)
    assert account.run(first) == {"created": 2}
    for _ in range(2 * 24 * 12):
        account.pass_by(5)
        assert set(account.run(first)) <= {"renewed"}
        assert account.run(second) == {}
    assert account.urls() == {FIRST}


def test_planned_move_ends_with_the_subscriptions_of_the_second() -> None:
    """A planned move: the second deployment takes over after 15 silent minutes."""
    account = Account()
    first, second = account.started(FIRST), account.started(SECOND)
    account.run(first)
    counts = []
    for _ in range(4):
        counts.append(account.run(second))
        account.pass_by(5)
    assert counts == [{}, {}, {}, {"recreated": 2}]
    assert account.urls() == {SECOND}
    assert account.run(first) == {}


def test_rotation_recreates_subscriptions_once_the_key_is_known() -> None:
    """Two generations of settings for ten minutes, with a new key."""
    account = Account()
    account.run(account.started(FIRST, STATE_KEY))
    rotated, counts = account.started(FIRST, *ROTATED), []
    for _ in range(5):
        counts.append(account.run(rotated))
        account.pass_by(5)
    assert [sorted(each) for each in counts] == [[], [], [], ["recreated"], []]
    assert account.keys() == {PREVIOUS_STATE_KEY.key_id}


def test_wanted_none_deletes_all_until_it_is_restored() -> None:
    account = Account()
    started = account.started()
    account.run(started)
    none = WantedNone(version=FACTS.version, file_hash=FACTS.file_hash)
    change_status(account.table, FIRST, lambda row: replace(row, wanted_none=none))
    assert account.run(started) == {"deleted": 2}
    assert account.run(started) == {}
    change_status(account.table, FIRST, lambda row: replace(row, wanted_none=None))
    assert account.run(started) == {"created": 2}


def test_requested_renewal_renews_what_is_not_due() -> None:
    account = Account()
    started = account.started()
    account.run(started)
    change_status(account.table, FIRST, lambda row: replace(row, renew_requested_at=account.world.clock.now()))
    assert account.run(started) == {"renewed": 2}
    account.world.clock.pass_by(timedelta(minutes=5))
    assert account.run(started) == {}
