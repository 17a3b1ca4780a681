"""The table of subscriptions as a command on a laptop may change it.

A laptop may lack a permission, a role or the network that the app has: its failures say nothing of the app. And it
deletes nothing: what is no longer wanted is left to the timer.
"""

from dataclasses import dataclass, field, replace

from shared.subscriptions.ports import TrackedSubscriptions
from shared.subscriptions.tracked import AccountStatus, TenantState, TrackedSubscription
from shared.timing import Backoff


@dataclass(frozen=True, slots=True)
class LaptopTable:
    """``TrackedSubscriptions`` that keeps each row's failure as it was, unless the row has none any more."""

    _table: TrackedSubscriptions
    _failures: dict[tuple[str, str], Backoff | None] = field(default_factory=dict, init=False)

    def load(self, tenant_id: str) -> TenantState:
        """Return the rows of a tenant, without those that are not wanted."""
        state = self._table.load(tenant_id)
        wanted = tuple([row for row in state.tracked if row.is_wanted])
        self._failures.update({_key(row): row.failure for row in wanted})
        return replace(state, tracked=wanted)

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        """Return the row as saved, with its ETag."""
        if row.failure is None:
            return self._table.save(row)
        if isinstance(row, AccountStatus):
            return row
        return self._table.save(replace(row, failure=self._failures.get(_key(row))))

    def delete(self, row: TrackedSubscription) -> None:
        """Delete a row."""
        self._table.delete(row)

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        """Delete the activity of a subscription that was recreated."""
        self._table.delete_activity(tenant_id, subscription_id)


def _key(row: TrackedSubscription) -> tuple[str, str]:
    return row.desired.tenant_id, row.key
