"""Close gaps: record what subscriptions missed, read it at Graph and publish it, or say that it is lost.

Graph is only asked about recorded gaps, never to see whether there is one; and once for each new subscription: its
baseline is the snapshot to compare with after a gap.

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
from shared.gaps.backfill import Backfill, BackfillPorts, GraphLists, PageReader
from shared.gaps.gap import DONE_STATES, Gap, GapState
from shared.gaps.graph_queries import needs_snapshot, why_unrecoverable
from shared.gaps.recovered_events import gap_event
from shared.gaps.snapshot_diff import SnapshotEntries
from shared.limits import OutOfTime
from shared.subscriptions.apply import TrackedSubscriptions
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Backoff, Clock, Deadline

_LOG = logging.getLogger(__name__)

# So long an operator can look at what became of a gap.
_RETRIED_FOR = timedelta(days=30)

# Source: https://learn.microsoft.com/graph/api/chatmessage-delta ("messages of the last eight months")
_GRAPH_HISTORY = timedelta(days=240)
# A permission that is granted within that time still helps.
_GIVE_UP_AFTER = timedelta(days=7)
# For so long Graph tries to deliver what happened before: a team whose creation arrives after the lists were compared
# may have been deleted before. Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_GRAPH_RETRIES_FOR = timedelta(hours=4, minutes=5)
_PUBLISH_TIMEOUT = timedelta(seconds=30)
_MAX_TEXT = 1024


class RecordedGaps(Protocol):
    """The table of gaps; Conflict is raised for a row that somebody else has changed."""

    def load(self, tenant_id: str) -> Sequence[Gap]:
        """Return all gaps of a tenant."""
        ...

    def save(self, gap: Gap) -> Gap:
        """Return the row as it is kept."""
        ...

    def delete(self, gap: Gap) -> None:
        """Delete a row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRecorder:
    """The tables that gaps are moved between, and the time; ``counts`` counts what was recorded."""

    subscription_table: TrackedSubscriptions
    gap_table: RecordedGaps
    clock: Clock
    counts: Counter[str]

    def current_gaps(self, tenant_id: str) -> Sequence[Gap]:
        """Return the gaps and baselines of a tenant.

        Raises:
            Unavailable, Misconfigured: a table does not answer, or has a row that cannot be read.
        """
        by_key = {gap.key: gap for gap in self.gap_table.load(tenant_id)}
        tracked = self.subscription_table.load(tenant_id).tracked
        for row in tracked:
            by_key |= {gap.key: gap for gap in (*self._record(row, by_key), *self._start_baseline(row, by_key))}
        keys = {row.key for row in tracked}
        return [gap for gap in by_key.values() if not self._delete_if_expired(gap, keys)]

    def _record(self, row: TrackedSubscription, by_key: Mapping[str, Gap]) -> Iterator[Gap]:
        gap = Gap.from_tracked(row)
        if gap is None:
            return
        with suppress(Conflict):
            recorded = by_key.get(gap.key)
            merged = gap if recorded is None else recorded.merged_with(gap)
            yield merged if merged is recorded else self.gap_table.save(merged)
            # Not before it stands in the table of gaps: a run that ends between the two must not lose it.
            self.subscription_table.save(replace(row, missed_interval=None))
            self.counts["recorded"] += 1

    def _start_baseline(self, row: TrackedSubscription, by_key: Mapping[str, Gap]) -> Iterator[Gap]:
        """Yield the baseline of a subscription that has none, where one is needed."""
        baseline = Gap.baseline(row, self.clock.now())
        if baseline is not None and baseline.key not in by_key and needs_snapshot(baseline):
            with suppress(Conflict):
                yield self.gap_table.save(baseline)

    def _delete_if_expired(self, gap: Gap, tracked_keys: Collection[str]) -> bool:
        if gap.is_baseline:
            # What changes unheard makes it worthless.
            is_expired = gap.subscription_key not in tracked_keys
        else:
            is_expired = (
                gap.state in DONE_STATES
                and gap.ended_at is not None
                and self.clock.now() - gap.ended_at >= _RETRIED_FOR
            )
        if is_expired:
            with suppress(Problem):
                self.gap_table.delete(gap)
        return is_expired


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """What catching up needs.

    ``graph`` returns Graph as the app of a tenant sees it, ``is_parked`` whether a POST received before a moment waits.
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


def catch_up(ports: CatchUp, *, ends: datetime) -> Counter[str]:
    """Return what became of the gaps whose turn it is, the oldest first; what is not done goes on in the next run."""
    run = _Run(ports=ports, ends=ends)
    gaps = [gap for tenant_id in ports.tenant_ids for gap in run.current_gaps(tenant_id)]
    for gap in sorted(gaps, key=lambda gap: (gap.is_baseline, gap.since)):
        if ports.clock.now() >= ends:
            break
        if gap.is_due(ports.clock.now()) and gap.tenant_id not in run.paused:
            run.counts[run.attempt(gap)] += 1
    return +run.counts


@dataclass(kw_only=True)
class _Run:
    ports: CatchUp
    ends: datetime
    paused: set[str] = field(default_factory=set)
    """Tenants in which Graph has asked to be left alone."""
    counts: Counter[str] = field(default_factory=Counter)
    baselined: set[tuple[str, str]] = field(default_factory=set)
    """Tenants and keys of the subscriptions whose baselines are noted."""

    def __post_init__(self) -> None:
        clock = self.ports.clock
        self._backfill_ports = BackfillPorts(
            client_id=self.ports.client_id,
            pages=PageReader(graph=self.ports.graph, clock=clock, ends=self.ends),
            snapshot_table=self.ports.snapshot_table,
            publish=self.ports.publish,
            save=self.ports.gap_table.save,
        )

    def current_gaps(self, tenant_id: str) -> Sequence[Gap]:
        """Return the gaps and baselines of a tenant; none where they cannot be had."""
        ports = self.ports
        recorder = GapRecorder(
            subscription_table=ports.subscription_table,
            gap_table=ports.gap_table,
            clock=ports.clock,
            counts=self.counts,
        )
        try:
            gaps = recorder.current_gaps(tenant_id)
        except Problem as problem:
            _LOG.error("tenant %s: its gaps cannot be looked after: %s", tenant_id, problem)
            self.counts["failed"] += 1
            return ()
        self.baselined |= {(tenant_id, gap.subscription_key) for gap in gaps if gap.state is GapState.BASELINED}
        return gaps

    def attempt(self, gap: Gap) -> str:
        """Return what became of a gap."""
        try:
            return self._declare_lost(gap, reason) if (reason := self._why_hopeless(gap)) else self._backfill(gap)
        except Conflict:
            return "left to another run"

    def _why_hopeless(self, gap: Gap) -> str | None:
        if gap.until < self.ports.clock.now() - _GRAPH_HISTORY:
            return "Graph tells of the last eight months only"
        return why_unrecoverable(gap)

    def _backfill(self, gap: Gap) -> str:
        is_complete = (gap.tenant_id, gap.subscription_key) in self.baselined
        backfill = Backfill(gap, self._backfill_ports, is_complete=is_complete)
        try:
            if gap.recheck_at is not None:
                self._check_nothing_is_parked()
            backfill.run()
        # Before Unavailable, which it is too: nothing has failed, so that there is no back-off.
        except OutOfTime:
            return "to be continued"
        except (Unavailable, Misconfigured, NotFound) as problem:
            return self._record_failure(backfill.gap, problem)
        finally:
            self.counts["events"] += backfill.gap.recovered - gap.recovered
        return self._finish(backfill.gap)

    def _check_nothing_is_parked(self) -> None:
        if self.ports.is_parked(self.ports.clock.now()):
            raise Unavailable("what is parked may tell of things that are there no more")

    def _record_failure(self, gap: Gap, problem: Problem) -> str:
        now = self.ports.clock.now()
        failed = replace(gap, failure=Backoff.next(gap.failure, problem, now))
        if isinstance(problem, Unavailable):
            if problem.retry_after is not None:
                self.paused.add(gap.tenant_id)
            _LOG.warning("%s: the gap since %s is put off: %s", gap.resource, gap.since, problem)
            self.ports.gap_table.save(failed)
            return "put off"
        if gap.recheck_at is not None:
            # It has been read once: nothing is known to be lost.
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
            return self._declare_lost(gap, "what was there before was not known yet")
        if gap.skipped:
            return self._declare_lost(gap, f"Graph refused {gap.skipped} of the lists to be read: {gap.reason}")
        if gap.since < self.ports.clock.now() - _GRAPH_HISTORY:
            return self._declare_lost(gap, "Graph tells of the last eight months only")
        _LOG.info("%s: the gap since %s is closed with %s events", gap.resource, gap.since, gap.recovered)
        recheck_at = self.ports.clock.now() + _GRAPH_RETRIES_FOR if needs_snapshot(gap) else None
        self._close(gap, GapState.RECOVERED, None, recheck_at=recheck_at)
        return "recovered"

    def _declare_lost(self, gap: Gap, reason: str) -> str:
        # Said before it is noted: a run that ends between the two says it twice, with the same id.
        if gap.state is not GapState.REFUSED:
            self._announce_loss(gap, reason)
        self._close(gap, GapState.UNRECOVERABLE, reason[:_MAX_TEXT])
        return "unrecoverable"

    def _announce_loss(self, gap: Gap, reason: str) -> None:
        if gap.is_baseline:
            message = "tenant %s: changes of %s could not be found after a gap: %s"
            _LOG.warning(message, gap.tenant_id, gap.resource, reason)
            return
        message = "tenant %s: changes of %s from %s until %s are lost: %s"
        _LOG.warning(message, gap.tenant_id, gap.resource, gap.since, gap.until, reason)
        event = gap_event(
            gap, reason=reason[:_MAX_TEXT], client_id=self.ports.client_id, published_at=self.ports.clock.now()
        )
        self.ports.publish([event], Deadline.after(_PUBLISH_TIMEOUT))

    def _close(self, gap: Gap, state: GapState, reason: str | None, *, recheck_at: datetime | None = None) -> None:
        ended = replace(
            gap, state=state, reason=reason, checkpoint=None, current_query=None, next_page=None, failure=None
        )
        self.ports.gap_table.save(replace(ended, ended_at=self.ports.clock.now(), recheck_at=recheck_at))
