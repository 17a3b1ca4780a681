"""One run of the timer, on a Graph of a few lines that keeps the documented rules of ``/subscriptions``."""

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.authenticity import authenticate
from shared.certificates import Certificate
from shared.desired import Desired, desired_from_json
from shared.errors import Misconfigured, Unauthentic, Unavailable
from shared.notifications import ChangeNotification
from shared.reconcile import Reconciler, reconcile
from shared.subscriptions import Subscription
from tests.sender import OTHER_TENANT, STATE_KEY, TENANT, basic_item
from tests.shared.posts import key_pair

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=31)
URL = "https://app.example/api/ReceiveNotification"
RICH = {"resource": "/chats/getAllMessages", "changeType": "created,updated", "includeResourceData": True}
BASIC = {"resource": "/teams", "changeType": "created"}


class GraphOfOneTenant:
    """Keeps subscriptions as the reference describes them; ``refused`` resources and everything ``down`` raise.

    Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and subscription-update
    """

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.sent: list[Mapping[str, Any]] = []
        self.refused: set[str] = set()
        self.down = False

    def list_subscriptions(self) -> Iterable[Subscription]:
        if self.down:
            raise Unavailable("Graph answered 503")
        # A client state is never told again.
        yield from (Subscription.from_json(item | {"clientState": None}) for item in self.kept.values())

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> Subscription:
        self._check(properties, properties)
        if any(_same(properties, kept) for kept in self.kept.values()):
            raise Misconfigured("Graph answered 409")
        assert beta is False
        made = dict(properties) | {"id": f"{len(self.sent)}"}
        self.kept[made["id"]] = made
        return Subscription.from_json(made)

    def update_subscription(self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool) -> Subscription:
        assert beta is False
        assert set(properties) <= {"expirationDateTime", "encryptionCertificate", "encryptionCertificateId"}
        self._check(self.kept[subscription_id], properties)
        self.kept[subscription_id] |= properties
        return Subscription.from_json(self.kept[subscription_id])

    def delete_subscription(self, subscription_id: str) -> None:
        del self.kept[subscription_id]

    def _check(self, subscription: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        if subscription["resource"] in self.refused:
            raise Misconfigured("Graph answered 403")
        self.sent.append(properties)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["resource"], one["changeType"]) == (other["resource"], other["changeType"])


def certificate(version: str = "c1") -> Callable[[], Certificate]:
    key, public = key_pair()
    return lambda: Certificate(version=version, certificate=public, private_key=key)


FIRST_CERTIFICATE = certificate()


class World:
    """Two tenants, and what is wanted in both of them."""

    def __init__(self, *entries: Mapping[str, Any]) -> None:
        self.tenants = {TENANT: GraphOfOneTenant(), OTHER_TENANT: GraphOfOneTenant()}
        self.desired: Sequence[Desired] = desired_from_json(
            {"subscriptions": list(entries)}, tenant_ids=[*self.tenants]
        )
        self._nonces = itertools.count()

    def run(
        self, now: datetime = NOW, certificate: Callable[[], Certificate] | None = FIRST_CERTIFICATE
    ) -> Mapping[str, int]:
        reconciler = Reconciler(
            desired=self.desired,
            tenants=self.tenants,
            client_state_key=STATE_KEY,
            notification_url=URL,
            lifetime=timedelta(days=3),
            renew_after=timedelta(minutes=30),
            certificate=certificate,
            nonce=lambda: next(self._nonces).to_bytes(16),
        )
        return reconcile(reconciler, now=now)

    def sent(self) -> list[Mapping[str, Any]]:
        return [properties for graph in self.tenants.values() for properties in graph.sent]


def _done(created: int = 0, renewed: int = 0, failed: int = 0) -> dict[str, int]:
    return {"created": created, "renewed": renewed, "failed": failed}


def test_the_first_run_creates_the_second_is_silent_and_a_later_one_renews() -> None:
    world = World(RICH, BASIC)
    assert world.run() == _done(created=4)
    assert world.run() == _done()
    assert world.run(LATER) == _done(renewed=4)
    assert world.run(LATER) == _done()


def test_a_subscription_is_asked_for_in_graphs_names() -> None:
    world = World(RICH)
    world.run()
    properties = dict(world.tenants[TENANT].sent[0])
    assert properties.pop("clientState").startswith(f"v1.{STATE_KEY.key_id}.")
    assert properties == {
        "changeType": "created,updated",
        "notificationUrl": URL,
        "lifecycleNotificationUrl": URL,
        "resource": "/chats/getAllMessages",
        "includeResourceData": True,
        "expirationDateTime": "2026-11-24T09:25:00Z",
        "encryptionCertificate": FIRST_CERTIFICATE().to_base64(),
        "encryptionCertificateId": "c1",
    }


