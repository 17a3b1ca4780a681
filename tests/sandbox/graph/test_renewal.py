"""PATCH and reauthorize: what may change, what may not, and what goes together."""

from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.serving import Fault
from tests.sandbox.graph_keys import as_sent, certificate, rich, rsa_key
from tests.sandbox.graph_world import GraphWorld, error

pytestmark = pytest.mark.slow


LIFECYCLE = (
    "lifecycleNotificationUrl is a required property for subscription creation on this resource when the "
    "expirationDateTime value is set to greater than 1 hour"
)
GOOD = as_sent(certificate(rsa_key(2048)))


def test_more_than_an_hour_needs_a_lifecycle_url(world: GraphWorld) -> None:
    long = world.body(lifecycleNotificationUrl=None, expirationDateTime=world.at(minutes=61))
    assert error(world.call("POST", "v1.0/subscriptions", long)) == (400, "InvalidRequest", LIFECYCLE)
    made = world.subscribe(lifecycleNotificationUrl=None, expirationDateTime=world.at(minutes=59))
    renewal = {"expirationDateTime": world.at(minutes=61)}
    assert error(world.call("PATCH", f"v1.0/subscriptions/{made['id']}", renewal))[2] == LIFECYCLE


def test_patch_renews_redirects_and_rotates(world: GraphWorld) -> None:
    made = world.subscribe(**rich())
    elsewhere = f"{world.receiver_service.url}/elsewhere"
    renewal = {"expirationDateTime": world.at(hours=70), "notificationUrl": elsewhere}
    rotation = {name: value for name, value in rich(4096).items() if name != "includeResourceData"}
    answer = world.call("PATCH", f"v1.0/subscriptions/{made['id']}", renewal | rotation)
    assert answer.status_code == 200
    assert answer.json()["encryptionCertificateId"] == "c4096"
    assert answer.json()["notificationUrl"] == elsewhere
    assert [path.partition("?")[0] for path in world.receiver.handshakes[2:]] == ["/elsewhere", "/life"]


RENEWALS = pytest.mark.parametrize(
    ("method", "path"), [("PATCH", ""), ("POST", "/reauthorize")], ids=["PATCH", "reauthorize"]
)


def _renewed(world: GraphWorld, method: str, path: str) -> requests.Response:
    (subscription,) = world.graph.subscriptions()
    body = {"expirationDateTime": world.at(hours=70)} if method == "PATCH" else None
    return world.call(method, f"v1.0/subscriptions/{subscription.id}{path}", body)


@RENEWALS
def test_renewal_validates_both_endpoints_again(world: GraphWorld, method: str, path: str) -> None:
    world.subscribe()
    assert _renewed(world, method, path).ok
    assert [path.partition("?")[0] for path in world.receiver.handshakes] == ["/hook", "/life"] * 2


@RENEWALS
def test_renewal_while_the_endpoint_is_cold_is_refused_and_changes_nothing(
    world: GraphWorld, method: str, path: str
) -> None:
    world.subscribe()
    before = world.graph.subscriptions()
    world.receiver_service.faults.add(Fault(delay=0.9, times=1))
    timed_out = (400, "InvalidRequest", "Subscription validation request timed out.")
    assert error(_renewed(world, method, path)) == timed_out
    assert world.graph.subscriptions() == before


PATCHES: list[tuple[str, dict[str, Any], str]] = [
    ("nothing", {}, "must contain expirationDateTime or notificationUrl"),
    ("certificate alone", {"encryptionCertificate": GOOD, "encryptionCertificateId": "c"}, "must contain"),
    ("client state", {"clientState": "x", "expirationDateTime": "2099-01-01T00:00:00Z"}, "'clientState' is not valid"),
    ("lifecycle URL", {"lifecycleNotificationUrl": "https://a.example"}, "'lifecycleNotificationUrl' is not valid"),
    ("change type", {"changeType": "created"}, "'changeType' is not valid"),
    ("resource", {"resource": "/chats"}, "'resource' is not valid"),
    ("too long", {"expirationDateTime": "2099-01-01T00:00:00Z"}, "4320 minutes"),
    ("http", {"notificationUrl": "http://127.0.0.1/"}, "https URL"),
    ("id without certificate", {"notificationUrl": "https://127.0.0.1/", "encryptionCertificateId": "c"}, "empty"),
    (
        "bad certificate",
        {"notificationUrl": "https://127.0.0.1/", "encryptionCertificate": "A"},
        "Certificate validation error: Invalid length",
    ),
]


@pytest.mark.parametrize(("patch", "reason"), [row[1:] for row in PATCHES], ids=[row[0] for row in PATCHES])
def test_bad_patch_changes_nothing(world: GraphWorld, patch: dict[str, Any], reason: str) -> None:
    made = world.subscribe(**rich())
    path = f"v1.0/subscriptions/{made['id']}"
    status, _, text = error(world.call("PATCH", path, patch))
    assert status == 400
    assert reason in text
    assert world.call("GET", path).json() == made


def test_certificate_for_a_subscription_without_resource_data_is_400(world: GraphWorld) -> None:
    made = world.subscribe()
    patch = {"expirationDateTime": world.at(hours=2), "encryptionCertificate": GOOD, "encryptionCertificateId": "c"}
    answer = world.call("PATCH", f"v1.0/subscriptions/{made['id']}", patch)
    assert "does not include resource data" in error(answer)[2]


def test_reauthorizing_answers_204_and_leaves_the_expiry(world: GraphWorld) -> None:
    made = world.subscribe()
    path = f"v1.0/subscriptions/{made['id']}"
    answer = world.call("POST", f"{path}/reauthorize")
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.call("GET", path).json() == made


def test_reauthorizing_and_renewing_within_ten_minutes_is_recorded(world: GraphWorld) -> None:
    made = world.subscribe()
    path = f"v1.0/subscriptions/{made['id']}"
    world.call("POST", f"{path}/reauthorize")
    world.clock.advance(timedelta(minutes=11))
    world.call("PATCH", path, {"expirationDateTime": world.at(hours=2)})
    assert not world.graph.hasty
    world.clock.advance(timedelta(minutes=9))
    world.call("POST", f"{path}/reauthorize")
    assert world.graph.hasty == (made["id"],)
