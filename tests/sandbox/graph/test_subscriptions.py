"""Subscriptions that Graph creates, keeps, lists and forgets."""

from datetime import datetime, timedelta

import pytest

from tests.sandbox.graph_keys import rich
from tests.sandbox.graph_world import APP, OTHER_APP, GraphWorld, error

pytestmark = pytest.mark.slow


def test_created_subscription_is_answered_without_its_secrets(world: GraphWorld) -> None:
    sent = world.body(**rich())
    answer = world.call("POST", "v1.0/subscriptions", sent)
    assert answer.status_code == 201
    made = answer.json()
    assert made["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity"
    assert made["clientState"] is None
    assert made["encryptionCertificate"] is None
    assert (made["applicationId"], made["encryptionCertificateId"]) == (APP, "c2048")
    assert all(made[name] == sent[name] for name in ("changeType", "resource", "notificationUrl"))
    assert datetime.fromisoformat(made["expirationDateTime"]) == datetime.fromisoformat(sent["expirationDateTime"])
    got = world.call("GET", f"v1.0/subscriptions/{made['id']}").json()
    assert got == made


@pytest.mark.parametrize(("asked", "granted"), [(10, 45), (44, 45), (46, 46), (4320, 4320)])
def test_lifetime_is_at_least_45_minutes(world: GraphWorld, asked: int, granted: int) -> None:
    made = world.subscribe(expirationDateTime=world.at(minutes=asked))
    left = datetime.fromisoformat(made["expirationDateTime"]) - world.clock.now()
    assert abs(left - timedelta(minutes=granted)) < timedelta(seconds=10)


def test_client_state_and_certificate_id_have_up_to_128_characters(world: GraphWorld) -> None:
    world.subscribe(**(rich() | {"clientState": "x" * 128, "encryptionCertificateId": "y" * 128}))


def test_expired_subscription_is_404_and_makes_room(world: GraphWorld) -> None:
    made = world.subscribe(expirationDateTime=world.at(minutes=50))
    world.clock.advance(timedelta(minutes=51))
    path = f"v1.0/subscriptions/{made['id']}"
    for method, body in (("GET", None), ("PATCH", {"expirationDateTime": world.at(hours=2)}), ("DELETE", None)):
        assert error(world.call(method, path, body))[:2] == (404, "ResourceNotFound")
    assert error(world.call("POST", f"{path}/reauthorize"))[0] == 404
    world.subscribe()


def test_subscription_of_another_app_is_404(world: GraphWorld) -> None:
    path = f"v1.0/subscriptions/{world.subscribe()['id']}"
    assert world.call("GET", path, app=OTHER_APP).status_code == 404
    assert world.call("DELETE", path, app=OTHER_APP).status_code == 404
    assert world.call("DELETE", path).status_code == 204
    assert world.call("DELETE", path).status_code == 404


def test_list_comes_page_by_page(world: GraphWorld) -> None:
    kinds = ["created", "updated", "deleted", "created,updated", "created,deleted", "updated,deleted"]
    made = [world.subscribe(changeType=kind)["id"] for kind in kinds]
    made.append(world.subscribe(resource="/teams/getAllMessages")["id"])
    world.subscribe(app=OTHER_APP)
    page = world.call("GET", "v1.0/subscriptions").json()
    pages = [page]
    while "@odata.nextLink" in page:
        page = world.call("GET", page["@odata.nextLink"]).json()
        pages.append(page)
    assert [len(page["value"]) for page in pages] == [3, 3, 1]
    assert [each["id"] for page in pages for each in page["value"]] == made
    assert {each["clientState"] for page in pages for each in page["value"]} == {None}


def test_list_takes_no_query_options(world: GraphWorld) -> None:
    assert error(world.call("GET", "v1.0/subscriptions?$filter=id eq 'x'"))[0] == 400


def test_beta_only_resource_is_accepted_in_beta(world: GraphWorld) -> None:
    world.subscribe(version="beta", resource="/teams/getAllChannels/getAllMembers")
