"""Who may call Graph: tokens, and the permission that each resource asks for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.graph.callers import Caller
from sandbox.graph.catalogue import CATALOGUE
from sandbox.graph.errors import Refused
from sandbox.graph.resource_type import ResourceType
from sandbox.graph.rules import created
from sandbox.graph.subscription import Subscription
from tests.sandbox.graph_keys import rich
from tests.sandbox.graph_world import APP, GUID, POWERLESS_APP, GraphWorld, caller, error, filled

pytestmark = pytest.mark.slow

NOW = datetime(2030, 1, 1, 0, 30, tzinfo=UTC)


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


def _subscribe(row: ResourceType, who: Caller, *, version: str = "beta", **changes: Any) -> Subscription:
    query = f"?$filter=id in ('{GUID}')" if row.filter_required else ""
    asked = {
        "changeType": min(row.change_types),
        "notificationUrl": "https://a.example/",
        "resource": filled(row.template, {"*organizers": f"['{GUID}']"}) + query,
        "expirationDateTime": "2030-01-01T01:00:00Z",
        **(rich() if row.rich_only else {}),
    }
    return created(asked | changes, who, version=version, now=NOW)


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.template)
def test_missing_permission_is_403_and_named(row: ResourceType) -> None:
    app = caller(roles=("User.Read.All",))
    user = replace(app, roles=frozenset(), scopes=app.roles, user_id=GUID)
    for who, held, permissions in ((app, "roles", row.permissions), (user, "scopes", row.delegated)):
        with pytest.raises(Refused) as caught:
            _subscribe(row, who)
        assert caught.value.status == 403
        assert caught.value.message.startswith("Operation: Create; Exception: [Status Code: Forbidden; Reason: Requir")
        assert f"('{','.join(permissions)}') is missing." in caught.value.message
        for permission in permissions:
            assert _subscribe(row, replace(who, **{held: frozenset({permission})})).resource_type is row  # type: ignore[arg-type]  # roles or scopes


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.template)
def test_subscription_lives_as_long_as_its_row_allows(row: ResourceType) -> None:
    app = caller(roles=row.permissions)
    who = app if row.permissions else replace(app, scopes=frozenset(row.delegated), user_id=GUID)
    lifecycle = {"lifecycleNotificationUrl": "https://a.example/"}
    latest = NOW + row.max_lifetime
    assert _subscribe(row, who, expirationDateTime=latest.isoformat(), **lifecycle).expires_at == latest
    with pytest.raises(Refused, match="Subscription expiration can only be"):
        _subscribe(row, who, expirationDateTime=(latest + timedelta(seconds=1)).isoformat(), **lifecycle)


@pytest.mark.parametrize("row", [row for row in CATALOGUE if row.beta_only], ids=lambda row: row.template)
def test_beta_only_resource_is_refused_in_v1(row: ResourceType) -> None:
    with pytest.raises(Refused, match="is not supported for subscriptions in v1"):
        _subscribe(row, caller(), version="v1.0")


def test_missing_permission_is_403_over_http(stern: GraphWorld) -> None:
    answer = stern.call("POST", "v1.0/subscriptions", stern.body(), app=POWERLESS_APP)
    assert error(answer)[:2] == (403, "ExtensionError")
