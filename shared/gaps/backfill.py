"""One attempt at a gap: its lists are read page by page, and their changes are published.

What Graph refuses, and what cannot be understood, is counted and left out; it stops nothing else. Progress is saved in
the gap's row, so the next run continues where this one stopped.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched
from typing import TypeGuard

from shared.errors import Malformed, NotFound
from shared.events.cloud_events import CloudEvent
from shared.gaps.coverage import Coverage
from shared.gaps.gap import Gap, GapCause, GapState, Step
from shared.gaps.graph_queries import ForEachQuery, Query, SnapshotQuery, TimeWindowQuery, query_for
from shared.gaps.list_comparison import ListComparison, SnapshotEntries
from shared.gaps.list_walk import GraphRefusal, ListWalk, Visitor, read_page
from shared.gaps.recovered_events import Change, Item, changes_from_item, event_from_change, message_and_replies
from shared.gaps.snapshot import entry_from_event
from shared.gaps.turns import Reads
from shared.timing import Clock, Deadline

_LOG = logging.getLogger(__name__)

# Some users have no Teams, and some teams were deleted. But if the first ones are all refused, and none was read, it is
# probably the permission that is missing: an operator is told, and later attempts go on behind them.
_REFUSED_AT_FIRST = 10
_REFUSED_LATER = 1000
# Users and teams have GUIDs, chats and channels 19:…@thread.v2; any other text could change the path of a request.
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z:@._=-]{0,255}")
_MAX_BATCH = 100
_PUBLISH_TIMEOUT = timedelta(minutes=1)
_MAX_REMEMBERED = 200_000
_MAX_REASON = 1024
# What a run that is killed has to do again.
_SAVE_EVERY = timedelta(seconds=10)

type Publish = Callable[[Sequence[CloudEvent], Deadline], object]


def is_id(value: object) -> TypeGuard[str]:
    """Return whether a value in one of Graph's lists can be the id of a user, team, chat or channel."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


class _Restart(Exception):
    """The first list was read after refusals: the permission has been granted meanwhile."""


