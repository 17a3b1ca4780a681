"""Graph's lifecycle events: recorded on their row, published, and acted upon by the next run.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.subscriptions.tracked import Activity, TrackedSubscription
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import BOTH, CHATS, MESSAGES

pytestmark = pytest.mark.slow

CHATS_ROW, MESSAGES_ROW = "/chats", "/chats/getAllMessages"


def _id(row: TrackedSubscription) -> str:
    assert row.applied is not None
    return row.applied.subscription_id


def _run(deployment: LoopbackDeployment) -> Mapping[str, int]:
    """Run the timer, and renew nothing for another reason than a lifecycle event."""
    return deployment.app.run(replace(deployment.app.reconciler(), renew_after=timedelta(hours=10)))


def _subscribe(deployment: LoopbackDeployment) -> tuple[TrackedSubscription, TrackedSubscription]:
    """Return the rows of messages and of chats."""
    deployment.app.entries = [MESSAGES, CHATS]
    deployment.run()
    deployment.later(minutes=20)
    return deployment.row(MESSAGES_ROW), deployment.row(CHATS_ROW)


def test_reauthorization_request_is_recorded_published_and_met_by_renewal(
    deployment: LoopbackDeployment,
) -> None:
    """Graph requests it a quarter of an hour before its access token expires."""
    _subscribe(deployment)
    deployment.later(minutes=20)
    assert _run(deployment) == {}
    deployment.later(minutes=6)
    assert deployment.event_types() == ["SubscriptionReauthorizationRequired"] * 2
    assert all(row.activity.reauthorization_required_at for row in deployment.rows())
    renewals = len(deployment.writes())
    assert _run(deployment) == {"renewed": 2}
    assert deployment.writes()[renewals:] == ["PATCH", "PATCH"]
    assert _run(deployment) == {}


def test_removed_subscription_is_recorded_published_and_recreated(deployment: LoopbackDeployment) -> None:
    messages, chats = _subscribe(deployment)
    deployment.remove_subscription(_id(messages))
    deployment.settle()
    assert deployment.event_types() == ["SubscriptionRemoved"]
    activity = deployment.row(MESSAGES_ROW).activity
    assert activity.removed_at is not None
    assert deployment.row(CHATS_ROW).activity == Activity()
    assert _run(deployment) == {"checked": 1}
    recreated = deployment.row(MESSAGES_ROW)
    assert _id(recreated) != _id(messages)
    assert recreated.missed_interval is not None
    assert recreated.missed_interval.since <= activity.removed_at
    assert recreated.activity == Activity()
    assert _id(deployment.row(CHATS_ROW)) == _id(chats)
    assert _run(deployment) == {}


def test_missed_notifications_are_recorded_published_and_leave_a_gap(
    deployment: LoopbackDeployment,
) -> None:
    messages, _ = _subscribe(deployment)
    deployment.do(lambda: deployment.graph.announce_missed(_id(messages)))
    deployment.settle()
    assert deployment.event_types() == ["SubscriptionMissed"]
    row = deployment.row(MESSAGES_ROW)
    missed_at = row.activity.missed_at
    assert missed_at is not None
    assert row.applied is not None
    assert _run(deployment) == {"renewed": 1}
    gap = deployment.row(MESSAGES_ROW).missed_interval
    assert gap is not None
    assert (gap.since, gap.until) == (row.applied.renewed_at - timedelta(hours=4), missed_at)
    assert deployment.row(CHATS_ROW).missed_interval is None
    assert _run(deployment) == {}


def test_notifications_of_three_hours_are_all_published(deployment: LoopbackDeployment) -> None:
    """Graph must not be asked to reauthorize and to renew one subscription within ten minutes."""
    deployment.app.entries = BOTH
    chat, texts = deployment.new_chat(), []
    for number in range(3 * 6):
        deployment.run()
        texts.append(f"message {number}")
        deployment.send(texts[-1], chat=chat)
        deployment.later(minutes=10)
    # What meets an access token that has just expired waits at Graph until the next renewal.
    assert sorted(deployment.texts()) == sorted(texts)
    assert deployment.graph.hasty == ()
    assert deployment.graph.lost == ()
    assert [(row.missed_interval, row.failure) for row in deployment.rows()] == [(None, None)] * 2
