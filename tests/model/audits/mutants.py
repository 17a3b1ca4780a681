"""Rules of the audit that are taken away, one at a time, from outside: a port that does less than it promises."""

from collections.abc import Callable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from shared.audit.audit import ENDS_BEFORE
from shared.audit.list_check import PublishMissing
from shared.audit.records import LAYOUT, RecordMarkers
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap
from shared.gaps.gap_recorder import RecordedGaps
from shared.subscriptions.ports import TrackedSubscriptions
from shared.subscriptions.tracked import AccountStatus, TenantState, TrackedSubscription
from shared.timing import Clock, Deadline
from tests.model.audits.plot import Drop, Loss, Plot, Request, with_crowd
from tests.model.audits.process import AuditPorts
from tests.model.history import CHATS, HOUR, Act, History, Trouble, What

_LONG_AGO = timedelta(days=9)


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """The table of gaps, without what is in it, or without what is to be written."""

    table: RecordedGaps
    shows: bool = True
    takes: bool = True

    def load(self, tenant_id: str) -> Sequence[Gap]:
        return self.table.load(tenant_id) if self.shows else ()

    def save(self, gap: Gap) -> Gap:
        return self.table.save(gap) if self.takes else gap

    def create_all(self, gaps: Sequence[Gap]) -> None:
        if self.takes:
            self.table.create_all(gaps)

    def delete(self, gap: Gap) -> None:
        self.table.delete(gap)


@dataclass(frozen=True, kw_only=True)
class EveryMarker:
    """The tables of records, each of which seems to be there."""

    markers: RecordMarkers

    def has_marker(self, _day: date) -> bool:
        return True

    def write_marker(self, day: date) -> None:
        self.markers.write_marker(day)


@dataclass(frozen=True, kw_only=True)
class Aged:
    """The table of subscriptions, each of which seems to be old."""

    table: TrackedSubscriptions

    def load(self, tenant_id: str) -> TenantState:
        state = self.table.load(tenant_id)
        return replace(state, tracked=tuple(map(_aged, state.tracked)))

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        return self.table.save(row)

    def delete(self, row: TrackedSubscription) -> None:
        self.table.delete(row)

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        self.table.delete_activity(tenant_id, subscription_id)


def _aged(row: TrackedSubscription) -> TrackedSubscription:
    applied = row.applied
    return row if applied is None else replace(row, applied=replace(applied, created_at=applied.created_at - _LONG_AGO))


