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
from shared.gaps.backfill import Filler, Filling, GraphLists, Pages
from shared.gaps.gap import DONE, Recovery, State
from shared.gaps.graph_queries import is_compared, unrecoverable
from shared.gaps.recovered_events import gap_event
from shared.gaps.snapshot_diff import KnownThings
from shared.limits import OutOfTime
from shared.subscriptions.apply import TrackedSubscriptions
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Backoff, Clock, Deadline

_LOG = logging.getLogger(__name__)

# So long an operator can look at what became of a gap.
_RETRIED_FOR = timedelta(days=30)

# Source: https://learn.microsoft.com/graph/api/chatmessage-delta ("messages of the last eight months")
_REMEMBERED = timedelta(days=240)
# A permission that is granted within that time still helps.
_REFUSED_FOR = timedelta(days=7)
# For so long Graph tries to deliver what happened before: a team whose creation arrives after the lists were compared
# may have been deleted before. Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_TOLD_LATE_FOR = timedelta(hours=4, minutes=5)
_TIME_FOR_ONE_EVENT = timedelta(seconds=30)
_MAX_TEXT = 1024


class GapTable(Protocol):
    """The table of gaps; Conflict is raised for a row that somebody else has changed."""

    def load(self, tenant_id: str) -> Sequence[Recovery]:
        """Return all gaps of a tenant."""
        ...

    def save(self, row: Recovery) -> Recovery:
        """Return the row as it is kept."""
        ...

    def remove(self, row: Recovery) -> None:
        """Delete a row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The tables that gaps are moved between, and the time; ``done`` counts what was recorded."""

    tracking: TrackedSubscriptions
    gaps: GapTable
    clock: Clock
    done: Counter[str]

    def gaps_of(self, tenant_id: str) -> Sequence[Recovery]:
        """Return the gaps and baselines of a tenant.

        Raises:
            Unavailable, Misconfigured: a table does not answer, or has a row that cannot be read.
        """
        known = {gap.key: gap for gap in self.gaps.load(tenant_id)}
        tracked = self.tracking.load(tenant_id).tracked
        for row in tracked:
            known |= {gap.key: gap for gap in (*self._recorded(row, known), *self._begun(row, known))}
        keys = {row.key for row in tracked}
        return [gap for gap in known.values() if not self._has_had_its_time(gap, keys)]

    def _recorded(self, row: TrackedSubscription, known: Mapping[str, Recovery]) -> Iterator[Recovery]:
        gap = Recovery.of(row)
        if gap is None:
            return
        with suppress(Conflict):
            before = known.get(gap.key)
            kept = gap if before is None else before.joined(gap)
            yield kept if kept is before else self.gaps.save(kept)
            # Not before it stands in the table of gaps: a run that ends between the two must not lose it.
            self.tracking.save(replace(row, missed_interval=None))
            self.done["recorded"] += 1

    def _begun(self, row: TrackedSubscription, known: Mapping[str, Recovery]) -> Iterator[Recovery]:
        """Yield the baseline of a subscription that has none, where one is needed."""
        baseline = Recovery.baseline(row, self.clock.now())
        if baseline is not None and baseline.key not in known and is_compared(baseline):
            with suppress(Conflict):
                yield self.gaps.save(baseline)

    def _has_had_its_time(self, gap: Recovery, tracked: Collection[str]) -> bool:
        if gap.is_baseline:
            # What changes unheard makes it worthless.
            is_over = gap.subscription_key not in tracked
        else:
            is_over = gap.state in DONE and gap.ended_at is not None and self.clock.now() - gap.ended_at >= _RETRIED_FOR
        if is_over:
            with suppress(Problem):
                self.gaps.remove(gap)
        return is_over


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """What catching up needs.

    ``graph`` returns Graph as the app of a tenant sees it, ``is_parked`` whether a POST received before a moment waits.
    """

    tenant_ids: Sequence[str]
    client_id: str
    tracking: TrackedSubscriptions
    gaps: GapTable
    inventory: KnownThings
    graph: Callable[[str], GraphLists]
    publish: Callable[[Sequence[CloudEvent], Deadline], object]
    is_parked: Callable[[datetime], bool]
    clock: Clock


def catch_up(needs: CatchUp, *, ends: datetime) -> Counter[str]:
    """Return what became of the gaps whose turn it is, the oldest first; what is not done goes on in the next run."""
    run = _Run(needs=needs, ends=ends)
    gaps = [gap for tenant_id in needs.tenant_ids for gap in run.gaps_of(tenant_id)]
    for gap in sorted(gaps, key=lambda gap: (gap.is_baseline, gap.since)):
        if needs.clock.now() >= ends:
            break
        if gap.is_due(needs.clock.now()) and gap.tenant_id not in run.paused:
            run.done[run.attempt(gap)] += 1
    return +run.done


