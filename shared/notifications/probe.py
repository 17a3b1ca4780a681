"""The item with which the app calls its own URL, to find out whether the endpoint takes POSTs.

It is parked, like an item that cannot be published yet: what every 202 rests on is that parking works.
"""

import json
from enum import StrEnum

from msgspec import Raw

from shared.notifications.properties import ObjectReader, text_or_none

# Graph's own lifecycle events are others, and no subscription has this id.
# Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
_EVENT = "probe"
_SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000000"

_PROBE = ObjectReader("lifecycleEvent", "subscriptionId")


class Verdict(StrEnum):
    """What the app's own call of its public URL says about the endpoint."""

    YES = "yes"
    CANNOT_TELL = "cannot tell"
    NO = "no"


def probe_body(*, client_state: str, tenant_id: str) -> bytes:
    """Return a collection of one probe."""
    item = {
        "subscriptionId": _SUBSCRIPTION_ID,
        "lifecycleEvent": _EVENT,
        "tenantId": tenant_id,
        "clientState": client_state,
    }
    return json.dumps({"value": [item]}).encode()


def is_probe(item: Raw) -> bool:
    """Return whether a received item is a probe, which anyone may send: its client state decides whether it is ours."""
    # Each genuine item is asked, and a search costs a fraction of reading it.
    if _SUBSCRIPTION_ID.encode() not in bytes(item):
        return False
    fields = _PROBE.read(item)
    event, subscription_id = (text_or_none(fields.get(name)) for name in ("lifecycleEvent", "subscriptionId"))
    return event == _EVENT and subscription_id == _SUBSCRIPTION_ID
