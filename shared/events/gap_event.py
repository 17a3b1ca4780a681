"""The event that reports lost changes: ``Microsoft.Graph.SubscriptionGap``, a name of this app's own.

Graph has no event for it: https://learn.microsoft.com/azure/event-grid/subscribe-to-graph-api-events
"""

from dataclasses import dataclass
from datetime import datetime

from shared.events.cloud_events import CloudEvent, Provenance, rfc3339, source_of, stable_id
from shared.notifications.json_text import dump_json


@dataclass(frozen=True, slots=True, kw_only=True)
class LostChanges:
    """Changes that a subscription reported or should have reported, and that cannot be published.

    ``change_type``: separated by commas. ``key`` distinguishes the loss from others of the tenant.
    """

    key: str
    tenant_id: str
    subscription_id: str
    resource: str
    change_type: str
    since: datetime
    until: datetime
    reason: str


def gap_event(lost: LostChanges, *, client_id: str, published_at: datetime) -> CloudEvent:
    """Return the event; its id stays the same however often the loss is reported."""
    until = rfc3339(lost.until)
    properties = {
        "tenantId": lost.tenant_id,
        "subscriptionId": lost.subscription_id,
        "resource": lost.resource,
        "changeType": lost.change_type,
        "startDateTime": rfc3339(lost.since),
        "endDateTime": until,
        "reason": lost.reason,
    }
    id_ = stable_id(lost.tenant_id, lost.key, "gap", until)
    return CloudEvent(
        id=id_,
        type="Microsoft.Graph.SubscriptionGap",
        source=source_of(lost.tenant_id, client_id),
        subject=f"subscriptions/{lost.subscription_id}",
        time=published_at,
        data=dump_json(properties),
        provenance=Provenance(tenant_id=lost.tenant_id, dedup_key=id_),
    )
