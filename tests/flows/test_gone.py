"""Subscriptions that end: found missing, no more wanted, or wanted in another way."""

from datetime import timedelta

import pytest

from sandbox.serving import Fault
from shared.subscriptions.tracked import AppliedSubscription, MissedInterval
from tests.flows.ports import AfterListing
from tests.flows.wishes import BOTH, CHATS, MESSAGES, TEAMS, basic, messages_in
from tests.flows.world import World

pytestmark = pytest.mark.slow

# What a run takes on a busy machine.
A_MOMENT = timedelta(seconds=30)


def _observed(world: World, resource: str) -> AppliedSubscription:
    observed = world.row(resource).applied
    assert observed is not None
    return observed


def _gap(world: World, resource: str) -> MissedInterval:
    gap = world.row(resource).missed_interval
    assert gap is not None
    return gap


def _remove(world: World, resource: str) -> None:
    """Remove a subscription behind the app's back."""
    subscription_id = _observed(world, resource).subscription_id
    world.do(lambda: world.graph.remove_subscription(subscription_id))


def test_a_renewal_that_finds_nothing_creates_anew_and_leaves_a_gap_on_the_row(world: World) -> None:
    """Source: https://learn.microsoft.com/graph/api/subscription-update (404: do not retry, create another one)."""
    world.app.entries = BOTH
    world.run()
    former = _observed(world, "/teams")
    world.later(minutes=31)
    world.app.around_graph = lambda graph: AfterListing(graph=graph, happens=lambda: _remove(world, "/teams"))
    assert world.run() == {"renewed": 2}
    world.app.restart()
    found, gap = _observed(world, "/teams"), _gap(world, "/teams")
    assert [each.id for each in world.subscriptions() if each.resource == "/teams"] == [found.subscription_id]
    assert found.subscription_id != former.subscription_id
    assert gap.since == former.renewed_at
    assert gap.until is not None
    assert found.renewed_at <= gap.until <= found.renewed_at + A_MOMENT
    assert world.row("/chats/getAllMessages").missed_interval is None


def test_one_that_is_missing_in_graphs_list_is_created_anew_since_it_was_last_listed(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    world.later(minutes=20)
    assert world.run() == {}
    seen = world.clock.now()
    world.later(minutes=5)
    _remove(world, "/teams")
    assert world.run() == {"created": 1}
    gap = _gap(world, "/teams")
    assert seen - A_MOMENT <= gap.since <= seen
    assert world.run() == {}


def test_all_that_lapsed_while_the_app_was_down_is_created_anew(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    expired = {row.key: row.applied.expiration for row in world.rows() if row.applied}
    world.later(days=4)
    assert world.subscriptions() == []
    assert world.run() == {"created": 2}
    assert all(row.missed_interval and row.missed_interval.since <= expired[row.key] for row in world.rows())
    world.send("heard again")
    assert world.texts() == ["heard again"]


def test_an_entry_that_is_taken_out_is_deleted_at_graph_and_in_the_table(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    world.app.entries = [MESSAGES]
    assert world.run() == {"deleted": 1}
    assert [each.resource for each in world.subscriptions()] == ["/chats/getAllMessages"]
    assert [row.desired.resource for row in world.rows()] == ["/chats/getAllMessages"]
    assert world.run() == {}
    world.app.entries = []
    assert world.run() == {"deleted": 1}
    assert world.subscriptions() == []
    assert world.rows() == ()


def test_other_change_types_of_one_chat_find_room_though_graph_grants_one_subscription_a_chat(world: World) -> None:
    """Source: https://learn.microsoft.com/graph/change-notifications-overview#subscription-quotas ."""
    chat = world.new_chat()
    world.app.entries = [messages_in(chat, "created")]
    world.run()
    world.app.entries = [messages_in(chat, "created,updated")]
    assert world.run() == {"created": 1, "deleted": 1}
    assert [each.change_types for each in world.subscriptions()] == [{"created", "updated"}]
    assert [(row.desired.change_type, row.failure) for row in world.rows()] == [("created,updated", None)]
    world.send("in this very chat", chat=chat)
    assert world.texts() == ["in this very chat"]
    assert world.run() == {}


def test_resource_data_are_switched_on_and_off_by_another_subscription(world: World) -> None:
    """Source: https://learn.microsoft.com/graph/api/subscription-update (includeResourceData cannot be changed)."""
    world.app.entries = [basic(MESSAGES)]
    world.run()
    chat = world.new_chat()
    for entry, rich in ((MESSAGES, True), (basic(MESSAGES), False)):
        world.app.entries = [entry]
        assert world.run() == {"recreated": 1}
        assert [each.is_rich for each in world.subscriptions()] == [rich]
        assert _gap(world, "/chats/getAllMessages").until is not None
        world.send(f"rich: {rich}", chat=chat)
        assert world.run() == {}
    assert world.texts() == ["rich: True"]
    assert world.event_types() == ["ChatMessageCreated"] * 2


def test_another_notification_url_is_had_by_other_subscriptions_with_both_urls(world: World) -> None:
    """Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events (the lifecycle URL stays)."""
    world.app.entries = [MESSAGES, CHATS, TEAMS]
    world.run()
    moved = f"{world.endpoint_service.url}/moved/ReceiveNotification?code=a%2Bb"
    world.app.environ["NOTIFICATION_URL"] = moved
    assert world.run() == {"recreated": 3}
    urls = {(each.notification_url, each.lifecycle_notification_url) for each in world.subscriptions()}
    assert urls == {(moved, moved)}
    assert len(world.subscriptions()) == 3
    world.send("heard there")
    assert world.texts()[-1:] == ["heard there"]
    assert world.run() == {}


def test_a_recreation_that_is_refused_halfway_keeps_its_gap_open_until_it_succeeds(world: World) -> None:
    """Graph takes no second subscription beside the first (409), so the first has to go before."""
    world.app.entries = [MESSAGES]
    world.run()
    world.app.environ["NOTIFICATION_URL"] += "/moved"
    with world.fault(world.endpoint_service, Fault(path="/moved$", status=404)):
        assert world.run() == {"failed": 1}
        assert world.subscriptions() == []
        row = world.row("/chats/getAllMessages")
        assert row.failure is not None
        assert "ValidationError" in row.failure.text
        assert row.missed_interval is not None
        assert row.missed_interval.until is None
    world.later(minutes=6)
    assert world.run() == {"created": 1}
    found, gap = _observed(world, "/chats/getAllMessages"), _gap(world, "/chats/getAllMessages")
    assert row.missed_interval.since - A_MOMENT <= gap.since <= row.missed_interval.since
    assert gap.until is not None
    assert found.renewed_at <= gap.until <= found.renewed_at + A_MOMENT
    assert world.run() == {}
