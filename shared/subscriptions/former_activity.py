"""Deletes the activity of subscriptions that no row names: former ones, and ids that somebody made up.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from contextlib import suppress
from datetime import datetime, timedelta

from shared.errors import Problem
from shared.subscriptions.ports import TrackedSubscriptions
from shared.subscriptions.tracked import TenantState

# A notification may arrive before the row of its new subscription is saved, and the clocks of two instances may differ.
_REMEMBERED_FOR = timedelta(hours=2)
# Of activity rows in one run: a deletion takes some milliseconds.
_MAX_FORGOTTEN = 1000


def forget_former(table: TrackedSubscriptions, tenant_id: str, state: TenantState, now: datetime) -> None:
    """Delete old activity that belongs to no row of a tenant; what cannot be deleted waits for the next run."""
    times = ((id_, activity.last_at) for id_, activity in state.former_activity.items())
    former = [id_ for id_, at in times if at is None or now - at > _REMEMBERED_FOR]
    with suppress(Problem):
        for id_ in former[:_MAX_FORGOTTEN]:
            table.delete_activity(tenant_id, id_)
