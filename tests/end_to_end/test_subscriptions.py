"""The timer and Graph: what is missing is made, what is due renewed, and what is settled left alone."""

from datetime import timedelta

import pytest

from sandbox.graph.subscription import Subscription
from sandbox.serving import Fault
from tests.end_to_end.deployed import SUBSCRIPTIONS, Deployed
from tests.eventually import eventually
from tests.fakes.identity_services import fault
from tests.sender import OTHER_TENANT, TENANT

pytestmark = pytest.mark.slow

WANTED = 2 * len(SUBSCRIPTIONS)
CALLS = "/v1.0/subscriptions"


@pytest.fixture(autouse=True)
def _no_subscriptions(app: Deployed) -> None:
    app.background.run(app.forget_subscriptions())
    app.forget_rows()
    # What Graph says of their removal is in the queue, or parked while the machine is busy.
    app.as_it_was()
    app.deliveries.clear()
    app.world.graph_service.requests.clear()


def _subscriptions(app: Deployed) -> dict[str, Subscription]:
    return {subscription.id: subscription for subscription in app.world.graph.subscriptions()}


def _writes(app: Deployed) -> int:
    return sum(request.method != "GET" for request in app.world.graph_service.requests)


def test_a_run_creates_what_is_missing_with_two_handshakes_each(app: Deployed) -> None:
    assert app.run_timer()
    made = _subscriptions(app).values()
    assert {(each.tenant_id, each.resource, each.is_rich) for each in made} == {
        (tenant, entry["resource"], bool(entry.get("includeResourceData")))
        for tenant in (TENANT, OTHER_TENANT)
        for entry in SUBSCRIPTIONS
    }
    assert {each.notification_url for each in made} == {each.lifecycle_notification_url for each in made} == {app.url}
    assert [delivery.answer.status for delivery in app.deliveries if delivery.handshake] == [200] * 2 * WANTED


def test_each_subscription_has_a_client_state_of_its_own(app: Deployed) -> None:
    """Peers' hole 9: one global constant."""
    app.run_timer()
    assert len({each.client_state for each in _subscriptions(app).values()}) == WANTED


def test_a_second_run_changes_nothing(app: Deployed) -> None:
    app.run_timer()
    before, writes = _subscriptions(app), _writes(app)
    assert app.run_timer()
    assert (_subscriptions(app), _writes(app)) == (before, writes)


def test_a_run_renews_what_is_due(app: Deployed) -> None:
    """Peers' hole 12: the renewal condition inverted, so that subscriptions always lapse."""
    app.restart(RENEW_AFTER="PT0.001S")
    try:
        app.run_timer()
        before = _subscriptions(app)
        # Graph keeps whole seconds of the moment that the app asks for.
        assert eventually(lambda: app.run_timer() and _all_later(before, _subscriptions(app)))
    finally:
        app.restart(RENEW_AFTER="")
    assert not app.world.graph.hasty


def _all_later(before: dict[str, Subscription], after: dict[str, Subscription]) -> bool:
    assert before.keys() == after.keys()
    return all(after[id_].expires_at > each.expires_at for id_, each in before.items())


def test_what_graph_has_removed_is_made_again(app: Deployed) -> None:
    """Peers' holes 12 and 13: renewal only on lifecycle events, another subscription made than the one removed."""
    app.run_timer()
    watched = {(each.tenant_id, each.resource) for each in _subscriptions(app).values()}
    kept, removed = list(_subscriptions(app))[:2], list(_subscriptions(app))[2:]
    for subscription_id in removed:
        app.background.run(_remove(app, subscription_id))
    app.run_timer()
    assert set(kept) < _subscriptions(app).keys()
    assert {(each.tenant_id, each.resource) for each in _subscriptions(app).values()} == watched
    assert len(_subscriptions(app)) == len(watched) == WANTED


async def _remove(app: Deployed, subscription_id: str) -> None:
    app.world.graph.remove_subscription(subscription_id)
    await app.world.graph.idle()


def test_a_rotated_certificate_reaches_graph_at_the_next_run_while_the_old_one_still_opens(app: Deployed) -> None:
    """Peers' hole 10: rotation breaks every subscription."""
    old = app.sender()
    app.run_timer()
    assert _certificates(app) == {old.certificate_id}
    new = app.sender()
    app.run_timer()
    assert _certificates(app) == {new.certificate_id}
    for graph in (old, new):
        assert app.post(graph.rich_body()).status_code == 202
    assert len(app.told()) == 2


def _certificates(app: Deployed) -> set[str | None]:
    return {each.certificate_id for each in _subscriptions(app).values() if each.is_rich}


def test_a_message_in_teams_stands_in_the_queue_as_it_was_typed(app: Deployed) -> None:
    app.run_timer()
    text = "Grüße 👋 <b>&amp;</b>"
    app.background.run(_write(app, text))
    events = app.told()
    assert [event["data"]["content"]["body"]["content"] for event in events] == [text]
    assert events[0]["source"].split("/")[2] == TENANT


async def _write(app: Deployed, text: str) -> None:
    teams = app.world.teams
    people = [teams.add_user(TENANT, name) for name in ("Ada Lovelace", "Alan Turing")]
    teams.messages.send(teams.chats.create(people), people[0], text)
    await app.world.graph.idle()


def test_one_refused_subscription_does_not_stop_the_others(app: Deployed) -> None:
    since = len(app.host.lines)
    with fault(app.world.graph_service, Fault(path=CALLS, method="POST", status=403, times=1)):
        assert app.run_timer()
    assert len(_subscriptions(app)) == WANTED - 1
    assert any("failed: Graph answered 403" in line for line in app.said(since))
    assert not any("Bearer" in line or "eyJ" in line for line in app.said(since))


def test_no_run_asks_for_longer_than_graph_gives(app: Deployed) -> None:
    app.run_timer()
    longest = app.world.clock.now() + timedelta(minutes=4320)
    assert all(each.expires_at < longest for each in _subscriptions(app).values())
