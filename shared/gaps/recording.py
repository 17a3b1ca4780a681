"""The gaps of a tenant at the beginning of a run: recorded from its subscriptions, and chosen for their turns.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, zip_longest

from shared.errors import Conflict, Problem
from shared.gaps.gap import DONE_STATES, Gap, GapCause
from shared.gaps.gap_recorder import RecordedGaps, merge_gaps
from shared.gaps.graph_queries import needs_snapshot
from shared.subscriptions.ports import TrackedSubscriptions
from shared.subscriptions.tracked import TrackedSubscription

# How long an operator can look up what became of a gap.
_DONE_RETENTION = timedelta(days=30)
# An endpoint that comes and goes leaves many gaps of one resource: each backfill may take many requests.
_BETWEEN_BACKFILLS = timedelta(hours=1)
_AT_ANY_TIME = frozenset({GapCause.REQUESTED, GapCause.BASELINE, GapCause.RECHECK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Moves gaps from the rows of subscriptions to the table of gaps, and counts them."""

    subscription_table: TrackedSubscriptions
    gap_table: RecordedGaps
    now: datetime
    counts: Counter[str]

    def load_gaps(self, tenant_id: str) -> Sequence[Gap]:
        """Return the gaps and baselines of a tenant; raises Unavailable, and Misconfigured for a damaged row."""
        by_key = {gap.key: gap for gap in self.gap_table.load(tenant_id)}
        tracked = self.subscription_table.load(tenant_id).tracked
        for row in tracked:
            by_key |= {gap.key: gap for gap in (*self._record(row, by_key), *self._start_baseline(row, by_key))}
        keys = {row.key for row in tracked}
        kept = {key: gap for key, gap in by_key.items() if not self._delete_if_expired(gap, keys)}
        return list(merge_gaps(self.gap_table, kept).values())

    def _record(self, row: TrackedSubscription, by_key: Mapping[str, Gap]) -> Iterator[Gap]:
        """Yield the gap of a subscription row, moved from that row to the table of gaps."""
        gap = Gap.from_tracked(row)
        if gap is None:
            return
        with suppress(Conflict):
            recorded = by_key.get(gap.key)
            merged = gap if recorded is None else recorded.merged_with(gap)
            yield merged if merged is recorded else self.gap_table.save(merged)
            # Save the gap first: a run that is killed in between must not lose it.
            self.subscription_table.save(replace(row, missed_interval=None))
            self.counts["recorded"] += 1

    def _start_baseline(self, row: TrackedSubscription, by_key: Mapping[str, Gap]) -> Iterator[Gap]:
        """Yield the baseline of a subscription that needs one and has none."""
        baseline = Gap.baseline(row, self.now)
        if baseline is not None and baseline.key not in by_key and needs_snapshot(baseline):
            with suppress(Conflict):
                yield self.gap_table.save(baseline)

    def _delete_if_expired(self, gap: Gap, tracked_keys: Collection[str]) -> bool:
        if gap.is_baseline:
            # Without a subscription, nothing updates the snapshot, so its baseline is void.
            is_expired = gap.subscription_key not in tracked_keys
        else:
            age = self.now - gap.ended_at if gap.ended_at else timedelta(0)
            is_expired = gap.state in DONE_STATES and age >= _DONE_RETENTION
        if is_expired:
            with suppress(Problem):
                self.gap_table.delete(gap)
        return is_expired


def in_turn(gaps: Iterable[Gap], now: datetime) -> Iterator[Gap]:
    """Yield the gaps to work on in this run: one of each subscription, those first that have waited longest.

    Tenants alternate, so that one with many gaps does not delay the others. Baselines come last.
    """
    by_subscription = defaultdict[tuple[str, str], list[Gap]](list)
    for gap in gaps:
        by_subscription[gap.tenant_id, gap.subscription_key].append(gap)
    chosen = [found for of_one in by_subscription.values() if (found := _next_of(of_one, now)) is not None]
    by_tenant = defaultdict[str, list[Gap]](list)
    for gap in sorted(chosen, key=lambda gap: (gap.is_baseline, gap.turn_at or gap.since)):
        by_tenant[gap.tenant_id].append(gap)
    return (each for each in chain.from_iterable(zip_longest(*by_tenant.values())) if each is not None)


def _next_of(gaps: Sequence[Gap], now: datetime) -> Gap | None:
    """Return the gap of a subscription to work on: one that has begun, or else the oldest that may begin."""
    due = [gap for gap in gaps if gap.is_due(now) and (gap.begun_at is not None or _may_begin(gap, gaps, now))]
    return min(due, key=lambda gap: (gap.is_baseline, gap.begun_at is None, gap.since), default=None)


def _may_begin(gap: Gap, gaps: Iterable[Gap], now: datetime) -> bool:
    others = (other.begun_at for other in gaps if other.cause not in _AT_ANY_TIME)
    return gap.cause in _AT_ANY_TIME or not any(
        begun is not None and begun > now - _BETWEEN_BACKFILLS for begun in others
    )
