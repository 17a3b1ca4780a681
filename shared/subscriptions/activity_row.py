"""A subscription's activity in the table: what was last heard of it, in a row of its own.

A POST has only the subscription's id, and writes the row without reading it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.subscriptions.tracked import Activity
from shared.table import Entity, optional_column
from shared.timing import utc_time

# The prefix of the row's key.
ACTIVITY = "heard-"

# Columns of ``Activity``: one for each lifecycle event, another with the expiration that it named, and one for changes.
LIFECYCLE_COLUMNS: Mapping[str, str] = {
    "reauthorizationRequired": "reauthorizationRequiredDateTime",
    "subscriptionRemoved": "subscriptionRemovedDateTime",
    "missed": "missedDateTime",
}
EXPIRATION_COLUMNS: Mapping[str, str] = {
    "reauthorizationRequired": "reauthorizationRequiredExpiration",
    "subscriptionRemoved": "subscriptionRemovedExpiration",
    "missed": "missedExpiration",
}
NOTIFICATION_COLUMN = "notificationDateTime"


def activity_keys(tenant_id: str, subscription_id: str) -> dict[str, str]:
    """Return the keys of a subscription's activity row."""
    return {"PartitionKey": tenant_id, "RowKey": f"{ACTIVITY}{subscription_id}"}


def activity_columns(lifecycle_event: str | None, at: datetime, expiration: datetime | None) -> dict[str, Any]:
    """Return the columns to merge into the row; an unknown lifecycle event counts as a change."""
    columns: dict[str, Any] = {LIFECYCLE_COLUMNS.get(lifecycle_event or "", NOTIFICATION_COLUMN): at}
    if expiration_column := EXPIRATION_COLUMNS.get(lifecycle_event or ""):
        # A text, because a merge keeps a column that has no value.
        columns[expiration_column] = expiration.isoformat() if expiration else ""
    return columns


def activity_from(entity: Entity) -> Activity:
    """Return the activity in a row; raises as ``column`` does."""
    return Activity(
        notification_at=optional_column(entity, NOTIFICATION_COLUMN, datetime),
        reauthorization_required_at=optional_column(entity, LIFECYCLE_COLUMNS["reauthorizationRequired"], datetime),
        reauthorization_required_expiration=_named_expiration(entity, "reauthorizationRequired"),
        removed_at=optional_column(entity, LIFECYCLE_COLUMNS["subscriptionRemoved"], datetime),
        removed_expiration=_named_expiration(entity, "subscriptionRemoved"),
        missed_at=optional_column(entity, LIFECYCLE_COLUMNS["missed"], datetime),
        missed_expiration=_named_expiration(entity, "missed"),
    )


def _named_expiration(entity: Entity, lifecycle_event: str) -> datetime | None:
    text = optional_column(entity, EXPIRATION_COLUMNS[lifecycle_event], str)
    return utc_time(text) if text else None