@dataclass(slots=True, kw_only=True)
class Backfill:
    """One attempt at a gap, with its progress in ``gap``; ``coverage``: the subscriptions of the tenant.

    ``units`` counts what is complete and would not be done again.
    """

    gap: Gap
    coverage: Coverage
    client_id: str
    clock: Clock
    snapshot_table: SnapshotEntries
    publish: Publish
    save: Callable[[Gap], Gap]
    units: int = field(default=0, init=False)
    _in_vain: int = field(default=0, init=False)
    _walk: ListWalk = field(init=False)
    _comparison: ListComparison = field(init=False)
    _saved_at: datetime = field(init=False)
    # Several users see the same message, and are members of the same chat.
    _published: set[str] = field(default_factory=set, init=False)

    def reads(self) -> Reads[None]:
        """Return once everything that Graph has of the gap is published.

        Raises:
            OutOfTime, Conflict: the run ends first, or another run has changed the gap's row.
            Unavailable, NotFound, GraphRefusal: Graph throttles or refuses, or the sink or a table is down.
            Misconfigured: the sink or a table refuses.
        """
        self._begin()
        try:
            yield from self._run()
        except _Restart:
            self.gap = replace(self.gap, state=GapState.OPEN, position=(), skipped=0, reason=None)
            yield from self._run()

    def _begin(self) -> None:
        self._comparison = ListComparison(
            snapshot_table=self.snapshot_table,
            clock=self.clock,
            coverage=self.coverage,
            publish=self._publish_changes,
        )
        # Another run that has the same row in hand fails here.
        self._save()

    def _run(self) -> Reads[None]:
        query = query_for(self.gap)
        self._walk = ListWalk(position=self.gap.position, on_progress=self._make_progress)
        yield from self._query(query)
        if isinstance(query, ForEachQuery) and self.gap.skipped and not self.gap.read:
            problem, self.gap = self.gap.reason, replace(self.gap, position=(), skipped=0)
            raise GraphRefusal(problem or "", is_for_good=False)

    def _query(self, query: Query) -> Reads[None]:
        match query:
            case TimeWindowQuery():
                yield from self._read_time_window(query)
            case SnapshotQuery():
                yield from self._comparison.compare(self.gap, query)
            case ForEachQuery():
                visitor = Visitor(on_item=lambda item: self._item(query, item))
                yield from self._walk.visit((query.list_path,), query, visitor)

    # --- Users, teams and chats, one by one

    def _item(self, for_each: ForEachQuery, item: Item) -> Reads[None] | None:
        if not is_id(item.get("id")):
            self._skip("an item of a list has no id")
            return None
        query = for_each.query_for(item)
        return None if query is None else self._query_of_item(query)

    def _query_of_item(self, query: Query) -> Reads[None]:
        try:
            yield from self._query(query)
        except NotFound:
            # A user without Teams, or a chat that is deleted at this moment.
            return
        except GraphRefusal as problem:
            self._count_refusal(problem)
        else:
            if not isinstance(query, ForEachQuery):
                self._count_success()

    def _count_refusal(self, problem: GraphRefusal) -> None:
        self._skip(str(problem))
        self._in_vain += 1
        limit = _REFUSED_LATER if self.gap.state is GapState.REFUSED else _REFUSED_AT_FIRST
        if self.gap.read == 0 and self._in_vain >= limit:
            raise GraphRefusal(str(problem), is_for_good=False)

    def _count_success(self) -> None:
        is_first = self.gap.read == 0
        self.gap = replace(self.gap, read=self.gap.read + 1)
        if is_first and self.gap.state is GapState.REFUSED and self.gap.skipped:
            raise _Restart

    def _skip(self, reason: str) -> None:
        self.gap = replace(self.gap, skipped=self.gap.skipped + 1, reason=reason[:_MAX_REASON])

    # --- Progress

    def _make_progress(self, position: tuple[Step, ...]) -> None:
        self.gap = replace(self.gap, position=position)
        self.units += 1
        if self.clock.now() - self._saved_at >= _SAVE_EVERY:
            self._save()

    def _save(self) -> None:
        now = self.clock.now()
        self.gap = self.save(replace(self.gap, begun_at=self.gap.begun_at or now, turn_at=now))
        self._saved_at = now

    # --- Messages and chats, by their times

    def _read_time_window(self, query: TimeWindowQuery) -> Reads[None]:
        if query.is_single:
            page = yield from read_page(query, query.path, is_single=True)
            self._publish_items(page.items)
            return
        visitor = Visitor(on_page=self._publish_messages, on_item=lambda item: self._replies(item, query))
        paths = (query.path,) if query.fallback_path is None else (query.path, query.fallback_path)
        yield from self._walk.visit(paths, query, visitor)

    def _publish_messages(self, items: Sequence[Item]) -> None:
        self._publish_items([message for item in items for message in message_and_replies(item)[0]])

    def _replies(self, item: Item, query: TimeWindowQuery) -> Reads[None] | None:
        """Return the walk through the replies that did not come with a message; None if there are none."""
        _, link = message_and_replies(item)
        if link is None or not isinstance(item.get("id"), str):
            return None
        return self._walk.visit((link,), query, Visitor(on_page=self._publish_items))

    def _publish_items(self, items: Iterable[Item]) -> None:
        """Publish the events of messages or chats, except those of chats whose entry is up to date."""
        events = [event for item in items for event in self._events(changes_from_item(item, self.gap))]
        entries = [(event, entry_from_event(event)) for event in events]
        if self.gap.cause is not GapCause.REQUESTED:
            entries = [each for each in entries if each[1] is None or self.snapshot_table.get(each[1]) != each[1]]
        self._publish([event for event, _ in entries])
        # A chat may have been created and updated, and a transaction takes each row once.
        self.snapshot_table.record_all({entry.subject: entry for _, entry in entries if entry is not None}.values())

    # --- Events

    def _publish_changes(self, changes: Sequence[Change]) -> None:
        self._publish([event for change in changes for event in self._events((change,))])

    def _events(self, changes: Iterable[Change]) -> Sequence[CloudEvent]:
        """Return the events of one item's changes; none if the item is malformed, which is counted and logged."""
        gap, now = self.gap, self.clock.now()
        try:
            return [event_from_change(change, gap, client_id=self.client_id, recovered_at=now) for change in changes]
        except Malformed as problem:
            _LOG.warning("tenant %s: an item in Graph's list is malformed and left out: %s", gap.tenant_id, problem)
            self._skip(f"an item is malformed: {problem}")
            return ()

    def _publish(self, events: Sequence[CloudEvent]) -> None:
        """Publish the events that are new in this attempt, and count them."""
        if len(self._published) > _MAX_REMEMBERED:
            self._published.clear()
        new_events = {event.id: event for event in events if event.id not in self._published}
        for batch in batched(new_events.values(), _MAX_BATCH, strict=False):
            self.publish(batch, Deadline.after(_PUBLISH_TIMEOUT))
        if new_events:
            self._published |= new_events.keys()
            self.gap = replace(self.gap, recovered=self.gap.recovered + len(new_events))
