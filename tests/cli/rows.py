"""Rows of the table as values, for what is decided without one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import Misconfigured
from shared.graph.subscription import GraphSubscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import AppliedSubscription, TrackedSubscription
from shared.timing import Backoff
from tests.sender import TENANT

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://app.example/api/ReceiveNotification"


def back(**time: float) -> datetime:
    return NOW - timedelta(**time)


def desired(resource: str = "/teams", changes: str = "created", **properties: Any) -> DesiredSubscription:
    return DesiredSubscription(
        tenant_id=TENANT, resource=resource, change_types=frozenset(changes.split(",")), **properties
    )


def observed(**changes: Any) -> AppliedSubscription:
    values: dict[str, Any] = {
        "subscription_id": "one",
        "notification_url": URL,
        "include_resource_data": False,
        "certificate_id": None,
        "renewed_at": back(minutes=5),
        "expiration": NOW + timedelta(days=2, hours=3),
    }
    return AppliedSubscription(**(values | changes))


def row(**changes: Any) -> TrackedSubscription:
    values: dict[str, Any] = {"desired": desired(), "applied": observed(), "client_state_key_id": "aaaaaaaa"}
    return TrackedSubscription(**(values | changes))


def failure(text: str = "Graph answered 403: no") -> Backoff:
    return Backoff.next(None, Misconfigured(text), back(minutes=1))


def subscription(subscription_id: str, **changes: Any) -> GraphSubscription:
    values: dict[str, Any] = {
        "subscription_id": subscription_id,
        "resource": "/teams",
        "change_types": frozenset({"created"}),
        "notification_url": URL,
        "lifecycle_notification_url": URL,
        "include_resource_data": False,
        "encryption_certificate_id": None,
        "expiration": NOW + timedelta(days=2),
    }
    return GraphSubscription(**(values | changes))
