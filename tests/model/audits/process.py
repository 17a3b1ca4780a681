"""One process of the app whose timer audits, too, wired as ``shared.app.audits`` wires it."""

from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import override

from shared.audit.audit import Audit
from shared.audit.audit_run import SPACING, Audits, RecordedAudits
from shared.audit.draw import Chance
from shared.audit.list_check import PublishMissing
from shared.audit.records import RecordMarkers, checked_records
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap_recorder import RecordedGaps
from shared.gaps.turns import GraphLists, Turns
from shared.subscriptions.delivery import EndpointAnswer
from shared.subscriptions.deployment_status import Records
from shared.subscriptions.ports import TrackedSubscriptions
from shared.timing import Clock, Deadline
from tests.fakes.executors import InlineExecutor
from tests.model.process import WINDOW, Process
from tests.sender import CLIENT_ID, TENANT

_EVERY = timedelta(days=1)
_SLICE = timedelta(minutes=4)
_CALL_TIMEOUT = timedelta(seconds=30)


@dataclass(kw_only=True)
class Status:
    """What the deployment's row says of the records, and each audit that has ended, in order."""

    records: Records | None = None
    ended: list[Audit] = field(default_factory=list)


@dataclass(kw_only=True)
class AuditPorts:
    """What an audit is given of the world outside; a mutant puts its own in place of one."""

    status: Status
    markers: RecordMarkers
    rows: TrackedSubscriptions
    gaps: RecordedGaps
    audits: RecordedAudits
    lists: GraphLists
    parked: Callable[[], Iterable[tuple[str, datetime]]]
    publishing: Callable[[PublishMissing], PublishMissing]
    """Makes of the app's own what is used."""
    chance: Chance
    clock: Clock
    known: Callable[[Records | None], Records | None] = lambda records: records
    """Makes of what is known of the records what is used."""


@dataclass(kw_only=True)
class AuditingProcess(Process):
    """A process whose timer audits, after everything else."""

    audit_ports: AuditPorts

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self._turns = Turns(
            graph=lambda _tenant_id: self.audit_ports.lists,
            clock=self.ports.clock,
            ends=self.ports.clock.now(),
            pool=InlineExecutor(),
            call_timeout=_CALL_TIMEOUT,
            tenant_spacing=SPACING,
        )

    @override
    def _steps(self, endpoint: EndpointAnswer) -> Iterator[Callable[[], object]]:
        yield from super()._steps(endpoint)
        yield self._audit

    def _audit(self) -> None:
        ports, now = self.audit_ports, self.ports.clock.now()
        known = ports.known(ports.status.records)
        ports.status.records = checked_records(known, ports.markers, deduplicate_for=WINDOW, now=now)
        self._audits().run(now + _SLICE, ports.status.records)

    def _audits(self) -> Audits:
        ports = self.audit_ports
        return Audits(
            tenant_ids=[TENANT],
            client_id=CLIENT_ID,
            every=_EVERY,
            deduplicate_for=WINDOW,
            subscription_table=ports.rows,
            gap_table=ports.gaps,
            audit_table=ports.audits,
            publish_missing=ports.publishing(self._publish_missing),
            parked=ports.parked,
            turns=self._turns,
            clock=ports.clock,
            chance=ports.chance,
            on_end=ports.status.ended.append,
        )

    def _publish_missing(self, events: Sequence[CloudEvent], deadline: Deadline) -> Sequence[CloudEvent]:
        return self.once.publish_missing(self.ports.tagged(events), deadline)


@dataclass
class Dice:
    """Chance that is the same for the same seed, and for each process."""

    random: Random

    def randrange(self, stop: int, /) -> int:
        return self.random.randrange(stop)

    def shuffle(self, values: MutableSequence[str], /) -> None:
        self.random.shuffle(values)
