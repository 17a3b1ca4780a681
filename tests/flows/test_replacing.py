"""Subscriptions that have to be replaced by others: lost, expired, or desired with other properties."""

from datetime import timedelta

import pytest

from sandbox.serving import Fault
from shared.subscriptions.delivery import AFTER_OUTAGE
from shared.subscriptions.tracked import AppliedSubscription, MissedInterval
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import BOTH, CHATS, MESSAGES, TEAMS, basic, messages_in

pytestmark = pytest.mark.slow

MESSAGES_ROW = "/chats/getAllMessages"
# What a run takes on a busy machine.
A_MOMENT = timedelta(seconds=30)


def _applied(deployment: LoopbackDeployment, resource: str) -> AppliedSubscription:
    applied = deployment.row(resource).applied
    assert applied is not None
    return applied


def _missed_interval(deployment: LoopbackDeployment, resource: str) -> MissedInterval:
    interval = deployment.row(resource).missed_interval
    assert interval is not None
    return interval


def test_subscription_missing_in_the_list_is_recreated_at_its_renewal(deployment: LoopbackDeployment) -> None:
    """The list may be out of date for hours: only a 404 says that a subscription is gone."""
    deployment.app.entries = BOTH
    deployment.run()
    renewed_at = _applied(deployment, "/teams").renewed_at
    deployment.later(minutes=20)
    deployment.remove_subscription(_applied(deployment, "/teams").subscription_id)
    assert deployment.run() == {}
    deployment.later(minutes=11)
    assert deployment.run() == {"renewed": 2}
    assert _missed_interval(deployment, "/teams").since == renewed_at
    assert deployment.run() == {}


def test_subscriptions_that_expired_while_the_app_was_down_are_recreated(deployment: LoopbackDeployment) -> None:
    deployment.app.entries = BOTH
    deployment.run()
    expired = {row.key: row.applied.expiration for row in deployment.rows() if row.applied}
    deployment.later(days=4)
    assert deployment.subscriptions() == []
    assert deployment.run() == {"created": 2}
    assert all(row.missed_interval and row.missed_interval.since <= expired[row.key] for row in deployment.rows())
    deployment.send("notified again")
    assert deployment.texts() == ["notified again"]


def test_other_change_types_are_subscribed_within_the_quota_of_a_chat(deployment: LoopbackDeployment) -> None:
    """Graph grants an app one subscription to a chat.

    Source: https://learn.microsoft.com/graph/change-notifications-overview#subscription-quotas
    """
    chat = deployment.new_chat()
    deployment.app.entries = [messages_in(chat, "created")]
    deployment.run()
    deployment.app.entries = [messages_in(chat, "created,updated")]
    assert deployment.run() == {"created": 1, "deleted": 1}
    assert [each.change_types for each in deployment.subscriptions()] == [{"created", "updated"}]
    assert [(row.desired.change_type, row.failure) for row in deployment.rows()] == [("created,updated", None)]
    deployment.send("in this very chat", chat=chat)
    assert deployment.texts() == ["in this very chat"]
    assert deployment.run() == {}


def test_resource_data_are_switched_on_and_off_by_recreation(deployment: LoopbackDeployment) -> None:
    """Source: https://learn.microsoft.com/graph/api/subscription-update (includeResourceData cannot be changed)."""
    deployment.app.entries = [basic(MESSAGES)]
    deployment.run()
    chat = deployment.new_chat()
    for entry, rich in ((MESSAGES, True), (basic(MESSAGES), False)):
        deployment.app.entries = [entry]
        assert deployment.run() == {"recreated": 1}
        assert [each.is_rich for each in deployment.subscriptions()] == [rich]
        assert _missed_interval(deployment, MESSAGES_ROW).until is not None
        deployment.send(f"rich: {rich}", chat=chat)
        assert deployment.run() == {}
    assert deployment.texts() == ["rich: True"]
    assert deployment.event_types() == ["ChatMessageCreated"] * 2


def test_changed_notification_url_recreates_subscriptions_with_both_urls(deployment: LoopbackDeployment) -> None:
    """Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events (the lifecycle URL stays)."""
    deployment.app.entries = [MESSAGES, CHATS, TEAMS]
    deployment.run()
    moved = f"{deployment.endpoint_service.url}/moved/ReceiveNotification?code=a%2Bb"
    deployment.app.environ["NOTIFICATION_URL"] = moved
    assert deployment.run() == {"recreated": 3}
    urls = [(each.notification_url, each.lifecycle_notification_url) for each in deployment.subscriptions()]
    assert urls == [(deployment.keyed_url, moved)] * 3
    deployment.send("moved")
    assert deployment.texts()[-1:] == ["moved"]
    assert deployment.run() == {}


def test_recreation_refused_halfway_keeps_its_gap_open_until_it_succeeds(deployment: LoopbackDeployment) -> None:
    """Graph takes no second subscription beside the first (409), so the first has to be deleted before."""
    deployment.app.entries = [MESSAGES]
    deployment.run()
    deployment.app.environ["NOTIFICATION_URL"] += "/moved"
    with deployment.fault(deployment.endpoint_service, Fault(path="/moved$", status=404)):
        assert deployment.run() == {"failed": 1}
        assert deployment.subscriptions() == []
        assert "ValidationError" in deployment.failure(MESSAGES_ROW)
        first = _missed_interval(deployment, MESSAGES_ROW)
        assert first.until is None
    deployment.later(minutes=6)
    assert deployment.run() == {"created": 1}
    gap, renewed_at = _missed_interval(deployment, MESSAGES_ROW), _applied(deployment, MESSAGES_ROW).renewed_at
    assert first.since - A_MOMENT <= gap.since <= first.since
    assert gap.until is not None
    assert renewed_at <= gap.until - AFTER_OUTAGE <= renewed_at + A_MOMENT
    assert deployment.run() == {}
