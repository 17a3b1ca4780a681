"""The daily audit, wired: the step of the timer that owns the subscriptions."""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from shared.app.clients import Clients, once
from shared.app.deployments import deployment, deployment_id
from shared.app.timer_run import Step
from shared.audit.audit import Audit
from shared.audit.audit_run import NO_RECORDS, SPACING, Audits
from shared.audit.audit_table import AuditTable
from shared.audit.records import checked_records
from shared.errors import Misconfigured
from shared.events.cloud_events import CloudEvent
from shared.gaps.turns import MAX_READS, Turns
from shared.receiving.post_store import PARKED
from shared.subscriptions.deployment_status import LastAudit, Records
from shared.timing import Deadline

_TIME_FOR_AUDITS = timedelta(minutes=1)
# Less than the time between two runs: an hour of audits does not make every run last longer than that.
_WITHIN_RUN = timedelta(minutes=4)
_CALL_TIMEOUT = timedelta(seconds=30)


def audit_steps(clients: Clients) -> Sequence[Step]:
    """Return the step of one run; none if AUDIT_EVERY is 0."""
    if not clients.settings.audit_every:
        return ()
    work = _AuditStep(clients).run
    return (Step(name="audit", prefix="audit_", work=work, slice=_TIME_FOR_AUDITS, within=_WITHIN_RUN),)


@dataclass(slots=True)
class _AuditStep:
    """The step of one run, which looks once since when there are records, and ends when nothing is due."""

    clients: Clients
    _records: Records | None = field(default=None, init=False)
    _has_looked: bool = field(default=False, init=False)
    _is_done: bool = field(default=False, init=False)

    def run(self, ends: datetime) -> Mapping[str, int]:
        if self._is_done:
            return {}
        if not self._has_looked:
            self._records, self._has_looked = records_of(self.clients), True
        counts = audits(self.clients).run(ends, self._records)
        self._is_done = self.clients.clock.now() < ends
        return counts


def records_of(clients: Clients) -> Records | None:
    """Return since when there are records, as the row of this deployment then says; None if there are none."""
    row = clients.status_table().load().of(deployment_id(clients))
    if row is None:
        return None
    records = checked_records(
        row.records,
        clients.publication_table(),
        deduplicate_for=clients.settings.deduplicate_for,
        now=clients.clock.now(),
    )
    if records != row.records:
        deployment(clients).change(lambda current: replace(current, records=records))
    return records


@once
def audit_table(clients: Clients) -> AuditTable:
    """Return the table of audits."""
    return AuditTable(clients.tables())


@once
def audits(clients: Clients) -> Audits:
    """Return the flow that checks samples of messages."""
    settings, publish_once = clients.settings, clients.publish_once()
    return Audits(
        tenant_ids=settings.tenant_ids,
        client_id=settings.client_id,
        every=settings.audit_every,
        deduplicate_for=settings.deduplicate_for,
        subscription_table=clients.subscription_table(),
        gap_table=clients.gap_table(),
        audit_table=audit_table(clients),
        publish_missing=publish_once.publish_missing if publish_once else _no_records,
        parked=lambda: ((post.tenant_id, post.received_at) for post in clients.post_store(PARKED).list()),
        turns=Turns(
            graph=clients.graph_for_tenant,
            clock=clients.clock,
            ends=clients.clock.now(),
            pool=ThreadPoolExecutor(MAX_READS, thread_name_prefix="audits"),
            call_timeout=_CALL_TIMEOUT,
            tenant_spacing=SPACING,
        ),
        clock=clients.clock,
        chance=secrets.SystemRandom(),
        on_end=partial(_record_result, clients),
    )


def _no_records(_events: Sequence[CloudEvent], _deadline: Deadline) -> Sequence[CloudEvent]:
    raise Misconfigured(NO_RECORDS)


def _record_result(clients: Clients, audit: Audit) -> None:
    ended_at = audit.ended_at
    if ended_at is not None:
        result = LastAudit(at=ended_at, figures=audit.figures())
        deployment(clients).change(lambda row: replace(row, audit=result))
