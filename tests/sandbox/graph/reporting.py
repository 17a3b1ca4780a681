"""Which of the changes in a scene a subscription reports, without a server."""

from dataclasses import replace
from datetime import timedelta

from sandbox.graph.catalogue import CATALOGUE, find
from sandbox.graph.matching import keys_of, reports
from sandbox.graph.paths import segments
from sandbox.graph.rules import created
from sandbox.graph.store import Subscriptions
from sandbox.graph.subscription import Subscription
from sandbox.teams import Change
from tests.sandbox.graph_world import caller
from tests.sandbox.teams_scene import Scene

EVERYTHING = tuple({permission for row in CATALOGUE for permission in row.permissions})


def subscription(scene: Scene, resource: str, *change_types: str) -> Subscription:
    """Return a subscription in the scene's tenant; to all change types if none is named."""
    found = find(segments(resource.partition("?")[0]))
    assert found is not None
    now = scene.clock.now()
    asked = {
        "changeType": ",".join(change_types or found[0].change_types),
        "notificationUrl": "https://a.example/",
        "expirationDateTime": (now + timedelta(minutes=50)).isoformat(),
        "resource": resource,
    }
    app = replace(caller(roles=EVERYTHING), tenant_id=scene.tenant)
    return created(asked, app, version="beta", now=now)


def reported(scene: Scene, resource: str, *change_types: str) -> list[Change]:
    """Return what a subscription in the scene's tenant reports."""
    store = Subscriptions(scene.clock)
    store.add(subscription(scene, resource, *change_types))
    return [
        change
        for change in scene.changes
        for each in store.watching(change.tenant_id, keys_of(change))
        if reports(each, change)
    ]
