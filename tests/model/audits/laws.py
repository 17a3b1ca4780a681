"""The laws of an audit, as sentences about what was played that are false if the app is right.

1. What was published is not missing, and nothing is missing unless Graph dropped it in silence. Excepted is what the
   docs except: a process that was killed before it recorded what it had sent, and a table of records that was down.
2. What an audit checked to its end is published when it ends, once and under the id that a backfill gives it; of a
   creation, that is the id that Graph's notification would have had.
3. The figures are those of what was found.
4. If more than one in a thousand was missing, a gap over the window is opened, and recovers the rest.
5. A sample is as good as any other of its size, is read at the pace of the audit, and within its hour.
6. An audit that checks nothing says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import comb
from urllib.parse import unquote, urlsplit

from shared.audit.audit import LASTS, Audit, AuditState
from shared.audit.audit_run import SPACING
from shared.gaps.gap import MARGIN, Gap, GapCause, GapState
from shared.resources.validation import find_resource_type
from shared.subscriptions.tracked import TrackedSubscription
from tests.model.audits.play import AuditedPlay
from tests.model.audits.world import AuditedWorld
from tests.model.history import Blow
from tests.model.stores import Sent
from tests.model.teams import Change

type Version = tuple[str, str, str | None]
"""Subject, kind of the change, and the version that Graph states; a creation needs none."""

_DAY = timedelta(days=1)
# Times that are as close as this to the end of a window may be on either side of it.
_EDGE = timedelta(seconds=1)
# Of 500 lists or fewer, a sample tells nothing about the others: all are read.
_SAMPLED_FROM = 500
# So rare a sample is no accident in thousands of plots.
_RARE = 1e-9
_KILLS = {Blow.KILLED_RUNNING, Blow.KILLED_SENDING, Blow.TWO_RUNS, Blow.ANSWER_LOST}
_DOCUMENTED = {"its process was killed", "the table published was down"}


def violations(play: AuditedPlay) -> Sequence[str]:
    """Return what contradicts the laws."""
    laws = Laws(play=play)
    found = (laws.nothing_else_is_missing, laws.all_is_published, laws.figures, laws.gaps, laws.samples, laws.reasons)
    return [sentence for law in found for sentence in law()]


@dataclass(kw_only=True)
class Laws:
    """What was published and audited, prepared for the questions of the laws."""

    play: AuditedPlay
    sent: dict[Version, list[Sent]] = field(default_factory=dict)
    changes: Mapping[Version, Change] = field(init=False)
    last: Mapping[str, Change] = field(init=False)
    rows: Sequence[TrackedSubscription] = field(init=False)

    def __post_init__(self) -> None:
        messages = [change for change in self.world.teams.changes if change.is_message]
        self.changes = {_version(change): change for change in messages}
        self.last = {change.subject: change for change in messages}
        self.rows = self.world.storage.subscriptions.tracked()
        for each in self.world.storage.sunk:
            if (version := _version_of(each)) is not None:
                self.sent.setdefault(version, []).append(each)

    @property
    def world(self) -> AuditedWorld:
        return self.play.audited

    # --- 1

    def nothing_else_is_missing(self) -> Iterator[str]:
        """Yield what an audit published although it was published, or could not have been."""
        silent = {_version(each.change) for each in self.play.dropped}
        for each in self.world.found:
            version = _version_of(each)
            assert version is not None
            before = [other for other in self.sent[version] if other is not each and other.at <= each.at]
            unrecorded = [other for other in before if self.world.excused.get(other.event.id) in _DOCUMENTED]
            if len(unrecorded) < len(before):
                yield f"law 1: {_told(each)} was published before, and was found missing"
            elif not before and version not in silent:
                yield f"law 1: {_told(each)} was found missing, and Graph did not drop it"

    # --- 2

    def all_is_published(self) -> Iterator[str]:
        """Yield what was checked and not published, and what was recovered under two ids."""
        for audit in self.world.status.ended:
            if audit.state is not AuditState.DONE or audit.reason is not None:
                continue
            for change in self._checked(audit):
                if not any(each.at <= _ended(audit) for each in self.sent.get(_version(change), ())):
                    yield f"law 2: {change} was read by the audit of {audit.path}, and not published"
        for version, copies in self.sent.items():
            recovered = [each for each in copies if each.event.recovered]
            unexcused = [each for each in recovered if each.event.id not in self.world.excused]
            # A creation has one id, whatever its content; of an edit, a content that was delivered has its own.
            of_one_id = copies if version[1] == "created" else recovered
            if len({each.event.id for each in of_one_id}) > 1 or len(unexcused) > 1:
                yield f"law 2: {version} came {len(of_one_id)} times: {[each.event.id for each in of_one_id]}"

    def _checked(self, audit: Audit) -> Iterator[Change]:
        """Yield what an audit has to have seen in its lists."""
        row = self._row(audit.path)
        if row is None or row.applied is None:
            return
        since, until = max(audit.since, row.applied.created_at) + _EDGE, audit.until - _EDGE
        chats = self._chats_read(audit)
        for change in self.changes.values():
            is_inside = since <= change.at <= until and change.chat in chats
            if is_inside and self._is_visible(change) and change.kind in row.desired.change_type.split(","):
                yield change

    def _is_visible(self, change: Change) -> bool:
        """Return whether Graph's lists still show it: of several edits, the last one."""
        return change.kind == "created" or self.last[change.subject] is change

    def _row(self, path: str) -> TrackedSubscription | None:
        rows = (row for row in self.rows if row.desired.include_resource_data)
        return next((row for row in rows if _path(row) == path), None)

    def _chats_read(self, audit: Audit) -> set[str]:
        """Return the chats whose messages were in the lists that an audit read to their end."""
        chats = set[str]()
        for list_ in self._lists_read(audit):
            chats.update([list_] if list_ in self.world.teams.members else self.world.teams.chats_of(list_))
        return chats

    def _lists_read(self, audit: Audit) -> set[str]:
        readings = (each for each in self.world.readings if audit.begun_at <= each.at <= _ended(audit))
        names = (unquote(urlsplit(each.path).path).removeprefix("/v1.0/").split("/") for each in readings)
        kind = "chats" if audit.path.startswith("/chats/{") else "users"
        return {name[1] for name in names if name[0] == kind and len(name) > 1}

    # --- 3

    def figures(self) -> Iterator[str]:
        """Yield it if the figures do not add up; a run that is killed has to do again what it has not saved."""
        if {stroke.blow for stroke in self.play.history.strokes} & _KILLS or self.play.history.troubles:
            return
        told = sum(audit.missing for audit in self.world.status.ended)
        if told != len(self.world.found):
            yield f"law 3: {len(self.world.found)} were missing and published, and the audits say {told}"
        for audit in self.world.status.ended:
            seen = len(list(self._checked(audit))) if audit.state is AuditState.DONE and audit.reason is None else 0
            if audit.checked < seen:
                yield f"law 3: {seen} changes were in the lists of {audit.path}, and the audit checked {audit.checked}"

    # --- 4

    def gaps(self) -> Iterator[str]:
        """Yield the audits with too much missing and no gap of that day, and what their gaps did not recover."""
        gaps = [gap for gap in self.world.storage.gaps.rows.values() if gap.cause is GapCause.AUDIT]
        for audit in self.world.status.ended:
            is_covered = any(abs(gap.until + MARGIN - audit.until) < _DAY for gap in gaps)
            if audit.missing * 1000 > audit.checked and not is_covered:
                yield f"law 4: of {audit.path}, {audit.figures()} opened no gap"
        for gap in gaps:
            if gap.state is GapState.RECOVERED:
                yield from self._unrecovered(gap)
            elif not (self.play.plot.refused or self.play.history.troubles):
                yield f"law 4: the gap of {gap.resource} is {gap.state}"

    def _unrecovered(self, gap: Gap) -> Iterator[str]:
        since, until = gap.since - MARGIN + _EDGE, gap.until + MARGIN - _EDGE
        for version, change in self.changes.items():
            is_inside = since < change.at < until and change.kind in gap.change_types
            is_of_it = gap.resource.startswith("/chats/getAll") or change.chat in gap.resource
            if is_inside and is_of_it and self._is_visible(change) and version not in self.sent:
                yield f"law 4: {change} is in the gap of {gap.resource} that was filled, and was not published"

    # --- 5

    def samples(self) -> Iterator[str]:
        """Yield samples that are too lucky or unlucky, and reads that came too soon or too late."""
        for audit in self.world.status.ended:
            if audit.of > _SAMPLED_FROM and audit.state is AuditState.DONE and audit.reason is None:
                yield from self._unlikely(audit)
        times = [each.at for each in self.world.readings]
        for earlier, later in pairwise(times):
            if later - earlier < SPACING and not self.play.history.strokes:
                yield f"law 5: {(later - earlier).total_seconds()} seconds between two reads at {later:%H:%M:%S}"

    def _unlikely(self, audit: Audit) -> Iterator[str]:
        read = self._lists_read(audit)
        if audit.read > _SAMPLED_FROM or len(read) != audit.read:
            yield f"law 5: {audit.figures()}, and {len(read)} lists were read"
        lost = {each.change.chat for each in self.play.dropped}
        losers = {person for person in self.world.teams.people if lost.intersection(self.world.teams.chats_of(person))}
        hit = len(read & losers)
        if _chance(audit.of, len(losers), len(read), hit) < _RARE:
            yield f"law 5: of {audit.of} lists {len(losers)} lost something, and of {len(read)} drawn {hit}"

    # --- 6

    def reasons(self) -> Iterator[str]:
        """Yield the audits that checked nothing and do not say why, and those that lasted too long."""
        for audit in self.world.status.ended:
            if audit.state is AuditState.NOT_CHECKED and not audit.reason:
                yield f"law 6: the audit of {audit.path} at {audit.begun_at} does not say why it checked nothing"
            if audit.state is AuditState.DONE and audit.read < min(audit.of, _SAMPLED_FROM) and not audit.reason:
                yield f"law 6: {audit.figures()} does not say why lists were left out"
        for each in self.world.readings:
            if not any(audit.begun_at <= each.at <= audit.begun_at + LASTS for audit in self.world.status.ended):
                yield f"law 5: {each.path} was read at {each.at}, in the hour of no audit"


