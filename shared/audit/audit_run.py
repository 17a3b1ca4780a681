"""The audits of a run of the timer: what is due is drawn and read, until the run or the hour of an audit ends.

A tenant is sent at most five requests a second, whatever is audited in it. An audit that a run cannot end is continued
by the next one.

Source: https://learn.microsoft.com/graph/api/resources/teams-api-overview (polling)
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched
from typing import Protocol

from shared.audit.attempt import Attempt
from shared.audit.audit import LASTS, Audit, AuditState, next_audits
from shared.audit.draw import Chance
from shared.audit.eligible import Eligible, eligible, gaps_to_open, rows_by_path
from shared.audit.list_check import PublishMissing
from shared.audit.records import readable_since
from shared.errors import Conflict, Problem
from shared.gaps.gap import Gap
from shared.gaps.gap_recorder import MAX_BATCH, RecordedGaps
from shared.gaps.turns import Turns
from shared.subscriptions.deployment_status import Records
from shared.subscriptions.ports import TrackedSubscriptions
from shared.timing import Clock

_LOG = logging.getLogger(__name__)

# Five requests a second in a tenant: what is urgent has the other fifteen that Graph allows.
SPACING = timedelta(milliseconds=200)
NO_RECORDS = "DEDUPLICATE_FOR is 0, so there are no records of what was published to compare with"


class RecordedAudits(Protocol):
    """The table of audits; ``save`` raises Conflict if the row has changed since it was read."""

    def load(self, tenant_id: str) -> Sequence[Audit]:
        """Return all audits of a tenant."""
        ...

    def save(self, audit: Audit) -> Audit:
        """Return the audit as saved, with its ETag."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Audits:
    """Settings and ports of the step, one a process.

    ``parked`` returns the tenant and the receipt of all that is parked; an empty id stands for several tenants.
    ``on_end`` is told each audit that has ended. ``turns`` is used again in each run, so that its pace lasts.
    """

    tenant_ids: Sequence[str]
    client_id: str
    every: timedelta
    deduplicate_for: timedelta
    subscription_table: TrackedSubscriptions
    gap_table: RecordedGaps
    audit_table: RecordedAudits
    publish_missing: PublishMissing
    parked: Callable[[], Iterable[tuple[str, datetime]]]
    turns: Turns
    clock: Clock
    chance: Chance
    on_end: Callable[[Audit], None]

    def run(self, ends: datetime, records: Records | None) -> Counter[str]:
        """Work on the audits that are due until ``ends``; return the counts. ``records``: None if there are none."""
        run = _Run(ports=self, records=records)
        self.turns.ends = ends
        # Tenant by tenant, as the turns have room for more.
        self.turns.run(each for tenant_id in self.tenant_ids for each in run.attempts(tenant_id))
        return +run.counts


@dataclass(slots=True, kw_only=True)
class _Run:
    ports: Audits
    records: Records | None
    counts: Counter[str] = field(default_factory=Counter)
    _parked: Sequence[tuple[str, datetime]] | None = field(default=None, init=False)

    def attempts(self, tenant_id: str) -> Sequence[Attempt]:
        """Return an attempt at each audit of a tenant that can go on now; none if a table fails."""
        try:
            return list(self._attempts(tenant_id))
        except Problem as problem:
            _LOG.error("tenant %s: its audits cannot be processed: %s", tenant_id, problem)
            self.counts["failed"] += 1
            return ()

    def _attempts(self, tenant_id: str) -> Iterator[Attempt]:
        ports, now = self.ports, self.ports.clock.now()
        rows = rows_by_path(ports.subscription_table.load(tenant_id).tracked)
        recorded = ports.audit_table.load(tenant_id)
        due = next_audits(tenant_id, sorted(rows), recorded, every=ports.every, now=now)
        gaps = ports.gap_table.load(tenant_id) if due else ()
        for audit in due:
            begun = self._begun(audit, now)
            found = eligible(begun, rows.get(begun.path, ()), gaps, now)
            reason = self._why_not(begun, found)
            with suppress(Conflict):
                if now >= begun.ends_at:
                    self._finish(begun, found, gaps)
                elif reason is not None:
                    self._end(begun, AuditState.NOT_CHECKED, reason)
                else:
                    yield self._attempt(begun, found, gaps)

    def _begun(self, audit: Audit, now: datetime) -> Audit:
        if audit.state is not AuditState.WAITING:
            return audit
        if self.records is None:
            return replace(audit, begun_at=now)
        since = readable_since(self.records, deduplicate_for=self.ports.deduplicate_for, until=now + LASTS)
        return audit.begun(now, records_since=since)

    def _why_not(self, audit: Audit, found: Eligible) -> str | None:
        if self.records is None:
            return NO_RECORDS
        if found.reason is not None:
            return found.reason
        if self.records.since > audit.since:
            return f"the records of what was published begin at {self.records.since:%Y-%m-%dT%H:%M:%SZ}"
        # What is delivered late is received after the window.
        if self._is_parked(audit):
            return "something that was received since its window began is still parked"
        return None

    def _is_parked(self, audit: Audit) -> bool:
        if self._parked is None:
            # The container is listed once, whatever is due.
            self._parked = tuple(self.ports.parked())
        of_tenant = (at for tenant_id, at in self._parked if tenant_id in {audit.tenant_id, ""})
        return any(audit.since <= at < audit.begun_at for at in of_tenant)

    def _attempt(self, audit: Audit, found: Eligible, gaps: Sequence[Gap]) -> Attempt:
        ports = self.ports
        return Attempt(
            audit=audit,
            gaps=found.gaps,
            client_id=ports.client_id,
            clock=ports.clock,
            chance=ports.chance,
            publish_missing=ports.publish_missing,
            save=ports.audit_table.save,
            finish=lambda ended: self._finish(ended, found, gaps),
            refuse=lambda refused, reason: self._end(refused, AuditState.NOT_CHECKED, reason),
            counts=self.counts,
        )

    def _finish(self, audit: Audit, found: Eligible, recorded: Sequence[Gap]) -> None:
        if audit.refused:
            message = "tenant %s: Graph refuses %d lists of %s to the audit, such as: %s"
            _LOG.warning(message, audit.tenant_id, audit.refused, audit.path, audit.reason)
        left = len(audit.lists)
        reason = f"its hour is over, and {left} lists are left" if left or audit.page else audit.reason
        # Opened first: a run that is killed in between opens them again, with the same keys.
        if audit.is_incomplete:
            self._open_gaps(gaps_to_open(found.gaps.values(), recorded))
        self._end(audit, AuditState.DONE, reason)

    def _open_gaps(self, gaps: Sequence[Gap]) -> None:
        for batch in batched(gaps, MAX_BATCH, strict=False):
            try:
                self.ports.gap_table.create_all(batch)
            except Conflict:
                # A run that was killed has opened some of them.
                for gap in batch:
                    with suppress(Conflict):
                        self.ports.gap_table.save(gap)
        self.counts["gaps"] += len(gaps)

    def _end(self, audit: Audit, state: AuditState, reason: str | None) -> None:
        ended = self.ports.audit_table.save(audit.ended(self.ports.clock.now(), state, reason))
        why = "" if ended.reason is None else f" reason={ended.reason}"
        log = _LOG.warning if ended.missing else _LOG.info
        log("audit %s refused=%d tenant=%s path=%s%s", ended.figures(), ended.refused, ended.tenant_id, ended.path, why)
        self.counts["ended"] += 1
        # What people see of it must not cost the audit.
        with suppress(Problem):
            self.ports.on_end(ended)
