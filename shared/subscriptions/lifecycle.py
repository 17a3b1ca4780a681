"""Judges a subscription's recorded lifecycle notifications: which call for an action, and which are copies.

They have no id, and their validation tokens live for a day, so whoever has seen one can post it again and again. But
each names the expiration of its subscription, which every renewal moves.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.subscriptions.tracked import (
    AppliedSubscription,
    MissedCause,
    MissedInterval,
    MissedNotification,
    TrackedSubscription,
)

# Two operations on one subscription in less time may leave it in an inconsistent state.
# Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#actions-to-take
_MIN_INTERVAL = timedelta(minutes=10)
# How long Graph retries a notification while the endpoint fails or the subscription's token has expired.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
RETRIED_FOR = timedelta(hours=4)
# Each costs a backfill of four hours.
_BETWEEN_MISSED = timedelta(hours=1)
# Graph writes one time with and without fractions of a second. Renewals are minutes apart.
_PRECISION = timedelta(seconds=1)


def is_removal_reported(row: TrackedSubscription) -> bool:
    """Return whether Graph may have removed the subscription since its last renewal; only Graph itself can tell."""
    return _is_current(row, row.activity.removed_at, row.activity.removed_expiration)


def asks_for_renewal(row: TrackedSubscription, applied: AppliedSubscription, now: datetime) -> bool:
    """Return whether Graph asked to reauthorize the subscription, and its last renewal is not too recent to do so."""
    activity = row.activity
    is_current = _is_current(row, activity.reauthorization_required_at, activity.reauthorization_required_expiration)
    return is_current and now - applied.renewed_at >= _MIN_INTERVAL


def unrecorded_missed(row: TrackedSubscription, now: datetime) -> MissedNotification | None:
    """Return the notification ``missed`` whose interval the row does not have yet; at most one an hour.

    A renewal does not settle it: changes that Graph has dropped do not come again.
    """
    missed, recorded = row.activity.missed, row.recorded_missed
    if missed is None or recorded is None:
        return missed
    return missed if not _is_same(missed, recorded) and now - recorded.at >= _BETWEEN_MISSED else None


def missed_by(row: TrackedSubscription, notification: MissedNotification) -> MissedInterval:
    """Return the interval of which Graph may have dropped changes.

    The row has only the last notification of those that came between two runs. All that name one expiration came since
    the renewal that set it, so the interval begins with what Graph retried then.
    """
    first = notification.at
    if row.applied and not _is_copy(notification.expiration, row.applied):
        first = min(first, row.applied.renewed_at)
    return MissedInterval(since=first - RETRIED_FOR, until=notification.at, cause=MissedCause.MISSED)


def has_copy(row: TrackedSubscription) -> bool:
    """Return whether the last lifecycle notification of a kind was a copy, which calls for nothing."""
    missed, recorded = row.activity.missed, row.recorded_missed
    if missed is not None and recorded is not None and _is_same(missed, recorded) and missed.at > recorded.at:
        return True
    return any(_is_copy(expiration, row.applied) for expiration in _since_renewal(row) if row.applied)


def _since_renewal(row: TrackedSubscription) -> Iterator[datetime | None]:
    """Yield the expirations that were named since the last renewal."""
    activity, applied = row.activity, row.applied
    events = (
        (activity.removed_at, activity.removed_expiration),
        (activity.reauthorization_required_at, activity.reauthorization_required_expiration),
    )
    yield from (expiration for at, expiration in events if at and applied and at > applied.renewed_at)


def _is_current(row: TrackedSubscription, at: datetime | None, expiration: datetime | None) -> bool:
    """Return whether a lifecycle event came after the last renewal, which settles earlier ones, and is no copy."""
    applied = row.applied
    return at is not None and applied is not None and at > applied.renewed_at and not _is_copy(expiration, applied)


def _is_copy(expiration: datetime | None, applied: AppliedSubscription) -> bool:
    """Return whether a notification names the expiration from before the last renewal."""
    return expiration is not None and expiration < applied.expiration - _PRECISION


def _is_same(missed: MissedNotification, recorded: MissedNotification) -> bool:
    if missed.expiration is None:
        return missed.at <= recorded.at
    return missed.expiration == recorded.expiration
