"""The table of subscriptions, in memory."""

import itertools
import threading
from dataclasses import replace

from shared.errors import Conflict, Problem
from shared.subscriptions.tracked import AccountStatus, Activity, TenantState, TrackedSubscription
from tests.fakes.calls import Calls


class InMemorySubscriptionTable:
    """Keeps the contract of ``shared.subscriptions.subscription_table``: an ETag for each version of a row, Conflict
    for a stale one.
    """

    def __init__(self, calls: Calls) -> None:
        self.rows: dict[tuple[str, str], TrackedSubscription | AccountStatus] = {}
        self.activities: dict[tuple[str, str], Activity] = {}
        self.down: Problem | None = None
        self._calls = calls
        self._lock = threading.RLock()
        self._etags = itertools.count()

    def load(self, tenant_id: str) -> TenantState:
        return self._calls.of("load", lambda: self._loaded(tenant_id))

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        return self._calls.of("save", lambda: self._saved(row))

    def delete(self, row: TrackedSubscription) -> None:
        self._calls.of("remove", lambda: self._removed(row))

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        self._calls.of("forget", lambda: self.activities.pop((tenant_id, subscription_id), None))

    def tracked(self) -> list[TrackedSubscription]:
        """Return the rows of all tenants, by resource."""
        rows = [row for row in self.rows.values() if isinstance(row, TrackedSubscription)]
        return sorted(rows, key=lambda row: (row.desired.resource, row.desired.tenant_id))

    def _loaded(self, tenant_id: str) -> TenantState:
        if self.down is not None:
            raise self.down
        with self._lock:
            stored = [row for (tenant, _), row in self.rows.items() if tenant == tenant_id]
            activities = {id_: activity for (tenant, id_), activity in self.activities.items() if tenant == tenant_id}
        tracked = [row for row in stored if isinstance(row, TrackedSubscription)]
        ids = {row.applied.subscription_id for row in tracked if row.applied}
        return TenantState(
            tracked=tuple(replace(row, activity=self._activity_of(row)) for row in tracked),
            accounts=tuple(row for row in stored if isinstance(row, AccountStatus)),
            former_activity={id_: activity for id_, activity in activities.items() if id_ not in ids},
        )

    def _activity_of(self, row: TrackedSubscription) -> Activity:
        id_ = row.applied.subscription_id if row.applied else ""
        return self.activities.get((row.desired.tenant_id, id_), Activity())

    def _saved[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        if self.down is not None:
            raise self.down
        with self._lock:
            self._check(row)
            stored = replace(row, etag=f"e{next(self._etags)}")
            self.rows[_keys(row)] = stored
        return stored

    def _removed(self, row: TrackedSubscription) -> None:
        with self._lock:
            if _keys(row) in self.rows:
                self._check(row)
                del self.rows[_keys(row)]

    def _check(self, row: TrackedSubscription | AccountStatus) -> None:
        known = self.rows.get(_keys(row))
        if (known.etag if known else None) != row.etag:
            raise Conflict("another run has changed the row of the subscription")


def _keys(row: TrackedSubscription | AccountStatus) -> tuple[str, str]:
    if isinstance(row, TrackedSubscription):
        return (row.desired.tenant_id, row.key)
    return (row.tenant_id, f"listing-{row.delegated}")
