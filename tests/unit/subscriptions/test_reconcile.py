"""One run of the timer, on a Graph of a few lines that keeps the documented rules of ``/subscriptions``."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from shared.subscriptions.delivery import AFTER_OUTAGE
from shared.subscriptions.tracked import Activity, MissedInterval
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture, certificate
from tests.fakes.subscription_values import MINUTE, NOW, URL
from tests.sender import OTHER_TENANT, PREVIOUS_STATE_KEY, STATE_KEY, TENANT, authentic, basic_item


def test_the_first_run_creates_the_second_is_silent_and_a_later_one_renews() -> None:
    world = ReconcileFixture(RICH, BASIC)
    assert world.run() == {"created": 4}
    assert world.run() == {}
    assert world.run(31 * MINUTE) == {"renewed": 4}
    assert world.run() == {}
    world.assert_settled()


def test_empty_account_is_listed_once_for_what_a_lost_table_had() -> None:
    world = ReconcileFixture(tenants=[TENANT])
    assert world.run() == {}
    assert world.calls.made == ["load", "list", "save"]
    assert world.run() == {}
    assert world.calls.made[3:] == ["load"]


def test_a_subscription_is_asked_for_in_graphs_names() -> None:
    world = ReconcileFixture(RICH)
    world.run()
    properties = dict(world.graph.sent[0])
    assert properties.pop("clientState").startswith(f"v1.{STATE_KEY.key_id}.")
    assert properties == {
        "changeType": "created,updated",
        "notificationUrl": f"{URL}?key={STATE_KEY.key_id}",
        "lifecycleNotificationUrl": URL,
        "resource": "/chats/getAllMessages",
        "includeResourceData": True,
        "expirationDateTime": "2026-11-24T09:25:00Z",
        "encryptionCertificate": certificate().to_base64(),
        "encryptionCertificateId": "c1",
    }


def test_certificate_is_sent_with_resource_data_only() -> None:
    world = ReconcileFixture(BASIC, RICH)
    world.run()
    for properties in world.sent():
        assert ("encryptionCertificate" in properties) == properties["includeResourceData"]
        assert properties["lifecycleNotificationUrl"] == URL


def test_each_client_state_is_another_one_and_good_for_its_own_tenant_only() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.run()
    assert len({properties["clientState"] for properties in world.sent()}) == 4
    for tenant_id, graph in world.graphs.items():
        for properties in graph.sent:
            item = basic_item(clientState=properties["clientState"], tenantId=tenant_id)
            other = item | {"tenantId": TENANT if tenant_id == OTHER_TENANT else OTHER_TENANT}
            assert _authenticates(item)
            assert not _authenticates(other)


def _authenticates(item: dict[str, Any]) -> bool:
    try:
        authentic(item)
    except ValueError:
        return False
    return True


def test_rotated_certificate_is_sent_at_the_next_run() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.run()
    world.certificate = lambda: certificate("c2")
    assert world.run() == {"rotated": 2}
    assert world.run() == {}
    assert set(world.graph.sent[-1]) == {"expirationDateTime", "encryptionCertificate", "encryptionCertificateId"}


def test_a_renewal_without_rotation_sends_the_expiration_and_nothing_else() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    world.run(NOW + 31 * MINUTE - world.clock.now())
    assert world.graph.sent[-1] == {"expirationDateTime": "2026-11-24T09:56:00Z"}


def test_rotated_client_state_key_recreates_subscriptions() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.key = PREVIOUS_STATE_KEY
    world.run()
    world.key = STATE_KEY
    assert world.run() == {"recreated": 4}
    assert world.graph.sent[-1]["clientState"].startswith(f"v1.{STATE_KEY.key_id}.")
    assert world.run() == {}
    world.assert_settled()


def test_resource_data_wanted_later_recreate_the_subscription() -> None:
    world = ReconcileFixture(BASIC)
    world.run()
    world.want(BASIC | {"includeResourceData": True})
    assert world.run() == {"recreated": 2}
    assert world.run() == {}
    world.assert_settled()


def test_unwanted_subscription_is_deleted_with_its_row() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.run()
    world.want(BASIC)
    assert world.run() == {"deleted": 2}
    world.assert_settled()
    world.want()
    assert world.run() == {"deleted": 2}
    assert world.table.tracked() == []


def test_a_table_that_was_lost_is_filled_again_from_what_lives_at_graph() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.run()
    world.table.rows.clear()
    assert world.run(MINUTE) == {"adopted": 4}
    assert world.run() == {}
    world.assert_settled()


def test_lost_subscription_is_recreated_and_its_gap_recorded() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    renewed = world.clock.now()
    world.graph.stored.clear()
    assert world.run(31 * MINUTE) == {"renewed": 1}
    assert world.row("/teams").missed_interval == MissedInterval(since=renewed, until=world.clock.now() + AFTER_OUTAGE)
    assert world.run() == {}


def test_lifecycle_event_is_acted_upon_once() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    world.table.activities[TENANT, "s0"] = Activity(reauthorization_required_at=world.clock.now() + MINUTE)
    assert world.run(9 * MINUTE) == {}
    assert world.run(MINUTE) == {"renewed": 1}
    assert world.run(MINUTE) == {}
    world.table.activities[TENANT, "s0"] = Activity(removed_at=world.clock.now() + MINUTE)
    world.graph.stored.clear()
    assert world.run(2 * MINUTE) == {"checked": 1}
    assert world.table.activities == {}
    assert world.run() == {}
    world.assert_settled()


def test_force_renews_every_subscription() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.run()
    assert sum(world.run(force=True).values()) == 4
    assert world.run() == {}


def test_an_accounts_rows_are_its_own() -> None:
    """What a signed-in user watches is not the app's to delete or to adopt, although the app's list may show it."""
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    own = world.row("/teams")
    assert own.applied is not None
    users = replace(own.applied, subscription_id="users")
    world.table.save(replace(own, desired=replace(own.desired, delegated=True), applied=users, etag=None))
    world.graph.stored["users"] = world.graph.stored["s0"] | {"id": "users"}
    assert world.run() == {}
    world.table.delete(own)
    assert world.run() == {"adopted": 1}
    assert {row.applied.subscription_id for row in world.table.tracked() if row.applied} == {"s0", "users"}


def test_no_log_shows_a_client_state(caplog: pytest.LogCaptureFixture) -> None:
    world = ReconcileFixture(RICH)
    with caplog.at_level(logging.DEBUG):
        world.run()
        world.run(31 * MINUTE)
    assert not [properties for properties in world.sent() if properties.get("clientState", "none") in caplog.text]
