"""Subscriptions at Graph that no row knows: another deployment's, made by hand, or from before the table was lost."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.serving import Fault
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import BOTH, CHATS, MESSAGES, TEAMS

pytestmark = pytest.mark.slow

# A list that is not up to date yet, so that a subscription is created that exists already (409).
NOTHING_LISTED = Fault(path="/subscriptions$", method="GET", status=200, body=b'{"value": []}', times=1)


def _tracked_ids(deployment: LoopbackDeployment) -> set[str]:
    return {row.applied.subscription_id for row in deployment.rows() if row.applied}


@pytest.mark.parametrize(
    ("is_listed", "done", "writes"),
    [
        pytest.param(True, {"adopted": 2}, ["PATCH", "PATCH"], id="listed"),
        pytest.param(False, {"created": 2}, ["PATCH", "PATCH", "POST", "POST"], id="409"),
    ],
)
def test_subscriptions_of_a_lost_table_are_adopted_and_authenticate(
    deployment: LoopbackDeployment,
    is_listed: bool,  # noqa: FBT001  a parameter of the test
    done: dict[str, int],
    writes: list[str],
) -> None:
    deployment.app.entries = BOTH
    deployment.run()
    before, since = deployment.subscription_ids(), len(deployment.writes())
    deployment.app.lose_table()
    version = deployment.vault.create_certificate(deployment.app.settings.encryption_certificate_name or "")
    if not is_listed:
        deployment.graph_service.faults.add(NOTHING_LISTED)
    assert deployment.run() == done
    assert sorted(deployment.writes()[since:]) == writes
    assert deployment.subscription_ids() == before == _tracked_ids(deployment)
    assert [row.failure for row in deployment.rows()] == [None, None]
    assert {each.certificate_id for each in deployment.subscriptions() if each.is_rich} == {version}
    assert deployment.run() == {}
    deployment.send("notified")
    assert deployment.texts() == ["notified"]
    assert [(receipt.dropped, receipt.problems) for receipt in deployment.app.receipts] == [(0, {})]


def test_subscription_without_lifecycle_url_is_recreated(deployment: LoopbackDeployment) -> None:
    """A lifecycle URL cannot be added by a PATCH.

    Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
    """
    without_url = deployment.subscribe_by_hand(lifecycleNotificationUrl=None)
    deployment.app.entries = [TEAMS]
    assert deployment.run() == {"recreated": 1}
    [subscription] = deployment.subscriptions()
    assert subscription.id != without_url
    assert subscription.lifecycle_notification_url == deployment.app.settings.notification_url
    assert deployment.run() == {}


@pytest.mark.parametrize("entries", [[TEAMS], []], ids=["desired here as well", "desired there only"])
def test_subscription_of_another_deployment_is_left_alone(deployment: LoopbackDeployment, entries: list[Any]) -> None:
    theirs = deployment.subscribe_by_hand(notificationUrl=f"{deployment.endpoint_service.url}/another/app")
    deployment.app.entries = entries
    assert deployment.run() == ({"failed": 1} if entries else {})
    assert deployment.subscription_ids() == {theirs}
    assert not entries or f"Subscription Id {theirs} already exists" in deployment.failure("/teams")


def test_two_runs_at_once_subscribe_once(deployment: LoopbackDeployment) -> None:
    deployment.app.entries = [MESSAGES, CHATS, TEAMS]
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(deployment.app.run) for _ in range(2)]:
            run.result()
    deployment.later(minutes=5)
    deployment.run()
    assert len(deployment.subscriptions()) == 3
    assert deployment.subscription_ids() == _tracked_ids(deployment)
    assert [row.failure for row in deployment.rows()] == [None] * 3
    assert deployment.run() == {}
