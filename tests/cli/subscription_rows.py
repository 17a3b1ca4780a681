"""Rows of the subscription table, and what Graph lists, as values."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Misconfigured
from shared.graph.subscription import GraphSubscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Backoff
from tests.fakes.subscription_values import LISTED, NOW, OBSERVED
from tests.sender import TENANT


def before(**time: float) -> datetime:
    return NOW - timedelta(**time)


def desired(resource: str = "/teams", changes: str = "created", **properties: Any) -> DesiredSubscription:
    return DesiredSubscription(
        tenant_id=TENANT, resource=resource, change_types=frozenset(changes.split(",")), **properties
    )


APPLIED = replace(OBSERVED, include_resource_data=False, certificate_id=None)


def row(**changes: Any) -> TrackedSubscription:
    values: dict[str, Any] = {"desired": desired(), "applied": APPLIED, "client_state_key_id": "aaaaaaaa"}
    return TrackedSubscription(**(values | changes))


def failure(text: str = "Graph answered 403: no") -> Backoff:
    return Backoff.next(None, Misconfigured(text), before(minutes=1))


def untracked(**changes: Any) -> GraphSubscription:
    return replace(LISTED, subscription_id="untracked", resource="/teams", **changes)
