"""Tracked rows in, what an operator wants to know of them out: a state and lines for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cli.texts import ago, iso, span
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import AccountStatus, Activity, MissedInterval, TenantState, TrackedSubscription
from shared.timing import Backoff

COLUMNS = ("resource", "changes", "content", "state", "expires in", "renewed", "last change")


class State(StrEnum):
    """How a subscription fares, as far as the table tells; what Graph says of it, `subscriptions check` asks."""

    ACTIVE = "active"
    PENDING = "pending"
    """The next run of the timer creates it."""
    FAILING = "failing"
    """The last attempt failed; until it expires, changes still come."""
    OVERDUE = "overdue"
    """It has not been renewed for so long that Graph may have stopped: does the timer run?"""
    REMOVED = "removed"
    """Graph removed it; the next run creates it anew."""
    LAPSED = "lapsed"
    UNWANTED = "not wanted"
    """The next run deletes it."""


_BAD = frozenset({State.FAILING, State.OVERDUE, State.REMOVED, State.LAPSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a list is made, and after how long without a renewal a subscription is overdue."""

    now: datetime
    overdue_after: timedelta


def state_of(row: TrackedSubscription, moment: Moment) -> State:
    """Return how a subscription fares; the worst that holds."""
    if not row.is_wanted:
        return State.UNWANTED
    observed = row.applied
    if observed is None:
        return State.FAILING if row.failure else State.PENDING
    if observed.expiration <= moment.now:
        return State.LAPSED
    if row.activity.removed_at is not None and row.activity.removed_at > observed.renewed_at:
        return State.REMOVED
    if row.failure is not None:
        return State.FAILING
    return State.OVERDUE if moment.now - observed.renewed_at > moment.overdue_after else State.ACTIVE


def is_bad(rows: TenantState, moment: Moment) -> bool:
    """Return whether somebody should look after a tenant's subscriptions."""
    failures = [row.failure for row in rows.tracked] + [listing.failure for listing in rows.accounts]
    return any(failures) or any(state_of(row, moment) in _BAD for row in rows.tracked)


def cells(row: TrackedSubscription, moment: Moment) -> tuple[str, ...]:
    """Return what stands in ``COLUMNS``."""
    desired, observed = row.desired, row.applied
    return (
        desired.resource,
        desired.change_type,
        content_of(desired),
        state_of(row, moment),
        span(observed.expiration - moment.now) if observed else "",
        ago(observed.renewed_at, moment.now) if observed else "",
        ago(row.activity.notification_at, moment.now),
    )


def content_of(desired: DesiredSubscription) -> str:
    """Return where the content of events comes from, and in whose name if not in the app's."""
    content = "resource data" if desired.include_resource_data else "fetched" if desired.fetch else "basic"
    return f"{content}, as user" if desired.delegated else content


def notes(rows: TenantState, moment: Moment) -> Iterator[str]:
    """Return what does not fit into a column: failures, gaps, what Graph said of a subscription's life."""
    for listing in rows.accounts:
        if listing.failure is not None:
            yield f"{who(listing)}: the subscriptions cannot be listed: {_failed(listing.failure, moment.now)}"
    for row in rows.tracked:
        about = f"{row.desired.resource} ({row.desired.change_type})"
        if row.failure is not None:
            yield f"{about}: {_failed(row.failure, moment.now)}"
        if row.missed_interval is not None:
            yield f"{about}: {gap_text(row.missed_interval)}"
        name, at = last_lifecycle_event(row.activity)
        if at is not None:
            yield f"{about}: Graph sent {name} {ago(at, moment.now)}"


def who(listing: AccountStatus) -> str:
    """Return whose subscriptions a list is of."""
    return "signed-in user" if listing.delegated else "app"


def gap_text(gap: MissedInterval) -> str:
    """Return the sentence that tells a gap."""
    until = "and still do" if gap.until is None else f"until {iso(gap.until)}"
    return f"changes may have gone unnoticed from {iso(gap.since)} {until}"


def runs(rows: TenantState, moment: Moment) -> str:
    """Return when the timer was last done with a tenant."""
    listed = [listing.listed_at for listing in rows.accounts if listing.listed_at is not None]
    return f"last looked after {ago(max(listed, default=None), moment.now)}"


def _failed(failure: Backoff, now: datetime) -> str:
    again = "at the next run" if failure.retry_at <= now else f"in {span(failure.retry_at - now)}"
    times = "once" if failure.count == 1 else f"{failure.count} times"
    return f"failed {times}, last {ago(failure.at, now)}, next attempt {again}: {failure.text}"


def last_lifecycle_event(heard: Activity) -> tuple[str | None, datetime | None]:
    """Return Graph's name of what it said last of a subscription's life, and when; twice None if nothing."""
    events = {
        "reauthorizationRequired": heard.reauthorization_required_at,
        "subscriptionRemoved": heard.removed_at,
        "missed": heard.missed_at,
    }
    told = [(at, name) for name, at in events.items() if at is not None]
    at, name = max(told, default=(None, None))
    return name, at
