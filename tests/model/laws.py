"""The five laws of delivery, as sentences about what was played that are false if the app is right.

1. A change outside every gap is published at least once.
2. A change inside a gap: the state at its end is published, or a later one, or an event says that it is lost.
3. Without faults one process publishes each content of a version once, and a change without a version once per
   notification; whoever keeps one event per id has seen every content.
4. An id comes twice only for the reasons in docs/events.md.
5. Every gap ends in time, and whatever is parked is tried in its turn.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from shared.gaps.gap import DONE_STATES, Gap, GapCause, GapState
from shared.subscriptions.tracked import TrackedSubscription
from tests.model.delivery import DROPPED, Notification
from tests.model.play import Play
from tests.model.process import WINDOW
from tests.model.stores import Sent
from tests.model.teams import Change

_OF_MISSED = {GapCause.OUTAGE, GapCause.REPLACED, GapCause.LAPSED, GapCause.MISSED}
_CLOCKS_DIFFER = timedelta(hours=2)
_LOST = {GapState.PARTIAL, GapState.UNRECOVERABLE}


def violations(play: Play) -> Sequence[str]:
    """Return what contradicts the laws."""
    laws = Laws(play=play)
    found = (laws.published_once_at_least, laws.recovered, laws.not_too_often, laws.twice_for_a_reason, laws.settled)
    return [sentence for law in found for sentence in law()]


@dataclass(kw_only=True)
class Laws:
    """What was published and recorded, prepared for the questions of the laws."""

    play: Play
    by_subject: dict[str, list[Sent]] = field(default_factory=dict)
    rows: Sequence[TrackedSubscription] = field(init=False)
    of_change: Mapping[int, Sequence[TrackedSubscription]] = field(init=False)
    """The subscriptions that report each change, by its number."""

    def __post_init__(self) -> None:
        self.rows = self.play.world.storage.subscriptions.tracked()
        self.of_change = {each.number: list(self._rows_of(each)) for each in self.play.world.teams.changes}
        for sent in self.play.world.storage.sunk:
            self.by_subject.setdefault(sent.event.subject, []).append(sent)

    # --- 1

    def published_once_at_least(self) -> Iterator[str]:
        """Yield the changes that were lost although no gap covers them."""
        for change in self.play.world.teams.changes:
            for row in self.of_change[change.number]:
                if not (self._is_in_gap(change, row) or self._is_published(change) or self._is_overtaken(change)):
                    yield f"law 1: {change} is in no gap of {row.desired.resource}, and was not published"

    def _rows_of(self, change: Change) -> Iterator[TrackedSubscription]:
        """Yield the subscriptions that report the change, if they existed by then."""
        lives = self.play.world.graph.lives.values()
        for row in self.rows:
            wanted = (row.desired.resource, row.desired.change_type)
            own = [life for life in lives if (life.properties["resource"], life.properties["changeType"]) == wanted]
            if any(life.reports(change) and life.created_at < change.at for life in own):
                yield row

    def _is_in_gap(self, change: Change, row: TrackedSubscription) -> bool:
        return any(gap.since <= change.at <= gap.until for gap in self._gaps_of(row))

    def _gaps_of(self, row: TrackedSubscription) -> Iterator[Gap]:
        gaps = self.play.world.storage.gaps.rows.values()
        yield from (gap for gap in gaps if gap.subscription_key == row.key and gap.cause in _OF_MISSED)

    def _is_overtaken(self, change: Change) -> bool:
        """Return whether a member came and went, or went and came, before Graph dropped the first of it, an hour late.

        No list shows that, and a gap cannot begin before the endpoint was last proven.
        """
        all_of_it = [each for each in self.play.world.teams.changes if each.subject == change.subject]
        last = all_of_it[-1]
        if change.is_message or last is change or any(each.fate != DROPPED for each in self._sent_of(change)):
            return False
        return self._is_as_published(last, all_of_it) or self._is_published(last)

    def _is_published(self, change: Change) -> bool:
        times = {at for each in self._sent_of(change) for at in (*each.received, *each.refused)}
        return any(_shows(sent, change, times) for sent in self._events(change))

    def _sent_of(self, change: Change) -> Iterator[Notification]:
        yield from (each for each in self.play.notifications if each.change is change)

    def _events(self, change: Change) -> Iterator[Sent]:
        of_subject = self.by_subject.get(change.subject, ())
        yield from (sent for sent in of_subject if sent.event.provenance.change_type == change.kind)

    # --- 2

    def recovered(self) -> Iterator[str]:
        """Yield the resources whose state at the end of a gap was not published although the gap was closed."""
        for row in self.rows:
            for gap in self._gaps_of(row):
                if gap.state is GapState.RECOVERED:
                    yield from self._unpublished(gap, row)
                elif gap.state in _LOST and not self._is_said(gap):
                    yield f"law 2: no event says that the gap of {gap.resource} is {gap.state}"

    def _unpublished(self, gap: Gap, row: TrackedSubscription) -> Iterator[str]:
        subjects = dict.fromkeys(
            each.subject for each in self.play.world.teams.changes if row in self.of_change[each.number]
        )
        for subject in subjects:
            all_of_it = [each for each in self.play.world.teams.changes if each.subject == subject]
            inside = [each for each in all_of_it if gap.since <= each.at <= gap.until]
            later = [each for each in all_of_it if each.at > gap.until]
            if not inside or inside[-1].kind not in gap.change_types:
                continue
            if self._is_as_published(inside[-1], all_of_it):
                continue
            if not any(map(self._is_published, [inside[-1], *later])):
                yield f"law 2: {inside[-1]} is in a gap of {gap.resource} that was closed, and was not published"

    def _is_as_published(self, change: Change, all_of_it: Sequence[Change]) -> bool:
        """Return whether a member is here, or gone, as was published last: nobody saw what came in between.

        The state before the gap is not what counts. Of two gaps, the second may begin before the first is read back.
        """
        if change.is_message:
            return False
        told = [each for each in all_of_it if each.at < change.at and self._is_published(each)]
        return (bool(told) and told[-1].kind == "created") is (change.kind == "created")

    def _is_said(self, gap: Gap) -> bool:
        events = self.by_subject.get(f"subscriptions/{gap.subscription_id}", ())
        return any(sent.event.type.endswith("SubscriptionGap") for sent in events)

    # --- 3

    def not_too_often(self) -> Iterator[str]:
        """Yield what one process without faults published too often or hid behind an id."""
        history = self.play.history
        if not history.is_calm or history.processes > 1:
            return
        if gaps := [gap for gap in self.play.world.storage.gaps.rows.values() if gap.cause in _OF_MISSED]:
            yield f"law 3: there are {len(gaps)} gaps where nothing went wrong"
        kept: dict[str, bytes] = {}
        for sent in self.play.world.storage.sunk:
            kept.setdefault(sent.event.id, _content(sent))
        for change in self.play.world.teams.changes:
            yield from self._repeated(change, kept)

    def _repeated(self, change: Change, kept: Mapping[str, bytes]) -> Iterator[str]:
        notifications = list(self._sent_of(change))
        times = {at for each in notifications for at in each.received}
        found = [sent for sent in self._events(change) if _shows(sent, change, times)]
        once = {_stripped(each.content) for each in notifications if each.content is not None}
        if change.is_message and change.kind == "created":
            once = {b"created"} if once else set()
        elif not change.is_message:
            once = {each.item["encryptedContent"]["dataSignature"] for each in notifications if each.content}
        with_content = sum(1 for sent in found if sent.event.has_content)
        if with_content != len(once):
            yield f"law 3: {change} was published {with_content} times with content, not {len(once)}"
        yield from self._without_content(change, notifications, len(found) - with_content)
        if change.is_message and change.kind != "created" and not once <= set(kept.values()):
            yield f"law 3: a content of {change} is hidden from whoever keeps one event per id"

    def _without_content(self, change: Change, notifications: Sequence[Notification], found: int) -> Iterator[str]:
        bare = sum(len(each.received) for each in notifications if each.content is None)
        if change.is_message and change.kind == "created":
            # Only once, and only if it came first.
            if found > min(bare, 1):
                yield f"law 3: {change} was published {found} times without content"
        elif found != bare:
            yield f"law 3: {change} was published {found} times without content, and reported {bare} times"

    # --- 4

    def twice_for_a_reason(self) -> Iterator[str]:
        """Yield the ids that came twice without a reason."""
        by_id: dict[str, list[Sent]] = {}
        for sent in self.play.world.storage.sunk:
            by_id.setdefault(sent.event.id, []).append(sent)
        for id_, copies in by_id.items():
            if id_ in self.play.world.excused:
                continue
            # Records count for as long as Graph retries; the clocks of two processes may differ meanwhile.
            window = WINDOW - (_CLOCKS_DIFFER if self.play.history.skews else timedelta(0))
            if any(later.at - earlier.at < window for earlier, later in pairwise(copies)):
                times = [_minutes(self.play, each) for each in copies]
                yield f"law 4: {copies[0].event.type} of {copies[0].event.subject} came {len(copies)} times: {times}"

    # --- 5

    def settled(self) -> Iterator[str]:
        """Yield the gaps that have not ended, and what is parked still, or was not tried in its turn."""
        yield from (f"law 5: {each}" for each in self.play.untried)
        for gap in self.play.world.storage.gaps.rows.values():
            if gap.state not in DONE_STATES and not gap.is_recheck:
                yield f"law 5: the {gap.cause} of {gap.resource} since {gap.since:%H:%M} has not ended, but {gap.state}"
        for row in self.rows:
            if row.missed_interval is not None:
                yield f"law 5: what {row.desired.resource} missed is not in the table of gaps"
        for post in self.play.world.storage.parked.waiting():
            yield f"law 5: a POST of {post.received_at:%H:%M} is parked still ({post.reason})"


def _shows(sent: Sent, change: Change, times: set[datetime]) -> bool:
    """Return whether an event is that of a change; ``times``: when its notifications were received."""
    content = sent.event.provenance.content
    if content is None:
        return sent.event.time in times if not sent.event.recovered else change.item is None
    if change.is_message and change.kind == "created":
        return True
    if change.is_message:
        return content.resource.get("etag") == change.version
    since = (change.item or {}).get("visibleHistoryStartDateTime")
    return content.resource.get("visibleHistoryStartDateTime") == since


def _content(sent: Sent) -> bytes:
    content = sent.event.provenance.content
    return b"" if content is None else _stripped(content.resource)


def _stripped(content: Mapping[str, Any]) -> bytes:
    state = {name: value for name, value in content.items() if name != "@odata.context"}
    return json.dumps(state, sort_keys=True).encode()


def _minutes(play: Play, sent: Sent) -> str:
    minute = (sent.at - play.world.teams.begins).total_seconds() / 60
    return f"{'recovered ' if sent.event.recovered else ''}minute {minute:.1f} by process {sent.process}"
