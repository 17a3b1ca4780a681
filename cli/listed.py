"""Tracked rows in, what ``subscriptions list --json`` prints out."""

from collections.abc import Sequence

from cli.documents import FailureDocument, GapDocument, ListDocument, ListingDocument, SubscriptionDocument
from cli.listing import Moment, last_lifecycle_event, state_of
from cli.texts import iso, iso_or_none
from shared.subscriptions.tracked import AccountStatus, MissedInterval, TenantState, TrackedSubscription
from shared.timing import Backoff


def document(tenants: Sequence[tuple[str, TenantState]], moment: Moment) -> ListDocument:
    """Return what `subscriptions list --json` prints."""
    return {
        "subscriptions": [_of_row(row, moment) for _, rows in tenants for row in rows.tracked],
        "accounts": [_of_listing(listing) for _, rows in tenants for listing in rows.accounts],
    }


def _of_row(row: TrackedSubscription, moment: Moment) -> SubscriptionDocument:
    desired, observed = row.desired, row.applied
    event, event_at = last_lifecycle_event(row.activity)
    return {
        "tenantId": desired.tenant_id,
        "resource": desired.resource,
        "changeType": desired.change_type,
        "includeResourceData": desired.include_resource_data,
        "fetch": desired.fetch,
        "delegated": desired.delegated,
        "addedBy": row.added_by,
        "state": state_of(row, moment).value,
        "subscriptionId": observed.subscription_id if observed else None,
        "expirationDateTime": iso(observed.expiration) if observed else None,
        "renewedDateTime": iso(observed.renewed_at) if observed else None,
        "encryptionCertificateId": observed.certificate_id if observed else None,
        "clientStateKeyId": row.client_state_key_id,
        "notificationDateTime": iso_or_none(row.activity.notification_at),
        "lifecycleEvent": event,
        "lifecycleEventDateTime": iso_or_none(event_at),
        "gap": of_gap(row.missed_interval) if row.missed_interval else None,
        "failure": of_failure(row.failure) if row.failure else None,
    }


def _of_listing(listing: AccountStatus) -> ListingDocument:
    return {
        "tenantId": listing.tenant_id,
        "delegated": listing.delegated,
        "listedDateTime": iso_or_none(listing.listed_at),
        "failure": of_failure(listing.failure) if listing.failure else None,
    }


def of_gap(gap: MissedInterval) -> GapDocument:
    """Return a gap for scripts."""
    return {"startDateTime": iso(gap.since), "endDateTime": iso_or_none(gap.until)}


def of_failure(failure: Backoff) -> FailureDocument:
    """Return a failure for scripts."""
    return {
        "error": failure.text,
        "errorDateTime": iso(failure.at),
        "consecutiveFailures": failure.count,
        "retryDateTime": iso(failure.retry_at),
    }