def _version(change: Change) -> Version:
    return change.subject, change.kind, None if change.kind == "created" else change.version


def _version_of(sent: Sent) -> Version | None:
    """Return what an event with the content of a message shows; of anything else, None."""
    content, kind = sent.event.provenance.content, sent.event.type
    if content is None or "ChatMessage" not in kind:
        return None
    change = sent.event.provenance.change_type or ""
    return sent.event.subject, change, None if change == "created" else content.resource["etag"]


def _path(row: TrackedSubscription) -> str:
    resource_type = find_resource_type(row.desired.resource)
    return resource_type.path if resource_type is not None else ""


def _ended(audit: Audit) -> datetime:
    assert audit.ended_at is not None
    return audit.ended_at


def _told(sent: Sent) -> str:
    return f"{sent.event.type.rpartition('.')[2]} of {sent.event.subject}"


def _chance(of: int, marked: int, drawn: int, hit: int) -> float:
    """Return how probable it is to draw as many of the marked ones, or a number even further from what is expected."""
    total = comb(of, drawn)
    counts = range(max(0, drawn + marked - of), min(marked, drawn) + 1)
    ways = {count: comb(marked, count) * comb(of - marked, drawn - count) for count in counts}
    is_low = hit * of < marked * drawn
    tail = sum(each for count, each in ways.items() if (count <= hit if is_low else count >= hit))
    return tail / total
