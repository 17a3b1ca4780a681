"""What does a lifecycle notification look like? As documented, or as it has been seen: three shapes, in turn.

Sources: https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events,
https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/84,
https://github.com/microsoftgraph/msgraph-sdk-java/issues/1551,
https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/3103
"""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.graph.items import Item

type Shape = Callable[[Item, Mapping[str, Any]], Mapping[str, Any]]
"""Returns the notification of an item, with the properties that every notification has."""


def documented(item: Item, common: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return it as the article's sample has it."""
    return {**common, "lifecycleEvent": item.lifecycle_event}


def with_nulls(item: Item, common: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return it with empty texts and nulls for what only changes have, and the tenant under another name."""
    return {
        **common,
        "tenantId": "",
        "organizationId": common["tenantId"],
        "lifecycleEvent": item.lifecycle_event,
        "resource": "",
        "resourceData": {"@odata.type": "", "@odata.id": "", "id": ""},
        "sequence": None,
        "resourceChangeType": None,
        "encryptedContent": None,
    }


def with_resource(item: Item, common: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return it with the subscription as the resource."""
    return {**documented(item, common), "resource": f"Subscriptions/{item.subscription.id}"}


SHAPES: tuple[Shape, ...] = (documented, with_nulls, with_resource)
HAVE_TOKENS = frozenset({with_nulls, with_resource})
"""The shapes that came with validation tokens."""
