"""Checks of what is on its way: the queue, what is stored for later or for good, gaps, and a message of our own.

Source: https://learn.microsoft.com/graph/api/chat-post-messages
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from cli.doctor.case import Case
from cli.doctor.finding import Finding, mend, ok, watch
from cli.output import span
from cli.queue_peek import Queue
from cli.subscription_status import StatusContext, SubscriptionState, state_of
from shared.errors import InvalidValidationToken
from shared.gaps.gap import GapState
from shared.receiving.post_store import PARKED, QUARANTINE, StoredPost
from shared.subscriptions.tracked import TrackedSubscription

# Of a tenant, for all apps together. Source: https://learn.microsoft.com/graph/change-notifications-overview
_QUOTA = 10_000
_NEARLY = 0.9
_LONG = timedelta(minutes=15)
_GOOD = frozenset({SubscriptionState.ACTIVE, SubscriptionState.UNWANTED})
_INCOMPLETE = frozenset({GapState.REFUSED, GapState.PARTIAL, GapState.UNRECOVERABLE})


def subscriptions(case: Case) -> Finding:
    """Look at the state of each subscription, and at the tenants' quota."""
    rows = case.rows()
    context = StatusContext(now=case.now(), overdue_after=case.settings.renew_after * 2)
    states = {row: state_of(row, context) for row in rows}
    if bad := [row for row in rows if states[row] not in _GOOD | {SubscriptionState.PENDING}]:
        return mend(_described(bad[0], states[bad[0]], len(bad)), "python -m cli subscriptions check")
    if pending := sum(state is SubscriptionState.PENDING for state in states.values()):
        return watch(f"{pending} wait for the next run", "python -m cli subscriptions list")
    if not rows:
        return watch("nothing is watched: subscriptions.json is empty, or the timer has not run")
    full = [tenant_id for tenant_id in case.tenant_ids if len(case.state(tenant_id).tracked) > _QUOTA * _NEARLY]
    if full:
        return watch(f"tenant {full[0]} is near Graph's limit of {_QUOTA}: watch whole tenants instead of single chats")
    return ok(f"{len(rows)} active")


def _described(row: TrackedSubscription, state: SubscriptionState, count: int) -> str:
    reason = f": {row.failure.text}" if row.failure else ""
    more = f" (and {count - 1} more)" if count > 1 else ""
    return f"{row.desired.resource} is {state.value}{reason}{more}"


def backlog(case: Case) -> Finding:
    """Look at how long events wait for their consumer."""
    name = case.settings.queue_name
    if name is None:
        return ok("consumers of an event hub know their own backlog")
    queue = Queue(case.clients.queues(), case.clients.blobs(), name)
    return of_backlog(queue.count(), queue.oldest(), case.now())


def of_backlog(count: int, oldest: datetime | None, now: datetime) -> Finding:
    """Return what so many events mean, the oldest of which came then."""
    if oldest is None:
        return ok("no event waits")
    waits = now - oldest
    text = f"about {count} events wait for the consumer, the oldest for {span(waits)}"
    return watch(f"{text}: does the consumer run?", "python -m cli events tail --once") if waits > _LONG else ok(text)


def parked(case: Case) -> Finding:
    """Look at what waits to be published."""
    posts = list(case.clients.post_store(PARKED).list())
    if not posts:
        return ok("nothing waits to be published")
    waits = case.now() - min(post.received_at for post in posts)
    text = f"{_by_reason(posts)} wait, the oldest for {span(waits)}"
    return watch(text, "python -m cli parked list") if waits > _LONG else ok(text)


def quarantine(case: Case) -> Finding:
    """Look at what was refused for good."""
    posts = list(case.clients.post_store(QUARANTINE).list())
    if not posts:
        return ok("nothing was refused for good")
    text = f"{_by_reason(posts)} in quarantine"
    if any(post.reason == InvalidValidationToken.reason for post in posts):
        return mend(f"{text}: Graph sent no validation tokens, so look at the check registration first", _ONLY, _RETRY)
    return watch(text, "python -m cli quarantine list")


_ONLY = "python -m cli doctor --only registration"
_RETRY = "python -m cli quarantine retry"


def _by_reason(posts: Sequence[StoredPost]) -> str:
    counts = Counter(post.reason for post in posts)
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())


def gaps(case: Case) -> Finding:
    """Look at changes that were missed."""
    found = [gap for tenant_id in case.tenant_ids for gap in case.clients.gap_table().load(tenant_id)]
    incomplete = [gap for gap in found if gap.state in _INCOMPLETE]
    if incomplete:
        text = f"{len(incomplete)} gaps are not filled, as that of {incomplete[0].resource}: {incomplete[0].reason}"
        return watch(text, "python -m cli gaps list", "python -m cli gaps retry")
    filling = sum(gap.state is GapState.OPEN and not gap.is_baseline for gap in found)
    return ok(f"{filling} are being filled" if filling else "no change is missing")
