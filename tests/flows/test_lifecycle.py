"""What Graph says of subscriptions themselves: recorded on the right row, published, acted upon by the next run.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from datetime import timedelta

import pytest

from shared.subscriptions.tracked import Activity, TrackedSubscription
from tests.eventually import eventually
from tests.flows.wishes import BOTH, CHATS, MESSAGES
from tests.flows.world import World

pytestmark = pytest.mark.slow

RARELY = "PT10H"


def _id(row: TrackedSubscription) -> str:
    assert row.applied is not None
    return row.applied.subscription_id


def _subscribed(world: World) -> tuple[TrackedSubscription, TrackedSubscription]:
    """Return the rows of messages and of chats, in a world that renews for no other reason than what it is told."""
    world.app.environ["RENEW_AFTER"] = RARELY
    world.app.entries = [MESSAGES, CHATS]
    world.run()
    return world.row("/chats/getAllMessages"), world.row("/chats")


def test_a_request_to_reauthorize_is_recorded_published_and_answered_by_a_renewal(world: World) -> None:
    """Graph asks for it a quarter of an hour before the access token ends that it was last given."""
    _subscribed(world)
    world.later(minutes=40)
    assert world.run() == {}
    world.later(minutes=6)
    assert world.event_types() == ["SubscriptionReauthorizationRequired"] * 2
    assert all(row.activity.reauthorization_required_at for row in world.rows())
    renewals = len(world.writes())
    assert world.run() == {"renewed": 2}
    assert world.writes()[renewals:] == ["PATCH", "PATCH"]
    assert world.run() == {}


def test_one_that_was_removed_is_recorded_published_and_created_anew(world: World) -> None:
    messages, chats = _subscribed(world)
    world.later(minutes=20)
    world.do(lambda: world.graph.remove_subscription(_id(messages)))
    world.settle()
    assert world.event_types() == ["SubscriptionRemoved"]
    heard = world.row("/chats/getAllMessages").activity
    assert heard.removed_at is not None
    assert world.row("/chats").activity == Activity()
    assert world.run() == {"created": 1}
    recreated = world.row("/chats/getAllMessages")
    assert _id(recreated) != _id(messages)
    assert recreated.missed_interval is not None
    assert recreated.missed_interval.since <= heard.removed_at
    assert recreated.activity == Activity()
    assert _id(world.row("/chats")) == _id(chats)
    assert world.run() == {}


def test_notifications_that_were_missed_are_recorded_published_and_leave_a_gap_of_four_hours(world: World) -> None:
    messages, _ = _subscribed(world)
    world.later(minutes=20)
    world.do(lambda: world.graph.announce_missed(_id(messages)))
    world.settle()
    assert world.event_types() == ["SubscriptionMissed"]
    missed_at = world.row("/chats/getAllMessages").activity.missed_at
    assert missed_at is not None
    assert world.run() == {"renewed": 1}
    gap = world.row("/chats/getAllMessages").missed_interval
    assert gap is not None
    assert (gap.since, gap.until) == (missed_at - timedelta(hours=4), missed_at)
    assert world.row("/chats").missed_interval is None
    assert world.run() == {}


def test_a_change_is_noted_as_a_sign_of_life_of_the_subscription_that_told_it(world: World) -> None:
    _subscribed(world)
    world.send("a sign", chat=world.new_chat())
    assert world.texts() == ["a sign"]
    assert eventually(lambda: world.row("/chats/getAllMessages").activity.notification_at is not None)


def test_through_three_hours_nothing_is_lost_and_nothing_done_in_haste(world: World) -> None:
    """Graph must not be asked twice within ten minutes to reauthorize and to renew one subscription."""
    world.app.entries = BOTH
    chat, texts = world.new_chat(), []
    for number in range(3 * 6):
        world.run()
        texts.append(f"message {number}")
        world.send(texts[-1], chat=chat)
        world.later(minutes=10)
    # What meets an access token that has just ended waits at Graph until the next renewal.
    assert sorted(world.texts()) == sorted(texts)
    assert world.graph.hasty == ()
    assert world.graph.lost == ()
    assert [(row.missed_interval, row.failure) for row in world.rows()] == [(None, None)] * 2
