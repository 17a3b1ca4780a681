"""The world of a plot: that of a history, with the tables of audits and of records, and lists that Graph may refuse."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, override
from urllib.parse import urlsplit

from shared.audit.audit import Audit, requested_audit
from shared.audit.list_check import PublishMissing
from shared.audit.records import LAYOUT
from shared.errors import Misconfigured
from shared.events.cloud_events import CloudEvent
from shared.events.publication import IsEnough, PublicationRecord, PublicationRow
from shared.events.publish_once import PublicationRecords
from shared.graph.client import Page
from shared.timing import Deadline
from tests.fakes.audit_table import InMemoryAuditTable
from tests.fakes.subscription_values import MINUTE, NOW
from tests.model.audits.plot import Loss, Plot, Request
from tests.model.audits.process import AuditingProcess, AuditPorts, Status
from tests.model.graph import Lists
from tests.model.history import What
from tests.model.process import Process
from tests.model.stores import Sent
from tests.model.world import World
from tests.sender import TENANT

# So long an instance of the version before lives on.
_OLD_FOR = 10
_PAGE = 200

type Alteration = Callable[[AuditPorts], None]
"""Takes a rule of the audit away, by other ports than the real ones."""


def unaltered(_ports: AuditPorts) -> None:
    """Leave the audit as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A page that an audit read."""

    at: datetime
    path: str


@dataclass(kw_only=True)
class Markers:
    """The tables of records as an audit sees them: the days that have their marker."""

    check: Callable[[], None]
    days: set[date] = field(default_factory=set)

    def has_marker(self, day: date) -> bool:
        self.check()
        return day in self.days

    def write_marker(self, day: date) -> None:
        self.check()
        self.days.add(day)


@dataclass(frozen=True, kw_only=True)
class LostRows:
    """Records for a process whose rows nobody finds as long as ``is_lost`` says so."""

    records: PublicationRecords
    is_lost: Callable[[], bool]

    def read(
        self, key: str, days: Sequence[date], *, since: datetime, is_enough: IsEnough, deadline: Deadline
    ) -> PublicationRecord | None:
        return self.records.read(key, days, since=since, is_enough=is_enough, deadline=deadline)

    def write(self, rows: Sequence[PublicationRow], day: date) -> int | None:
        return None if self.is_lost() else self.records.write(rows, day)


@dataclass(frozen=True, kw_only=True)
class ReadLists:
    """Graph's lists for the audit, which notes what it reads."""

    lists: Lists
    note: Callable[[str], None]

    def get_page(self, path: str) -> Page:
        self.note(path)
        return self.lists.get_page(path)

    def get_item(self, path: str) -> Mapping[str, Any]:
        return self.lists.get_item(path)


@dataclass(frozen=True, kw_only=True)
class SomeRefused(Lists):
    """Lists of which Graph refuses some."""

    refused: Iterable[str]

    @override
    def get_page(self, path: str) -> Page:
        names = urlsplit(path).path.removeprefix("/v1.0/").split("/")
        if any(names == [each] or names[:2] == ["users", each] for each in self.refused):
            raise Misconfigured(f"Graph answered 403 to GET {path}")
        return Lists.get_page(self, path)


