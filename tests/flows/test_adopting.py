"""What lives at Graph and in no row: made by a run that was cut short, by hand, or before the table was lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.serving import Fault
from tests.flows.wishes import BOTH, CHATS, MESSAGES, TEAMS
from tests.flows.world import World

pytestmark = pytest.mark.slow

# A list that is not up to date yet; what is created on the strength of it meets 409.
NOTHING_LISTED = Fault(path="/subscriptions$", method="GET", status=200, body=b'{"value": []}', times=1)


def _ids(world: World) -> set[str]:
    return {each.id for each in world.subscriptions()}


def test_a_first_run_creates_the_next_is_silent_and_a_later_one_renews(world: World) -> None:
    world.app.entries = BOTH
    assert world.run() == {"created": 2}
    assert world.run() == {}
    world.later(minutes=31)
    assert world.run() == {"renewed": 2}
    assert world.run() == {}
    world.send("Grüße 👋")
    assert world.texts() == ["Grüße 👋"]


def test_what_exists_already_is_adopted_and_its_client_state_still_authenticates(world: World) -> None:
    """Graph answers 409 to a second subscription of the same resource and changes."""
    world.app.entries = BOTH
    world.run()
    before, writes = _ids(world), len(world.writes())
    world.app.lose_table()
    with world.fault(world.graph_service, NOTHING_LISTED):
        assert world.run() == {"created": 2}
    assert sorted(world.writes()[writes:]) == ["PATCH", "PATCH", "POST", "POST"]
    assert _ids(world) == before == {row.applied.subscription_id for row in world.rows() if row.applied}
    assert [row.failure for row in world.rows()] == [None, None]
    assert world.run() == {}
    world.send("still heard")
    assert world.texts() == ["still heard"]
    assert [receipt.rejected for receipt in world.app.receipts] == [{}]


def test_after_the_table_was_lost_everything_is_adopted_and_nothing_subscribed_twice(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    before, writes = _ids(world), len(world.writes())
    world.app.lose_table()
    assert world.run() == {"adopted": 2}
    assert world.writes()[writes:] == ["PATCH", "PATCH"]
    assert _ids(world) == before
    assert world.run() == {}
    world.send("still heard")
    assert world.texts() == ["still heard"]


def test_an_adopted_subscription_gets_the_certificate_of_the_day(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    world.app.lose_table()
    version = world.vault.create_certificate(world.app.settings.encryption_certificate_name or "")
    assert world.run() == {"adopted": 2}
    assert {each.certificate_id for each in world.subscriptions() if each.is_rich} == {version}
    assert world.run() == {}


def test_one_without_lifecycle_url_is_recreated_because_none_can_be_added(world: World) -> None:
    """Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events (not in a PATCH)."""
    lame = world.subscribe_by_hand(lifecycleNotificationUrl=None)
    world.app.entries = [TEAMS]
    assert world.run() == {"recreated": 1}
    [subscription] = world.subscriptions()
    assert subscription.id != lame
    assert subscription.lifecycle_notification_url == subscription.notification_url
    assert world.run() == {}


def test_what_another_deployment_watches_is_left_alone_and_the_conflict_told(world: World) -> None:
    theirs = world.subscribe_by_hand(notificationUrl=f"{world.endpoint_service.url}/another/app")
    world.app.entries = [TEAMS]
    assert world.run() == {"failed": 1}
    assert _ids(world) == {theirs}
    failure = world.row("/teams").failure
    assert failure is not None
    assert f"Subscription Id {theirs} already exists" in failure.text


def test_what_nobody_asked_for_is_left_alone(world: World) -> None:
    theirs = world.subscribe_by_hand(notificationUrl=f"{world.endpoint_service.url}/another/app")
    world.app.entries = []
    assert world.run() == {}
    assert _ids(world) == {theirs}


def test_of_two_runs_at_once_one_subscribes_and_both_leave_things_in_order(world: World) -> None:
    world.app.entries = [MESSAGES, CHATS, TEAMS]
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(world.app.run) for _ in range(2)]:
            run.result()
    world.later(minutes=5)
    world.run()
    assert len(world.subscriptions()) == 3
    assert _ids(world) == {row.applied.subscription_id for row in world.rows() if row.applied}
    assert [row.failure for row in world.rows()] == [None] * 3
    assert world.run() == {}