def test_a_certificate_goes_with_resource_data_only_and_a_lifecycle_url_with_all() -> None:
    world = World(BASIC, RICH)
    world.run()
    for properties in world.sent():
        assert ("encryptionCertificate" in properties) == properties["includeResourceData"]
        assert properties["lifecycleNotificationUrl"] == URL


def test_each_client_state_is_another_one_and_good_for_its_own_tenant_only() -> None:
    world = World(RICH, BASIC)
    world.run()
    assert len({properties["clientState"] for properties in world.sent()}) == 4
    for tenant_id, graph in world.tenants.items():
        for properties in graph.sent:
            item = basic_item(clientState=properties["clientState"], tenantId=tenant_id)
            other = item | {"tenantId": TENANT if tenant_id == OTHER_TENANT else OTHER_TENANT}
            assert _authenticates(item)
            assert not _authenticates(other)


def _authenticates(item: Mapping[str, Any]) -> bool:
    try:
        authenticate(ChangeNotification.from_json(item), keys=[STATE_KEY], tenant_ids=[TENANT, OTHER_TENANT])
    except Unauthentic:
        return False
    return True


def test_a_rotated_certificate_reaches_subscriptions_with_resource_data_at_the_next_run() -> None:
    world = World(RICH, BASIC)
    world.run()
    assert world.run(certificate=certificate("c2")) == _done(renewed=2)
    assert world.run(certificate=certificate("c2")) == _done()
    assert set(world.tenants[TENANT].sent[-1]) == {
        "expirationDateTime", "encryptionCertificate", "encryptionCertificateId"
    }  # fmt: skip


def test_a_renewal_without_resource_data_sends_the_expiration_and_nothing_else() -> None:
    world = World(BASIC)
    world.run()
    world.run(LATER)
    assert world.tenants[TENANT].sent[-1] == {"expirationDateTime": "2026-11-24T09:56:00Z"}


def test_one_that_is_refused_never_stops_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    world = World(RICH, BASIC)
    world.tenants[TENANT].refused.add("/chats/getAllMessages")
    with caplog.at_level(logging.ERROR):
        assert world.run() == _done(created=3, failed=1)
    assert caplog.messages == [f"tenant {TENANT}: Create of /chats/getAllMessages failed: Graph answered 403"]


def test_a_renewal_that_is_refused_is_tried_again_by_the_next_run() -> None:
    world = World(RICH, BASIC)
    world.run()
    world.tenants[TENANT].refused.add("/teams")
    assert world.run(LATER) == _done(renewed=3, failed=1)
    world.tenants[TENANT].refused.clear()
    assert world.run(LATER) == _done(renewed=1)


def test_resource_data_that_are_wanted_later_are_had_by_a_new_subscription() -> None:
    world = World(BASIC)
    world.run()
    world.desired = World(BASIC | {"includeResourceData": True}).desired
    assert world.run() == _done(created=2)
    assert [len(graph.kept) for graph in world.tenants.values()] == [1, 1]
    assert world.run() == _done()


def test_a_tenant_that_cannot_be_reached_does_not_stop_the_other(caplog: pytest.LogCaptureFixture) -> None:
    world = World(RICH, BASIC)
    world.tenants[TENANT].down = True
    with caplog.at_level(logging.ERROR):
        assert world.run() == _done(created=2, failed=2)
    assert caplog.messages == [f"tenant {TENANT}: subscriptions cannot be listed: Graph answered 503"]
    world.tenants[TENANT].down = False
    assert world.run() == _done(created=2)


def test_no_log_shows_a_client_state(caplog: pytest.LogCaptureFixture) -> None:
    world = World(RICH)
    with caplog.at_level(logging.DEBUG):
        world.run()
        world.run(LATER)
    assert not [properties for properties in world.sent() if properties.get("clientState", "none") in caplog.text]


def test_resource_data_without_a_certificate_are_a_fault_that_names_the_settings() -> None:
    with pytest.raises(Misconfigured, match="KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME"):
        World(RICH).run(certificate=None)


def test_without_resource_data_no_certificate_is_asked_for() -> None:
    def out_of_reach() -> Certificate:
        raise Unavailable("Key Vault does not answer")

    assert World(BASIC).run(certificate=out_of_reach) == _done(created=2)
    with pytest.raises(Unavailable):
        World(RICH).run(certificate=out_of_reach)
