"""What the flow of this package needs from Graph and from the table.

Source: https://learn.microsoft.com/graph/api/resources/subscription#methods
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shared.graph.subscription import GraphSubscription
from shared.subscriptions.tracked import AccountStatus, MissedCause, TenantState, TrackedSubscription


class SubscriptionsApi(Protocol):
    """Graph, called as one account; raises NotFound for 404, Conflict for 409 and 412."""

    def token_expires_at(self) -> datetime:
        """Return when the token expires that the next request will carry, or a later one."""
        ...

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        """Return all subscriptions that the account sees."""
        ...

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        """Create a subscription."""
        ...

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        """Renew a subscription."""
        ...

    def get_subscription(self, subscription_id: str, *, beta: bool) -> GraphSubscription:
        """Return a subscription."""
        ...

    def delete_subscription(self, subscription_id: str) -> None:
        """Delete a subscription."""
        ...


class TrackedSubscriptions(Protocol):
    """The table of tracked subscriptions; raises Conflict if a row changed since it was read."""

    def load(self, tenant_id: str) -> TenantState:
        """Return the rows of a tenant."""
        ...

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        """Return the row as saved, with its ETag."""
        ...

    def delete(self, row: TrackedSubscription) -> None:
        """Delete a row."""
        ...

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        """Delete the activity of a subscription."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedChanges:
    """An interval in which a subscription that existed may have missed changes."""

    tracked: TrackedSubscription
    since: datetime
    until: datetime
    cause: MissedCause


class GapRecorder(Protocol):
    """The table of gaps, as this package needs it."""

    def record_gaps(self, tenant_id: str, missed: Sequence[MissedChanges]) -> None:
        """Return when all are recorded; what is recorded again is the same gap. Raises Unavailable, Misconfigured."""
        ...
