"""The timer on its host, and Graph: what is missing is created, and messages arrive.

The rules of renewal, rotation and loss are in ``tests/unit/subscriptions`` and ``tests/flows``.
"""

import pytest

from sandbox.serving import Fault
from tests.end_to_end.deployed import SUBSCRIPTIONS, Deployed
from tests.fakes.identity_services import fault
from tests.sender import OTHER_TENANT, TENANT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]

DESIRED = 2 * len(SUBSCRIPTIONS)


@pytest.fixture(autouse=True)
def _no_subscriptions(app: Deployed) -> None:
    app.background.run(app.forget_subscriptions())
    app.forget_rows()
    # The lifecycle events of their removal are in the queue, or parked if the machine is busy.
    app.reset()
    app.deliveries.clear()
    app.world.graph_service.requests.clear()


def _writes(app: Deployed) -> int:
    return sum(request.method != "GET" for request in app.world.graph_service.requests)


def test_first_run_subscribes_with_handshakes_and_the_second_is_silent(app: Deployed) -> None:
    """Peers' holes 9 and 12: one client state for all, and subscriptions that always expire."""
    assert app.run_timer()
    made, writes = app.world.graph.subscriptions(), _writes(app)
    assert {(each.tenant_id, each.resource, each.is_rich) for each in made} == {
        (tenant, entry["resource"], bool(entry.get("includeResourceData")))
        for tenant in (TENANT, OTHER_TENANT)
        for entry in SUBSCRIPTIONS
    }
    assert {each.notification_url.partition("?")[0] for each in made} == {app.url}
    assert all("key=" in each.notification_url for each in made)
    assert {each.lifecycle_notification_url for each in made} == {app.url}
    assert len({each.client_state for each in made}) == len(made) == DESIRED
    assert [delivery.answer.status for delivery in app.deliveries if delivery.handshake] == [200] * 2 * DESIRED
    assert app.run_timer()
    assert (app.world.graph.subscriptions(), _writes(app)) == (made, writes)


def test_message_in_teams_arrives_in_the_queue_as_it_was_typed(app: Deployed) -> None:
    app.run_timer()
    text = "Grüße 👋 <b>&amp;</b>"
    app.background.run(_write(app, text))
    [event] = app.live_events()
    assert event["data"]["content"]["body"]["content"] == text
    assert event["source"].split("/")[2] == TENANT


async def _write(app: Deployed, text: str) -> None:
    teams = app.world.teams
    people = [teams.add_user(TENANT, name) for name in ("Ada Lovelace", "Alan Turing")]
    teams.messages.send(teams.chats.create(people), people[0], text)
    await app.world.graph.idle()


def test_refused_subscription_is_logged_and_does_not_stop_the_others(app: Deployed) -> None:
    since = len(app.host.lines)
    with fault(app.world.graph_service, Fault(path="/v1.0/subscriptions", method="POST", status=403, times=1)):
        assert app.run_timer()
    assert len(app.world.graph.subscriptions()) == DESIRED - 1
    logged = app.logged(since)
    assert any("failed: Graph answered 403" in line for line in logged)
    assert not any("Bearer" in line or "eyJ" in line for line in logged)
