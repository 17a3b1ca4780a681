"""Close gaps: record what subscriptions missed, backfill it from Graph, or report that it is lost.

Graph is asked only about recorded gaps, and once for each new subscription: its baseline is the snapshot that the lists
are compared with after a gap.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.errors import Conflict, Misconfigured, NotFound, Problem, Unavailable
from shared.events.gap_event import gap_event
from shared.gaps.backfill import Backfill, Publish
from shared.gaps.coverage import Coverage
from shared.gaps.gap import GRAPH_HISTORY, TOO_OLD, Gap, GapCause, GapState
from shared.gaps.gap_recorder import RecordedGaps
from shared.gaps.graph_queries import needs_snapshot, why_unrecoverable
from shared.gaps.list_comparison import SnapshotEntries
from shared.gaps.list_walk import GraphRefusal
from shared.gaps.recording import Recording, in_turn
from shared.gaps.recovered_events import lost_changes
from shared.gaps.turns import GraphLists, Reads, Turns
from shared.limits import OutOfTime
from shared.subscriptions.ports import TrackedSubscriptions
from shared.timing import Backoff, Clock, Deadline

_LOG = logging.getLogger(__name__)

# A permission that is granted within this time still helps.
_GIVE_UP_AFTER = timedelta(days=7)
# Graph retries for 4 hours. A "team created" may arrive after the comparison, for a team that has been deleted since.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_GRAPH_RETRIES_FOR = timedelta(hours=4, minutes=5)
# How much longer the second comparison waits for what is parked: one POST may stay parked for days.
_WAITS_FOR_PARKED = timedelta(days=1)
_PUBLISH_TIMEOUT = timedelta(seconds=30)
_CALL_TIMEOUT = timedelta(seconds=30)
_MAX_TEXT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """Settings and ports of a run.

    ``graph`` returns Graph in a tenant, called on ``pool``. ``publish`` leaves out what was published before, and
    ``publish_again`` does not. ``is_parked``: whether a POST received before a given time is still parked.
    """

    tenant_ids: Sequence[str]
    client_id: str
    subscription_table: TrackedSubscriptions
    gap_table: RecordedGaps
    snapshot_table: SnapshotEntries
    graph: Callable[[str], GraphLists]
    pool: Executor
    publish: Publish
    publish_again: Publish
    is_parked: Callable[[datetime], bool]
    clock: Clock
    call_timeout: timedelta = _CALL_TIMEOUT
    # The timer calls ``run`` for a minute at a time, and a pause that Graph asks for may last longer.
    paused_until: dict[str, datetime] = field(default_factory=dict)

    def run(self, ends: datetime) -> Counter[str]:
        """Return how many gaps were recorded, recovered and so on; gaps take turns, and the next run continues."""
        run = _Run(ports=self)
        gaps = [gap for tenant_id in self.tenant_ids for gap in run.load_gaps(tenant_id)]
        turns = Turns(
            graph=self.graph,
            clock=self.clock,
            ends=ends,
            pool=self.pool,
            call_timeout=self.call_timeout,
            paused_until=self.paused_until,
        )
        turns.run(_Attempt(run=run, backfill=run.backfill(gap)) for gap in in_turn(gaps, self.clock.now()))
        return +run.counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    ports: CatchUp
    counts: Counter[str] = field(default_factory=Counter)
    coverages: dict[str, Coverage] = field(default_factory=dict)
    """By tenant."""

    def load_gaps(self, tenant_id: str) -> Sequence[Gap]:
        """Return the gaps and baselines of a tenant; none if a table fails."""
        ports = self.ports
        recording = Recording(
            subscription_table=ports.subscription_table,
            gap_table=ports.gap_table,
            now=ports.clock.now(),
            counts=self.counts,
        )
        try:
            gaps = recording.load_gaps(tenant_id)
        except Problem as problem:
            _LOG.error("tenant %s: its gaps cannot be processed: %s", tenant_id, problem)
            self.counts["failed"] += 1
            return ()
        self.coverages[tenant_id] = Coverage(gap for gap in gaps if gap.state is GapState.BASELINED)
        return gaps

    def backfill(self, gap: Gap) -> Backfill:
        """Return an attempt at a gap."""
        ports = self.ports
        return Backfill(
            gap=gap,
            coverage=self.coverages[gap.tenant_id],
            client_id=ports.client_id,
            clock=ports.clock,
            snapshot_table=ports.snapshot_table,
            publish=ports.publish_again if gap.cause is GapCause.REQUESTED else ports.publish,
            save=ports.gap_table.save,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One attempt at a gap in this run, with what becomes of the gap."""

    run: _Run
    backfill: Backfill

    @property
    def tenant_id(self) -> str:
        return self.backfill.gap.tenant_id

    @property
    def units(self) -> int:
        return self.backfill.units

    def reads(self) -> Reads[None]:
        """Backfill the gap, or declare it lost; count what became of it."""
        gap = self.backfill.gap
        try:
            outcome = yield from self._attempt(gap)
        except Conflict:
            outcome = "left to another run"
        except Problem as problem:
            # The sink or the table of gaps does not answer: the gap stays as it is.
            _LOG.error("tenant %s: the gap of %s cannot be processed: %s", gap.tenant_id, gap.resource, problem)
            outcome = "failed"
        self.run.counts[outcome] += 1
        self.run.counts["events"] += self.backfill.gap.recovered - gap.recovered

    def _attempt(self, gap: Gap) -> Reads[str]:
        if (reason := gap.why_too_long_ago(self._now()) or why_unrecoverable(gap)) is not None:
            return self._declare_lost(gap, GapState.UNRECOVERABLE, reason)
        try:
            self._check_nothing_is_parked(gap)
            yield from self.backfill.reads()
        # Before Unavailable, its base class: nothing has failed, so there is no back-off.
        except OutOfTime:
            self.backfill.save(self.backfill.gap)
            return "to be continued"
        except (Unavailable, Misconfigured, NotFound, GraphRefusal) as problem:
            return self._record_failure(self.backfill.gap, problem)
        return self._finish(self.backfill.gap)

    def _now(self) -> datetime:
        return self.run.ports.clock.now()

    def _check_nothing_is_parked(self, gap: Gap) -> None:
        now = self._now()
        if gap.is_recheck and now < (gap.due_at or now) + _WAITS_FOR_PARKED and self.run.ports.is_parked(now):
            raise Unavailable("a parked POST may report a change from before the gap ended")

    def _record_failure(self, gap: Gap, problem: Problem) -> str:
        now = self._now()
        failed = replace(gap, failure=Backoff.next(gap.failure, problem, now))
        if isinstance(problem, Unavailable | Misconfigured):
            # Misconfigured comes from the sink or a table, and concerns every gap.
            _LOG.warning("%s: the gap since %s is postponed: %s", gap.resource, gap.since, problem)
            self._save(failed)
            return "put off"
        if gap.is_recheck:
            # The first comparison succeeded: no change is known to be lost.
            return self._finish(gap)
        is_for_good = isinstance(problem, NotFound) or (isinstance(problem, GraphRefusal) and problem.is_for_good)
        if is_for_good or now - gap.until > _GIVE_UP_AFTER:
            return self._declare_lost(failed, GapState.UNRECOVERABLE, str(problem))
        if gap.state is not GapState.REFUSED:
            self._announce_loss(gap, str(problem))
        self._save(replace(failed, state=GapState.REFUSED, reason=str(problem)[:_MAX_TEXT]))
        return "refused"

    def _finish(self, gap: Gap) -> str:
        if gap.is_recheck:
            self.run.ports.gap_table.delete(gap)
            return "compared again"
        if gap.is_baseline:
            self._close(gap, GapState.BASELINED, gap.reason)
            return "noted"
        baseline = self.backfill.coverage.baseline_of(gap)
        if needs_snapshot(gap) and baseline is None:
            return self._declare_lost(gap, GapState.UNRECOVERABLE, "there was no complete snapshot to compare with")
        if gap.since < self._now() - GRAPH_HISTORY:
            return self._declare_lost(gap, GapState.UNRECOVERABLE, TOO_OLD)
        if needs_snapshot(gap):
            # Plan it first, for a run that is killed in between. It may be planned already.
            with suppress(Conflict):
                self._save(gap.recheck_at(self._now() + _GRAPH_RETRIES_FOR))
        return self._close_read(gap, baseline)

    def _close_read(self, gap: Gap, baseline: Gap | None) -> str:
        if baseline is not None and gap.began_before(baseline):
            # What had changed by then is in the snapshot, as if it had always been so.
            return self._declare_lost(gap, GapState.UNRECOVERABLE, "the snapshot was not complete when it began")
        if gap.skipped:
            reason = f"{gap.skipped} lists or items could not be read: {gap.reason}"
            return self._declare_lost(gap, GapState.PARTIAL, reason)
        _LOG.info("%s: the gap since %s is closed, with %s events recovered", gap.resource, gap.since, gap.recovered)
        self._close(gap, GapState.RECOVERED, None)
        return "recovered"

    def _declare_lost(self, gap: Gap, state: GapState, reason: str) -> str:
        # Announce first: a run that is killed in between announces it again, with the same id.
        if gap.state is not GapState.REFUSED:
            self._announce_loss(gap, reason)
        self._close(gap, state, reason[:_MAX_TEXT])
        return state.value

    def _announce_loss(self, gap: Gap, reason: str) -> None:
        if gap.is_baseline:
            message = "tenant %s: %s has no snapshot, so changes in a gap would be lost: %s"
            _LOG.warning(message, gap.tenant_id, gap.resource, reason)
            return
        message = "tenant %s: changes of %s from %s until %s are lost: %s"
        _LOG.warning(message, gap.tenant_id, gap.resource, gap.since, gap.until, reason)
        ports, lost = self.run.ports, lost_changes(gap, reason[:_MAX_TEXT])
        event = gap_event(lost, client_id=ports.client_id, published_at=self._now())
        ports.publish([event], Deadline.after(_PUBLISH_TIMEOUT))

    def _close(self, gap: Gap, state: GapState, reason: str | None) -> None:
        self._save(replace(gap, state=state, reason=reason, ended_at=self._now(), position=(), failure=None))

    def _save(self, gap: Gap) -> None:
        self.run.ports.gap_table.save(gap)
