"""Close gaps: record what subscriptions missed, backfill it from Graph, or report that it is lost.

Graph is asked only about recorded gaps, and once for each new subscription: its baseline is the snapshot that the lists
are compared with after a gap.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.errors import Conflict, Misconfigured, NotFound, Problem, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.events.gap_event import gap_event
from shared.gaps.backfill import Backfill, GraphLists, PageReader, SnapshotEntries
from shared.gaps.gap import DONE_STATES, Gap, GapState
from shared.gaps.graph_queries import needs_snapshot, why_unrecoverable
from shared.gaps.recovered_events import lost_changes
from shared.limits import OutOfTime
from shared.subscriptions.apply import TrackedSubscriptions
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Backoff, Clock, Deadline

_LOG = logging.getLogger(__name__)

# How long an operator can look up what became of a gap.
_DONE_RETENTION = timedelta(days=30)
# Source: https://learn.microsoft.com/graph/api/chatmessage-delta ("messages of the last eight months")
_GRAPH_HISTORY = timedelta(days=240)
_TOO_OLD = "Graph goes back eight months only"
# A permission that is granted within this time still helps.
_GIVE_UP_AFTER = timedelta(days=7)
# Graph retries for 4 hours. A "team created" may arrive after the comparison, for a team that has been deleted since.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_GRAPH_RETRIES_FOR = timedelta(hours=4, minutes=5)
_PUBLISH_TIMEOUT = timedelta(seconds=30)
_MAX_TEXT = 1024


class RecordedGaps(Protocol):
    """The table of gaps; a change raises Conflict if the row has changed since it was read."""

    def load(self, tenant_id: str) -> Sequence[Gap]:
        """Return all gaps of a tenant."""
        ...

    def save(self, gap: Gap) -> Gap:
        """Return the gap as saved, with its ETag."""
        ...

    def delete(self, gap: Gap) -> None:
        """Delete a row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """Settings and ports of a run.

    ``graph`` returns Graph in a tenant; ``is_parked``, whether a POST received before a given time is still parked.
    """

    tenant_ids: Sequence[str]
    client_id: str
    subscription_table: TrackedSubscriptions
    gap_table: RecordedGaps
    snapshot_table: SnapshotEntries
    graph: Callable[[str], GraphLists]
    publish: Callable[[Sequence[CloudEvent], Deadline], object]
    is_parked: Callable[[datetime], bool]
    clock: Clock

    def run(self, ends: datetime) -> Counter[str]:
        """Return how many gaps were recorded, recovered and so on, the oldest first; the next run continues."""
        run = _Run(ports=self, reader=PageReader(graph=self.graph, clock=self.clock, ends=ends))
        gaps = [gap for tenant_id in self.tenant_ids for gap in run.load_gaps(tenant_id)]
        for gap in sorted(gaps, key=lambda gap: (gap.is_baseline, gap.since)):
            if self.clock.now() >= ends:
                break
            if gap.is_due(self.clock.now()) and gap.tenant_id not in run.throttled_tenants:
                run.counts[run.attempt(gap)] += 1
        return +run.counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    ports: CatchUp
    reader: PageReader
    throttled_tenants: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    baselined: set[tuple[str, str]] = field(default_factory=set)
    """Tenants and keys of the subscriptions with a complete baseline."""

    def load_gaps(self, tenant_id: str) -> Sequence[Gap]:
        """Return the gaps and baselines of a tenant; none if a table fails."""
        try:
            gaps = self._current_gaps(tenant_id)
        except Problem as problem:
            _LOG.error("tenant %s: its gaps cannot be processed: %s", tenant_id, problem)
            self.counts["failed"] += 1
            return ()
        self.baselined.update((tenant_id, gap.subscription_key) for gap in gaps if gap.state is GapState.BASELINED)
        return gaps

    def _current_gaps(self, tenant_id: str) -> Sequence[Gap]:
        by_key = {gap.key: gap for gap in self.ports.gap_table.load(tenant_id)}
        tracked = self.ports.subscription_table.load(tenant_id).tracked
        for row in tracked:
            by_key |= {gap.key: gap for gap in (*self._record(row, by_key), *self._start_baseline(row, by_key))}
        keys = {row.key for row in tracked}
        return [gap for gap in by_key.values() if not self._delete_if_expired(gap, keys)]

    def _record(self, row: TrackedSubscription, by_key: Mapping[str, Gap]) -> Iterator[Gap]:
        """Yield the gap of a subscription row, moved from that row to the table of gaps."""
        gap = Gap.from_tracked(row)
        if gap is None:
            return
        with suppress(Conflict):
            recorded = by_key.get(gap.key)
            merged = gap if recorded is None else recorded.merged_with(gap)
            yield merged if merged is recorded else self.ports.gap_table.save(merged)
            # Save the gap first: a run that is killed in between must not lose it.
            self.ports.subscription_table.save(replace(row, missed_interval=None))
            self.counts["recorded"] += 1

    def _start_baseline(self, row: TrackedSubscription, by_key: Mapping[str, Gap]) -> Iterator[Gap]:
        """Yield the baseline of a subscription that needs one and has none."""
        baseline = Gap.baseline(row, self.ports.clock.now())
        if baseline is not None and baseline.key not in by_key and needs_snapshot(baseline):
            with suppress(Conflict):
                yield self.ports.gap_table.save(baseline)

    def _delete_if_expired(self, gap: Gap, tracked_keys: Collection[str]) -> bool:
        if gap.is_baseline:
            # Without a subscription, nothing updates the snapshot, so its baseline is void.
            is_expired = gap.subscription_key not in tracked_keys
        else:
            age = self.ports.clock.now() - gap.ended_at if gap.ended_at else timedelta(0)
            is_expired = gap.state in DONE_STATES and age >= _DONE_RETENTION
        if is_expired:
            with suppress(Problem):
                self.ports.gap_table.delete(gap)
        return is_expired

    def attempt(self, gap: Gap) -> str:
        """Return what became of a gap."""
        reason = _TOO_OLD if self._is_too_old(gap.until) else why_unrecoverable(gap)
        try:
            return self._backfill(gap) if reason is None else self._declare_lost(gap, reason)
        except Conflict:
            return "left to another run"

    def _is_too_old(self, moment: datetime) -> bool:
        return moment < self.ports.clock.now() - _GRAPH_HISTORY

    def _backfill(self, gap: Gap) -> str:
        backfill = Backfill(
            gap=gap,
            is_complete=(gap.tenant_id, gap.subscription_key) in self.baselined,
            client_id=self.ports.client_id,
            reader=self.reader,
            snapshot_table=self.ports.snapshot_table,
            publish=self.ports.publish,
            save=self.ports.gap_table.save,
        )
        try:
            if gap.recheck_at is not None:
                self._check_nothing_is_parked()
            backfill.run()
        # Before Unavailable, its base class: nothing has failed, so there is no back-off.
        except OutOfTime:
            return "to be continued"
        except (Unavailable, Misconfigured, NotFound) as problem:
            return self._record_failure(backfill.gap, problem)
        finally:
            self.counts["events"] += backfill.gap.recovered - gap.recovered
        return self._finish(backfill.gap)

    def _check_nothing_is_parked(self) -> None:
        if self.ports.is_parked(self.ports.clock.now()):
            raise Unavailable("a parked POST may report a change from before the gap ended")

    def _record_failure(self, gap: Gap, problem: Problem) -> str:
        now = self.ports.clock.now()
        failed = replace(gap, failure=Backoff.next(gap.failure, problem, now))
        if isinstance(problem, Unavailable):
            if problem.retry_after is not None:
                self.throttled_tenants.add(gap.tenant_id)
            _LOG.warning("%s: the gap since %s is postponed: %s", gap.resource, gap.since, problem)
            self.ports.gap_table.save(failed)
            return "put off"
        if gap.recheck_at is not None:
            # The first comparison succeeded: no change is known to be lost.
            return self._finish(gap)
        if isinstance(problem, NotFound) or now - gap.until > _GIVE_UP_AFTER:
            return self._declare_lost(failed, str(problem))
        if gap.state is not GapState.REFUSED:
            self._announce_loss(gap, str(problem))
        self.ports.gap_table.save(replace(failed, state=GapState.REFUSED, reason=str(problem)[:_MAX_TEXT]))
        return "refused"

    def _finish(self, gap: Gap) -> str:
        if gap.recheck_at is not None:
            self._close(gap, GapState.RECOVERED, None)
            return "compared again"
        if gap.is_baseline:
            self._close(gap, GapState.BASELINED, gap.reason)
            return "noted"
        if needs_snapshot(gap) and (gap.tenant_id, gap.subscription_key) not in self.baselined:
            return self._declare_lost(gap, "there was no complete snapshot to compare with")
        if gap.skipped:
            return self._declare_lost(gap, f"Graph refused {gap.skipped} of the lists: {gap.reason}")
        if self._is_too_old(gap.since):
            return self._declare_lost(gap, _TOO_OLD)
        _LOG.info("%s: the gap since %s is closed, with %s events recovered", gap.resource, gap.since, gap.recovered)
        recheck_at = self.ports.clock.now() + _GRAPH_RETRIES_FOR if needs_snapshot(gap) else None
        self._close(gap, GapState.RECOVERED, None, recheck_at=recheck_at)
        return "recovered"

    def _declare_lost(self, gap: Gap, reason: str) -> str:
        # Announce first: a run that is killed in between announces it again, with the same id.
        if gap.state is not GapState.REFUSED:
            self._announce_loss(gap, reason)
        self._close(gap, GapState.UNRECOVERABLE, reason[:_MAX_TEXT])
        return "unrecoverable"

    def _announce_loss(self, gap: Gap, reason: str) -> None:
        if gap.is_baseline:
            message = "tenant %s: %s has no snapshot, so changes in a gap would be lost: %s"
            _LOG.warning(message, gap.tenant_id, gap.resource, reason)
            return
        message = "tenant %s: changes of %s from %s until %s are lost: %s"
        _LOG.warning(message, gap.tenant_id, gap.resource, gap.since, gap.until, reason)
        client_id, now = self.ports.client_id, self.ports.clock.now()
        event = gap_event(lost_changes(gap, reason[:_MAX_TEXT]), client_id=client_id, published_at=now)
        self.ports.publish([event], Deadline.after(_PUBLISH_TIMEOUT))

    def _close(self, gap: Gap, state: GapState, reason: str | None, *, recheck_at: datetime | None = None) -> None:
        ended = replace(gap, state=state, reason=reason, ended_at=self.ports.clock.now(), recheck_at=recheck_at)
        self.ports.gap_table.save(replace(ended, checkpoint=None, current_query=None, next_page=None, failure=None))
