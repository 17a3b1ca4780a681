"""Records outages of the endpoint as gaps, and moves the proof that the endpoint takes POSTs.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from shared.errors import Conflict, Problem
from shared.notifications.probe import Verdict
from shared.subscriptions.delivery import AFTER_OUTAGE, LONGEST_OUTAGE, EndpointAnswer, first_endpoint_proof, is_outage
from shared.subscriptions.ports import GapRecorder, MissedChanges, TrackedSubscriptions
from shared.subscriptions.tracked import AccountStatus, MissedCause, MissedInterval, TenantState, TrackedSubscription

_LOG = logging.getLogger(__name__)

# What a dead subscription misses is read back day by day: its successor may take long.
_PART = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """Writes down what was missed in all accounts of ``tenant_ids``, before their proofs move."""

    tenant_ids: Sequence[str]
    subscription_table: TrackedSubscriptions
    gap_recorder: GapRecorder

    def record(self, answer: EndpointAnswer, period: timedelta) -> Counter[str]:
        """Return how many outages were recorded, by subscription; ``period``: the usual time between two runs."""
        counts = Counter[str]()
        for tenant_id in self.tenant_ids:
            try:
                state = self.subscription_table.load(tenant_id)
                counts["outages"] += self._record_outages(state, answer, period)
                counts["parts"] += self._record_parts(state, answer.asked_at)
            except Conflict:
                # Another run, or the renewals of this one, changed the row. The proof stays, so nothing is missed.
                counts["left_to_another_run"] += 1
            except Problem as problem:
                _LOG.error("tenant %s: its outages cannot be recorded: %s", tenant_id, problem)
                counts["failed"] += 1
        return +counts

    def _record_outages(self, state: TenantState, answer: EndpointAnswer, period: timedelta) -> int:
        if answer.verdict is not Verdict.YES:
            return 0
        recorded = 0
        for account in state.accounts:
            if account.listed_at is None:
                # What lives at Graph may not be in the table yet.
                continue
            rows = [row for row in state.tracked_by(delegated=account.delegated) if row.is_wanted]
            proven_at = account.endpoint_proven_at or first_endpoint_proof(rows, answer.asked_at)
            if is_outage(proven_at, answer.asked_at, period):
                missed = [each for row in rows for each in _outages_of(row, proven_at, answer.asked_at)]
                self.gap_recorder.record_gaps(account.tenant_id, missed)
                recorded += len(missed)
            self._move_proof(account, answer)
        return recorded

    def _move_proof(self, account: AccountStatus, answer: EndpointAnswer) -> None:
        # The clock of storage does not go back, but the run that saved the proof may have begun later.
        if account.endpoint_proven_at is None or account.endpoint_proven_at < answer.asked_at:
            proven = replace(account, endpoint_proven_at=answer.asked_at, proven_url=answer.url)
            self.subscription_table.save(proven)

    def _record_parts(self, state: TenantState, now: datetime) -> int:
        """Record the first days of open intervals, which end only when a successor is created."""
        recorded = 0
        for row in state.tracked:
            interval = row.missed_interval
            if row.applied is None or interval is None or interval.until is not None:
                continue
            if parts := _parts_of(row, interval, now):
                self.gap_recorder.record_gaps(row.desired.tenant_id, parts)
                rest = replace(interval, since=parts[-1].until)
                self.subscription_table.save(replace(row, missed_interval=rest))
                recorded += len(parts)
        return recorded


def _outages_of(row: TrackedSubscription, since: datetime, until: datetime) -> Iterator[MissedChanges]:
    """Yield what a row missed: what is read back, and what is too long ago for that. Yield nothing for a new row."""
    if row.applied is None:
        return
    earliest = until - LONGEST_OUTAGE
    missed = partial(MissedChanges, tracked=row, cause=MissedCause.OUTAGE)
    if since < earliest:
        yield missed(since=since, until=earliest)
    yield missed(since=max(since, earliest), until=until + AFTER_OUTAGE)


def _parts_of(row: TrackedSubscription, interval: MissedInterval, now: datetime) -> Sequence[MissedChanges]:
    days = (now - interval.since) // _PART
    starts = (interval.since + _PART * number for number in range(days))
    return [MissedChanges(tracked=row, since=start, until=start + _PART, cause=interval.cause) for start in starts]