@dataclass(kw_only=True)
class AuditedWorld(World):
    """``found`` is what audits published, and ``readings`` what they read."""

    plot: Plot
    alteration: Alteration = unaltered
    status: Status = field(default_factory=Status)
    audits: InMemoryAuditTable = field(default_factory=InMemoryAuditTable)
    found: list[Sent] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    _upgraded_at: float | None = None
    _to_die: bool = False
    _dying: int | None = None

    @override
    def __post_init__(self) -> None:
        self.chance = Random(self.plot.seed)  # noqa: S311  chance that can be repeated, no secret
        self.markers = Markers(check=lambda: self.calls.check(What.RECORDS))
        super().__post_init__()
        self.teams.have(self.plot.crowd)

    # --- What goes wrong

    def lose(self, loss: Loss) -> None:
        """Lose the table of a day."""
        day = self.clock.now().astimezone(UTC).date() - timedelta(days=loss.days_ago)
        self._excuse(each for each in self.storage.sunk if each.at.astimezone(UTC).date() == day)
        self.markers.days.discard(day)
        rows = self.storage.records.rows
        for key in [key for key in rows if key[0] == day]:
            del rows[key]

    def upgrade(self) -> None:
        """Start another version, which does not find the records of the one before; one instance lives on."""
        self._excuse(self.storage.sunk)
        self.storage.records.rows.clear()
        known = self.status.records
        self.status.records = known and replace(known, layout=LAYOUT - 1)
        self._upgraded_at = self.minute
        self.restart()

    def _excuse(self, sent: Iterable[Sent]) -> None:
        """A backfill publishes again what it finds no record of; an audit must not take it for missing."""
        self.excused = {each.event.id: "its record was lost" for each in sent} | self.excused

    def kill_after_next(self) -> None:
        """Kill the next process that publishes something: after it has answered, and before it records that."""
        self._to_die = True

    @override
    def post(self, number: int, body: bytes, fetch: str | None = None) -> tuple[datetime, bool]:
        before = len(self.storage.sunk)
        self._dying = number if self._to_die else None
        answer = super().post(number, body, fetch)
        if self._dying is not None and len(self.storage.sunk) > before:
            self._to_die = False
            self._end(number, self.storage.sunk[before:])
        self._dying = None
        return answer

    def ask(self, request: Request) -> None:
        """Ask for an audit, as the command does."""
        window = NOW + request.since * MINUTE, NOW + request.until * MINUTE
        for path in {audit.path for audit in self.audits.load(TENANT)}:
            audit = requested_audit(TENANT, path, window, self.clock.now(), previous=None)
            previous = self.audits.rows.get((TENANT, audit.key))
            if previous is None or previous.has_ended:
                self.audits.save(replace(audit, etag=None if previous is None else previous.etag))

    # --- Processes

    @override
    def _process(self, number: int) -> Process:
        ports = self._ports(number)
        ports.records = LostRows(records=ports.records, is_lost=lambda: self._is_old(number) or number == self._dying)
        return AuditingProcess(
            ports=ports, desired=self._desired(), keys=tuple(self._keys), audit_ports=self._audit_ports(number)
        )

    def _is_old(self, number: int) -> bool:
        return number > 0 and self._upgraded_at is not None and self.minute < self._upgraded_at + _OLD_FOR

    def _audit_ports(self, number: int) -> AuditPorts:
        storage = self.storage
        ports = AuditPorts(
            status=self.status,
            markers=self.markers,
            rows=storage.subscriptions,
            gaps=storage.gaps,
            audits=self.audits,
            lists=ReadLists(lists=self._lists(), note=self._note),
            parked=lambda: [(TENANT, post.received_at) for post in storage.parked.list()],
            publishing=lambda publish: self._watched(publish, number),
            chance=self.chance,
            clock=self.clock,
        )
        self.alteration(ports)
        return ports

    @override
    def _lists(self) -> Lists:
        check = lambda: self.calls.check(What.READS)  # noqa: E731  the port of another class
        return SomeRefused(teams=self.teams, check=check, page=_PAGE, refused=self.plot.refused)

    def _note(self, path: str) -> None:
        self.readings.append(Reading(at=self.clock.now(), path=path))

    def _watched(self, publish: PublishMissing, number: int) -> PublishMissing:
        """Note what an audit sends, also if its process is killed meanwhile."""

        def publish_missing(events: Sequence[CloudEvent], deadline: Deadline) -> Sequence[CloudEvent]:
            before = len(self.storage.sunk)
            try:
                return publish(events, deadline)
            finally:
                self.found += [each for each in self.storage.sunk[before:] if each.process == number]

        return publish_missing


def all_ended(audits: Iterable[Audit]) -> bool:
    """Return whether none goes on."""
    return all(audit.has_ended for audit in audits)
