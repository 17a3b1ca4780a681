"""What the next run of the timer will do, as far as the storage account shows it: Graph's list may add to it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cli.glance import Glance
from cli.subscription_status import StatusContext, SubscriptionState, state_of
from dashboard.snapshot import NextRun
from shared.subscriptions.deployment_status import period_of


def next_run(glance: Glance, renew_after: timedelta) -> NextRun | None:
    """Return when the timer runs next, and what for; None before its first run."""
    owner = glance.owner
    if owner is None:
        return None
    at = owner.last_run_at + period_of(owner.starts)
    return NextRun(last_at=owner.last_run_at, at=at, plan=tuple(_steps(glance, at, renew_after)))


def _steps(glance: Glance, at: datetime, renew_after: timedelta) -> Iterator[str]:
    context = StatusContext(now=glance.now, overdue_after=glance.overdue_after)
    states = [(row, state_of(row, context)) for row in glance.rows]
    unwanted = sum(state is SubscriptionState.UNWANTED for _, state in states)
    wanted = [(row, state) for row, state in states if state is not SubscriptionState.UNWANTED]
    yield f"Compare {len(wanted)} desired {_s('subscription', len(wanted))} with Graph's list"
    lacking = {SubscriptionState.PENDING, SubscriptionState.LAPSED, SubscriptionState.REMOVED}
    failed = sum(row.failure is not None and row.failure.retry_at <= at for row, _ in wanted)
    created = sum(state in lacking for _, state in wanted)
    due = sum(bool(row.applied and row.applied.renewed_at + renew_after <= at) for row, _ in wanted)
    counts = {
        "Create {0} {1}": (created, "subscription"),
        "Try {0} {1} again that failed": (failed, "subscription"),
        "Renew {0} {1}": (due, "subscription"),
        "Delete {0} {1} that nobody wants": (unwanted, "subscription"),
        "Publish {0} parked {1}": (len(glance.parked), "POST"),
        "Read back {0} {1}": (len(glance.open_gaps()), "gap"),
    }
    for words, (count, noun) in counts.items():
        if count:
            yield words.format(count, _s(noun, count))


def _s(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
