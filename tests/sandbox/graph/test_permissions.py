"""Who may call Graph: tokens, and the permission that each resource asks for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.graph.catalogue import CATALOGUE
from sandbox.graph.errors import Refused
from sandbox.graph.rules import created
from tests.sandbox.graph_keys import rich
from tests.sandbox.graph_world import APP, GUID, POWERLESS_APP, GraphWorld, caller, error, filled

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "authorization", ["", "Basic QQ==", "Bearer", "Bearer nonsense", "Bearer a.b.c"], ids=lambda value: value or "none"
)
def test_invalid_token_is_401(stern: GraphWorld, authorization: str) -> None:
    headers = {"Authorization": authorization, "client-request-id": GUID}
    answer = stern.call("POST", "v1.0/subscriptions", stern.body(), headers=headers)
    assert error(answer)[:2] == (401, "InvalidAuthenticationToken")
    assert "authorization_uri" in answer.headers["WWW-Authenticate"]
    assert answer.headers["client-request-id"] == GUID


def test_token_for_another_audience_is_401(stern: GraphWorld) -> None:
    token = stern.entra.validation_token(audience=APP, tenant_id=stern.ann.tenant_id, version="1.0")
    assert stern.call("GET", "v1.0/subscriptions", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_expired_token_is_401(world: GraphWorld) -> None:
    headers = world.bearer()
    world.clock.advance(timedelta(hours=1))
    assert world.call("GET", "v1.0/subscriptions", headers=headers).status_code == 401


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.template)
def test_missing_permission_is_403_and_named(row: Any) -> None:
    asked = {
        "changeType": min(row.change_types),
        "notificationUrl": "https://a.example/",
        "resource": filled(row.template, {"*organizers": f"['{GUID}']"}),
        "expirationDateTime": "2030-01-01T01:00:00Z",
        **(rich() if row.rich_only else {}),
    }
    now = datetime(2030, 1, 1, 0, 30, tzinfo=UTC)
    with pytest.raises(Refused) as caught:
        created(asked, caller(roles=("User.Read.All",)), version="beta", now=now)
    assert caught.value.status == 403
    assert caught.value.message.startswith("Operation: Create; Exception: [Status Code: Forbidden; Reason: Required")
    assert f"('{','.join(row.permissions)}') is missing." in caught.value.message
    for permission in row.permissions:
        assert created(asked, caller(roles=(permission,)), version="beta", now=now).resource_type is row


def test_missing_permission_is_403_over_http(stern: GraphWorld) -> None:
    answer = stern.call("POST", "v1.0/subscriptions", stern.body(), app=POWERLESS_APP)
    assert error(answer)[:2] == (403, "ExtensionError")