@dataclass(frozen=True, kw_only=True)
class Fast:
    """A clock that is as much ahead as a window is behind."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now() + ENDS_BEFORE

    def sleep_until(self, moment: datetime) -> None:
        self.clock.sleep_until(moment - ENDS_BEFORE)


@dataclass(frozen=True)
class NoChance:
    """Draws the first ones."""

    def randrange(self, stop: int, /) -> int:
        return stop - 1

    def shuffle(self, values: MutableSequence[str], /) -> None:
        """Leave them as they are."""


def _parked_ignored(ports: AuditPorts) -> None:
    ports.parked = lambda: ()


def _gaps_ignored(ports: AuditPorts) -> None:
    ports.gaps = Gaps(table=ports.gaps, shows=False)


def _gaps_unopened(ports: AuditPorts) -> None:
    ports.gaps = Gaps(table=ports.gaps, takes=False)


def _markers_ignored(ports: AuditPorts) -> None:
    ports.markers = EveryMarker(markers=ports.markers)


def _layout_ignored(ports: AuditPorts) -> None:
    ports.known = lambda records: records and replace(records, layout=LAYOUT)


def _age_ignored(ports: AuditPorts) -> None:
    ports.rows = Aged(table=ports.rows)


def _too_early(ports: AuditPorts) -> None:
    ports.clock = Fast(clock=ports.clock)


def _drawn_first(ports: AuditPorts) -> None:
    ports.chance = NoChance()


def _only_counted(ports: AuditPorts) -> None:
    publishing = ports.publishing

    def nothing(publish: PublishMissing) -> PublishMissing:
        del publish
        return publishing(lambda events, _deadline: events)

    ports.publishing = nothing


def _uncounted(ports: AuditPorts) -> None:
    publishing = ports.publishing

    def silent(publish: PublishMissing) -> PublishMissing:
        watched = publishing(publish)

        def publish_missing(events: Sequence[CloudEvent], deadline: Deadline) -> Sequence[CloudEvent]:
            watched(events, deadline)
            return ()

        return publish_missing

    ports.publishing = silent


@dataclass(kw_only=True)
class Renamed:
    """Publishes under an id of the moment."""

    publish: PublishMissing
    number: int = field(default=0)

    def __call__(self, events: Sequence[CloudEvent], deadline: Deadline) -> Sequence[CloudEvent]:
        self.number += 1
        return self.publish([self._renamed(event) for event in events], deadline)

    def _renamed(self, event: CloudEvent) -> CloudEvent:
        key = f"{event.provenance.dedup_key}{self.number}"
        return replace(event, id=key, provenance=replace(event.provenance, dedup_key=key))


def _renamed(ports: AuditPorts) -> None:
    publishing = ports.publishing
    ports.publishing = lambda publish: publishing(Renamed(publish=publish))


_WRITES = History(minutes=120, period=20, entries=(0,), acts=(Act(at=40, verb="write"), Act(at=70, verb="write")))
_PLOT = Plot(history=_WRITES, ends_at=26 * HOUR)
_DROPPED = replace(_PLOT, drops=(Drop(at=70, minutes=3, percent=100),))


def _with(*troubles: Trouble) -> Plot:
    return replace(_PLOT, history=replace(_WRITES, troubles=troubles))


def _acting(*acts: Act) -> Plot:
    return replace(_PLOT, history=replace(_WRITES, acts=acts, processes=2))


# The last people of the list are those that lose something.
_CROWD = with_crowd(replace(_PLOT, crowd=700, drops=(Drop(at=0, minutes=120, percent=100, chat=CHATS + 500),)))
# When Graph can be read again, the gap waits for the end of its pause, and an audit would be first.
_GAP = replace(
    _with(Trouble(at=35, minutes=30, what=What.DOWN), Trouble(at=66, minutes=347, what=What.READS)),
    requests=(Request(at=405, since=30, until=100),),
)

MUTANTS: Mapping[str, tuple[Callable[[AuditPorts], None], Plot, str]] = {
    "what is parked counts as missing": (
        _parked_ignored,
        _with(Trouble(at=30, minutes=25 * HOUR, what=What.VAULT)),
        "law 1",
    ),
    "what has a gap is audited": (_gaps_ignored, _GAP, "law 1"),
    "no gap is opened": (_gaps_unopened, _DROPPED, "law 4"),
    "a lost table of records is not noticed": (
        _markers_ignored,
        replace(_acting(Act(at=40, verb="write", process=1)), losses=(Loss(at=100, days_ago=0),)),
        "law 1",
    ),
    "another layout of records is not noticed": (_layout_ignored, replace(_PLOT, upgrades=(100,)), "law 1"),
    "what is older than its subscription is audited": (
        _age_ignored,
        _with(Trouble(at=0, minutes=50, what=What.GRAPH)),
        "law 1",
    ),
    "the window ends at once": (_too_early, _acting(Act(at=24 * HOUR, verb="write", late=1)), "law 1"),
    "the first lists are the sample": (_drawn_first, _CROWD, "law 5"),
    "what is missing is counted and not published": (_only_counted, _DROPPED, "law 2"),
    "what is missing is published and not counted": (_uncounted, _DROPPED, "law 3"),
    "what is recovered has another id": (_renamed, _PLOT, "law 1"),
}
"""What is taken away, a plot in which that matters, and the law that is broken."""
