"""What is the JSON of notifications? Items in, the body of one POST out.

Sources: https://learn.microsoft.com/en-us/graph/api/resources/changenotificationcollection,
https://learn.microsoft.com/en-us/graph/api/resources/changenotification
"""

import json
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.entra import Entra
from sandbox.graph.encryption import encrypt
from sandbox.graph.items import Item
from sandbox.graph.lifecycle_items import HAVE_TOKENS, Shape, documented
from sandbox.graph.paths import odata
from sandbox.graph.subscription import Subscription
from sandbox.teams import Change

type TokenVersion = Literal["1.0", "2.0"]


def body(
    items: Sequence[Item],
    entra: Entra,
    version: TokenVersion,
    *,
    shape: Shape = documented,
    role_assignment_required: Container[str] = (),
) -> bytes:
    """Return a ``changeNotificationCollection``; rich items are encrypted again each time.

    ``shape``: of its lifecycle notifications. ``role_assignment_required``: the ids of applications for which Graph
    Change Tracking gets no token, because they ask for an assignment that it does not have; ``validationTokens`` is
    null where one of them takes part.
    Source: https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data#validation-tokens-in-the-change-notification
    """
    collection: dict[str, Any] = {"value": [_notification(item, shape) for item in items]}
    # One token for each app and tenant, however many of their items are in the body. None if nothing is encrypted.
    audiences = {
        (item.subscription.token_audience, item.subscription.tenant_id): None
        for item in items
        if has_token(item, shape)
    }
    if any(audience in role_assignment_required for audience, _ in audiences):
        collection["validationTokens"] = None
    elif audiences:
        collection["validationTokens"] = [
            entra.validation_token(audience=audience, tenant_id=tenant_id, version=version)
            for audience, tenant_id in audiences
        ]
    return json.dumps(collection, ensure_ascii=False).encode()


def has_token(item: Item, shape: Shape) -> bool:
    """Return whether an item calls for a validation token: it carries a resource, or is of a subscription that does."""
    return item.is_rich or (item.change is None and item.subscription.is_rich and shape in HAVE_TOKENS)


def _notification(item: Item, shape: Shape) -> Mapping[str, Any]:
    subscription = item.subscription
    common = {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": _timestamp(subscription.expires_at),
        "tenantId": subscription.tenant_id,
        "clientState": subscription.client_state,
    }
    if item.change is None:
        return shape(item, common)
    return {**common, **_change(item.change), **_content(item.change, subscription)}


def resource_of(change: Change) -> str:
    """Return the thing that changed as notifications spell it."""
    return change.resource if change.resource is not None else odata(change.path)


def _change(change: Change) -> dict[str, Any]:
    resource = resource_of(change)
    return {
        "changeType": change.change_type,
        "resource": resource,
        "resourceData": {
            "id": change.resource_id or change.path[-1],
            "@odata.type": change.odata_type,
            "@odata.id": change.odata_id or resource,
        },
        **change.extras,
    }


def _content(change: Change, subscription: Subscription) -> dict[str, Any]:
    if subscription.certificate is None or subscription.certificate_id is None:
        return {}
    plaintext = json.dumps(change.entity, ensure_ascii=False).encode()
    return {"encryptedContent": encrypt(plaintext, subscription.certificate, subscription.certificate_id)}


def _timestamp(when: datetime) -> str:
    # Notifications write the offset out, where subscriptions have "Z".
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0+00:00"