@dataclass(kw_only=True)
class _Run:
    needs: CatchUp
    ends: datetime
    paused: set[str] = field(default_factory=set)
    """Tenants in which Graph has asked to be left alone."""
    done: Counter[str] = field(default_factory=Counter)
    noted: set[tuple[str, str]] = field(default_factory=set)
    """Tenants and keys of the subscriptions whose baselines are noted."""

    def __post_init__(self) -> None:
        clock = self.needs.clock
        self._filler = Filler(
            client_id=self.needs.client_id,
            pages=Pages(graph=self.needs.graph, clock=clock, ends=self.ends),
            inventory=self.needs.inventory,
            publish=self.needs.publish,
            save=self.needs.gaps.save,
        )

    def gaps_of(self, tenant_id: str) -> Sequence[Recovery]:
        """Return the gaps and baselines of a tenant; none where they cannot be had."""
        needs = self.needs
        recording = Recording(tracking=needs.tracking, gaps=needs.gaps, clock=needs.clock, done=self.done)
        try:
            gaps = recording.gaps_of(tenant_id)
        except Problem as problem:
            _LOG.error("tenant %s: its gaps cannot be looked after: %s", tenant_id, problem)
            self.done["failed"] += 1
            return ()
        self.noted |= {(tenant_id, gap.subscription_key) for gap in gaps if gap.state is State.NOTED}
        return gaps

    def attempt(self, gap: Recovery) -> str:
        """Return what became of a gap."""
        try:
            return self._lost(gap, reason) if (reason := self._hopeless(gap)) else self._fill(gap)
        except Conflict:
            return "left to another run"

    def _hopeless(self, gap: Recovery) -> str | None:
        if gap.until < self.needs.clock.now() - _REMEMBERED:
            return "Graph tells of the last eight months only"
        return unrecoverable(gap)

    def _fill(self, gap: Recovery) -> str:
        is_complete = (gap.tenant_id, gap.subscription_key) in self.noted
        filling = Filling(gap, self._filler, is_complete=is_complete)
        try:
            if gap.again_at is not None:
                self._check_nothing_is_parked()
            filling.fill()
        # Before Unavailable, which it is too: nothing has failed, so that there is no back-off.
        except OutOfTime:
            return "to be continued"
        except (Unavailable, Misconfigured, NotFound) as problem:
            return self._failed(filling.gap, problem)
        finally:
            self.done["events"] += filling.gap.recovered - gap.recovered
        return self._filled(filling.gap)

    def _check_nothing_is_parked(self) -> None:
        if self.needs.is_parked(self.needs.clock.now()):
            raise Unavailable("what is parked may tell of things that are there no more")

    def _failed(self, gap: Recovery, problem: Problem) -> str:
        now = self.needs.clock.now()
        failed = replace(gap, failure=Backoff.next(gap.failure, problem, now))
        if isinstance(problem, Unavailable):
            if problem.retry_after is not None:
                self.paused.add(gap.tenant_id)
            _LOG.warning("%s: the gap since %s is put off: %s", gap.resource, gap.since, problem)
            self.needs.gaps.save(failed)
            return "put off"
        if gap.again_at is not None:
            # It has been read once: nothing is known to be lost.
            return self._filled(gap)
        if isinstance(problem, NotFound) or now - gap.until > _REFUSED_FOR:
            return self._lost(failed, str(problem))
        if gap.state is not State.REFUSED:
            self._say(gap, str(problem))
        self.needs.gaps.save(replace(failed, state=State.REFUSED, reason=str(problem)[:_MAX_TEXT]))
        return "refused"

    def _filled(self, gap: Recovery) -> str:
        if gap.again_at is not None:
            self._end(gap, State.RECOVERED, None)
            return "compared again"
        if gap.is_baseline:
            self._end(gap, State.NOTED, gap.reason)
            return "noted"
        if is_compared(gap) and (gap.tenant_id, gap.subscription_key) not in self.noted:
            return self._lost(gap, "what was there before was not known yet")
        if gap.skipped:
            return self._lost(gap, f"Graph refused {gap.skipped} of the lists to be read: {gap.reason}")
        if gap.since < self.needs.clock.now() - _REMEMBERED:
            return self._lost(gap, "Graph tells of the last eight months only")
        _LOG.info("%s: the gap since %s is closed with %s events", gap.resource, gap.since, gap.recovered)
        again_at = self.needs.clock.now() + _TOLD_LATE_FOR if is_compared(gap) else None
        self._end(gap, State.RECOVERED, None, again_at=again_at)
        return "recovered"

    def _lost(self, gap: Recovery, reason: str) -> str:
        # Said before it is noted: a run that ends between the two says it twice, with the same id.
        if gap.state is not State.REFUSED:
            self._say(gap, reason)
        self._end(gap, State.UNRECOVERABLE, reason[:_MAX_TEXT])
        return "unrecoverable"

    def _say(self, gap: Recovery, reason: str) -> None:
        if gap.is_baseline:
            words = "tenant %s: changes of %s could not be found after a gap: %s"
            _LOG.warning(words, gap.tenant_id, gap.resource, reason)
            return
        words = "tenant %s: changes of %s from %s until %s are lost: %s"
        _LOG.warning(words, gap.tenant_id, gap.resource, gap.since, gap.until, reason)
        event = gap_event(gap, reason=reason[:_MAX_TEXT], client_id=self.needs.client_id, at=self.needs.clock.now())
        self.needs.publish([event], Deadline.after(_TIME_FOR_ONE_EVENT))

    def _end(self, gap: Recovery, state: State, reason: str | None, *, again_at: datetime | None = None) -> None:
        ended = replace(gap, state=state, reason=reason, checkpoint=None, reading=None, next_page=None, failure=None)
        self.needs.gaps.save(replace(ended, ended_at=self.needs.clock.now(), again_at=again_at))
