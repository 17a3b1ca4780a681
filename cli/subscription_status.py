"""What ``subscriptions list`` shows of tracked rows: a state, cells, warnings and the JSON document."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cli.json_documents import AccountDocument, FailureDocument, GapDocument, ListDocument, SubscriptionDocument
from cli.output import ago, iso, iso_or_none, span
from shared.subscriptions.lifecycle import is_removal_reported
from shared.subscriptions.tracked import AccountStatus, Activity, MissedInterval, TenantState, TrackedSubscription
from shared.timing import Backoff

COLUMNS = ("resource", "changes", "content", "state", "expires in", "renewed", "last change")


class SubscriptionState(StrEnum):
    """The state of a subscription according to the table; `subscriptions check` asks Graph too."""

    ACTIVE = "active"
    PENDING = "pending"
    """The next run of the timer creates it."""
    FAILING = "failing"
    """The last attempt failed; changes still arrive until the subscription expires."""
    OVERDUE = "overdue"
    """Its last renewal is so old that Graph may have stopped delivering: does the timer run?"""
    REMOVED = "removed"
    """Graph reported that it was removed; the next run checks, and recreates it if so."""
    LAPSED = "lapsed"
    UNWANTED = "not wanted"
    """The next run deletes it."""


_NEEDS_ATTENTION = frozenset(
    {SubscriptionState.FAILING, SubscriptionState.OVERDUE, SubscriptionState.REMOVED, SubscriptionState.LAPSED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusContext:
    """The current time, and the time without a renewal after which a subscription is overdue."""

    now: datetime
    overdue_after: timedelta


def state_of(row: TrackedSubscription, context: StatusContext) -> SubscriptionState:
    """Return the most serious state that applies to a subscription."""
    if not row.is_wanted:
        return SubscriptionState.UNWANTED
    applied = row.applied
    if applied is None:
        return SubscriptionState.FAILING if row.failure else SubscriptionState.PENDING
    if applied.expiration <= context.now:
        return SubscriptionState.LAPSED
    if is_removal_reported(row):
        return SubscriptionState.REMOVED
    if row.failure is not None:
        return SubscriptionState.FAILING
    is_overdue = context.now - applied.renewed_at > context.overdue_after
    return SubscriptionState.OVERDUE if is_overdue else SubscriptionState.ACTIVE


def needs_attention(state: TenantState, context: StatusContext) -> bool:
    """Return whether an operator should look at a tenant's subscriptions."""
    failures = [row.failure for row in state.tracked] + [account.failure for account in state.accounts]
    return any(failures) or any(state_of(row, context) in _NEEDS_ATTENTION for row in state.tracked)


def cells(row: TrackedSubscription, context: StatusContext) -> tuple[str, ...]:
    """Return the cells under ``COLUMNS``."""
    desired, applied = row.desired, row.applied
    content = "resource data" if desired.include_resource_data else "fetched" if desired.fetch else "basic"
    return (
        desired.resource,
        desired.change_type,
        f"{content}, as user" if desired.delegated else content,
        state_of(row, context),
        span(applied.expiration - context.now) if applied else "",
        ago(applied.renewed_at, context.now) if applied else "",
        ago(row.activity.notification_at, context.now),
    )


def warnings(state: TenantState, context: StatusContext) -> Iterator[str]:
    """Yield what does not fit into a column: failures, gaps, and the last lifecycle notification."""
    for account in state.accounts:
        if account.failure is not None:
            failure = _failure_text(account.failure, context.now)
            yield f"{account_name(delegated=account.delegated)}: the subscriptions cannot be listed: {failure}"
    for row in state.tracked:
        about = f"{row.desired.resource} ({row.desired.change_type})"
        if row.failure is not None:
            yield f"{about}: {_failure_text(row.failure, context.now)}"
        if row.missed_interval is not None:
            yield f"{about}: {gap_text(row.missed_interval)}"
        name, at = last_lifecycle_event(row.activity)
        if at is not None:
            yield f"{about}: Graph sent {name} {ago(at, context.now)}"


def account_name(*, delegated: bool) -> str:
    """Return the name under which an account is shown."""
    return "signed-in user" if delegated else "app"


def gap_text(missed_interval: MissedInterval) -> str:
    """Return the sentence about a gap."""
    since, until = iso(missed_interval.since), iso_or_none(missed_interval.until)
    return f"changes may be missing {f'from {since} until {until}' if until else f'since {since}'}"


def last_run(state: TenantState, context: StatusContext) -> str:
    """Return when the timer last checked a tenant."""
    listed_at = [account.listed_at for account in state.accounts if account.listed_at is not None]
    return f"last checked {ago(max(listed_at), context.now)}" if listed_at else "never checked"


def _failure_text(failure: Backoff, now: datetime) -> str:
    next_attempt = "at the next run" if failure.retry_at <= now else f"in {span(failure.retry_at - now)}"
    times = "once" if failure.count == 1 else f"{failure.count} times"
    return f"failed {times}, last {ago(failure.at, now)}, next attempt {next_attempt}: {failure.text}"


def last_lifecycle_event(activity: Activity) -> tuple[str | None, datetime | None]:
    """Return name and time of the last lifecycle notification; both are None if there was none."""
    events = {
        "reauthorizationRequired": activity.reauthorization_required_at,
        "subscriptionRemoved": activity.removed_at,
        "missed": activity.missed_at,
    }
    received = [(at, name) for name, at in events.items() if at is not None]
    at, name = max(received, default=(None, None))
    return name, at


def list_document(tenants: Sequence[tuple[str, TenantState]], context: StatusContext) -> ListDocument:
    """Return what `subscriptions list --json` prints: by tenant, and in each by resource and changes."""
    rows = [row for _, state in tenants for row in sorted(state.tracked, key=_place)]
    return {
        "subscriptions": [_subscription_document(row, context) for row in rows],
        "accounts": [_account_document(account) for _, state in tenants for account in state.accounts],
    }


def _place(row: TrackedSubscription) -> tuple[str, str]:
    return (row.desired.resource, row.desired.change_type)


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
