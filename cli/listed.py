"""The JSON of ``subscriptions list``, from tracked rows."""

from collections.abc import Sequence

from cli.documents import AccountDocument, FailureDocument, GapDocument, ListDocument, SubscriptionDocument
from cli.listing import StatusContext, last_lifecycle_event, state_of
from cli.texts import iso, iso_or_none
from shared.subscriptions.tracked import AccountStatus, MissedInterval, TenantState, TrackedSubscription
from shared.timing import Backoff


def document(tenants: Sequence[tuple[str, TenantState]], context: StatusContext) -> ListDocument:
    """Return what `subscriptions list --json` prints."""
    return {
        "subscriptions": [_subscription_document(row, context) for _, state in tenants for row in state.tracked],
        "accounts": [_account_document(account) for _, state in tenants for account in state.accounts],
    }


def _subscription_document(row: TrackedSubscription, context: StatusContext) -> SubscriptionDocument:
    desired, applied = row.desired, row.applied
    event, event_at = last_lifecycle_event(row.activity)
    return {
        "tenantId": desired.tenant_id,
        "resource": desired.resource,
        "changeType": desired.change_type,
        "includeResourceData": desired.include_resource_data,
        "fetch": desired.fetch,
        "delegated": desired.delegated,
        "addedBy": row.added_by,
        "state": state_of(row, context).value,
        "subscriptionId": applied.subscription_id if applied else None,
        "expirationDateTime": iso(applied.expiration) if applied else None,
        "renewedDateTime": iso(applied.renewed_at) if applied else None,
        "encryptionCertificateId": applied.certificate_id if applied else None,
        "clientStateKeyId": row.client_state_key_id,
        "notificationDateTime": iso_or_none(row.activity.notification_at),
        "lifecycleEvent": event,
        "lifecycleEventDateTime": iso_or_none(event_at),
        "gap": gap_document(row.missed_interval) if row.missed_interval else None,
        "failure": failure_document(row.failure) if row.failure else None,
    }


def _account_document(account: AccountStatus) -> AccountDocument:
    return {
        "tenantId": account.tenant_id,
        "delegated": account.delegated,
        "listedDateTime": iso_or_none(account.listed_at),
        "failure": failure_document(account.failure) if account.failure else None,
    }


def gap_document(missed_interval: MissedInterval) -> GapDocument:
    """Return a gap for scripts."""
    return {"startDateTime": iso(missed_interval.since), "endDateTime": iso_or_none(missed_interval.until)}


def failure_document(failure: Backoff) -> FailureDocument:
    """Return a failure for scripts."""
    return {
        "error": failure.text,
        "errorDateTime": iso(failure.at),
        "consecutiveFailures": failure.count,
        "retryDateTime": iso(failure.retry_at),
    }
