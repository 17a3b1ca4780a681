"""What can be done about one subscription; ``shared.subscriptions`` decides which, ``shared.upkeep`` does it.

``expiration`` is what Graph is to be asked for, ``gap`` a time to be recorded in which changes may have gone unnoticed.

Source: https://learn.microsoft.com/graph/api/resources/subscription#methods
"""

from dataclasses import dataclass
from datetime import datetime

from shared.subscription import Subscription
from shared.tracked import Gap, Tracked


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Subscribe to what nothing watches; ``gap`` is the time in which it should have been watched."""

    tracked: Tracked
    expiration: datetime
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Take on a subscription of this deployment that its row does not know, and renew it."""

    tracked: Tracked
    subscription: Subscription
    expiration: datetime
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """Extend a subscription, which reauthorizes it too."""

    tracked: Tracked
    subscription: Subscription
    expiration: datetime
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate:
    """Renew a subscription with resource data, and give it the current certificate."""

    tracked: Tracked
    subscription: Subscription
    expiration: datetime
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recreate:
    """Subscribe anew for what Graph cannot change, after unsubscribing: it refuses one beside the other (409)."""

    tracked: Tracked
    subscription: Subscription
    expiration: datetime
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Unsubscribe, if there is anything left to unsubscribe, and forget the row."""

    tracked: Tracked
    subscription: Subscription | None


type Action = Create | Adopt | Renew | Rotate | Recreate | Delete
