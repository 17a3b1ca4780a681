"""What Graph does on bad days: lists that forget, a tenant that lets no app in, and what an app asks for again."""

import pytest

from tests.sandbox.graph_world import OTHER_APP, GraphWorld, error

pytestmark = pytest.mark.slow


def _listed(world: GraphWorld, app: str | None = None) -> list[str]:
    answer = world.call("GET", "v1.0/subscriptions", **({"app": app} if app else {}))
    return [each["id"] for each in answer.json()["value"]]


def test_list_that_forgets_shows_the_others_and_loses_none(world: GraphWorld) -> None:
    forgotten, shown = (world.subscribe(resource=resource)["id"] for resource in ("/teams", "/chats/getAllMessages"))
    world.graph.listing.forgets = lambda each: each.id == forgotten
    assert _listed(world) == [shown]
    assert world.call("GET", f"v1.0/subscriptions/{forgotten}").status_code == 200
    assert world.graph.listing.forgetful == 1
    world.graph.listing.forgets = None
    assert _listed(world) == [forgotten, shown]


def test_list_with_nothing_to_forget_is_not_counted(world: GraphWorld) -> None:
    world.graph.listing.forgets = lambda _: True
    assert _listed(world) == []
    assert world.graph.listing.forgetful == 0


def test_denied_tenant_is_403_for_every_request_until_it_is_over(world: GraphWorld) -> None:
    made, tenant_id = world.subscribe(), world.ann.tenant_id
    world.graph.denial.tenant_ids.add(tenant_id)
    asked = (("GET", "v1.0/subscriptions"), ("PATCH", f"v1.0/subscriptions/{made['id']}"), ("GET", "v1.0/teams"))
    assert [error(world.call(*each))[:2] for each in asked] == [(403, "Authorization_RequestDenied")] * 3
    assert world.graph.denial.refused == {tenant_id: 3}
    world.graph.denial.tenant_ids.discard(tenant_id)
    assert _listed(world) == [made["id"]]


def test_subscription_that_its_app_asks_for_again_is_recorded(world: GraphWorld) -> None:
    made = world.subscribe()
    world.subscribe(app=OTHER_APP)
    assert not world.graph.asked_again
    renewal = {"expirationDateTime": world.at(hours=2)}
    assert world.call("PATCH", f"v1.0/subscriptions/{made['id']}", renewal).status_code == 200
    assert world.call("POST", "v1.0/subscriptions", world.body()).status_code == 409
    assert [each.id for each in world.graph.asked_again] == [made["id"]]
    assert all(each.created_at and each.renewed_at for each in world.graph.asked_again)
