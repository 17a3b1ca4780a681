"""Applications and service principals at the sandbox's Graph: what an operator's tools look at."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sandbox.entra import Application
from tests.sandbox.graph_world import APP, CHANGE_TRACKING, OTHER_APP, SECRET, GraphWorld

pytestmark = pytest.mark.slow

ENDS = datetime(2026, 12, 24, tzinfo=UTC)


@pytest.fixture
def reader(world: GraphWorld) -> str:
    """Return an application that may look at applications."""
    tenants = (world.ann.tenant_id,)
    roles = ("Application.Read.All",)
    world.entra.register(Application(client_id=OTHER_APP, tenant_ids=tenants, secret=SECRET, roles=roles))
    return OTHER_APP


def test_registration_shows_when_its_secret_ends(world: GraphWorld, reader: str) -> None:
    registration = world.entra.find_application(APP, world.ann.tenant_id)
    assert registration is not None
    world.entra.register(replace(registration, secret_ends_at=ENDS))
    shown = world.call("GET", f"v1.0/applications(appId='{APP}')", app=reader).json()
    assert shown["passwordCredentials"] == [{"hint": SECRET[:3], "endDateTime": "2026-12-24T00:00:00Z"}]
    assert SECRET not in str(shown)


def test_service_principal_says_whether_it_asks_for_an_assignment(world: GraphWorld, reader: str) -> None:
    path = f"v1.0/servicePrincipals(appId='{APP}')"
    assert world.call("GET", path, app=reader).json()["appRoleAssignmentRequired"] is False
    world.graph.role_assignment_required.add(APP)
    assert world.call("GET", path, app=reader).json()["appRoleAssignmentRequired"] is True
    assert world.call("GET", f"{path}/appRoleAssignedTo", app=reader).json()["value"] == []


def test_change_tracking_may_be_missing_in_a_tenant(world: GraphWorld, reader: str) -> None:
    path = f"v1.0/servicePrincipals(appId='{CHANGE_TRACKING}')"
    assert world.call("GET", path, app=reader).status_code == 200
    world.graph.directory.without_change_tracking.add(world.ann.tenant_id)
    assert world.call("GET", path, app=reader).status_code == 404


@pytest.mark.usefixtures("reader")
def test_applications_are_not_shown_without_permission(world: GraphWorld) -> None:
    answer = world.call("GET", f"v1.0/servicePrincipals(appId='{APP}')")
    assert answer.status_code == 403
    assert "Application.Read.All" in answer.json()["error"]["message"]
