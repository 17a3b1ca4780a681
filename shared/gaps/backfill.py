"""One attempt at a gap: its queries run page by page at the rate that Graph allows, and their changes are published.

Progress is saved in the gap's row after every page, so the next run continues where this one stopped.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications and
https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched
from typing import Protocol

from shared.errors import Malformed, Misconfigured, NotFound, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap
from shared.gaps.graph_queries import DEFAULT_SPACING, ForEachQuery, Query, SnapshotQuery, TimeWindowQuery, query_for
from shared.gaps.recovered_events import Change, Item, changes_from_item, event_from_change, message_and_replies
from shared.gaps.snapshot import EntriesById, ItemsById, SnapshotEntry, changed_entries, diff, entry_from_event
from shared.graph.client import Page
from shared.limits import OutOfTime, RateLimiter, wait_out_retry_after
from shared.timing import Clock, Deadline

_LOG = logging.getLogger(__name__)

# Some users have no Teams, and some teams were deleted. So many refusals in a row mean that the permission is missing.
_REFUSED_IN_A_ROW = 10
# Users and teams have GUIDs, chats and channels 19:…@thread.v2; any other text could change the path of a request.
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z:@._=-]{0,255}")
# Longer than a POST stays parked: it may report the creation of an item that has been deleted since.
_DELETED_RETENTION = timedelta(days=30)
_MAX_BATCH = 100
_PUBLISH_TIMEOUT = timedelta(minutes=1)
_MAX_REMEMBERED = 200_000


class GraphLists(Protocol):
    """Graph in one tenant; both methods raise Unavailable, Misconfigured, and NotFound for a 404."""

    def get_page(self, path: str) -> Page:
        """Return a page of a list."""
        ...

    def get_item(self, path: str) -> Item:
        """Return one item, with its id."""
        ...


class SnapshotEntries(Protocol):
    """The table of the snapshot; all methods raise Unavailable, and Misconfigured for a row that cannot be read."""

    def list(self, tenant_id: str, collection: str) -> Mapping[str, SnapshotEntry]:
        """Return the entries of a list by id, also those of deleted items."""
        ...

    def get(self, entry: SnapshotEntry) -> SnapshotEntry | None:
        """Return the recorded entry of the same item, if the item exists."""
        ...

    def record_all(self, entries: Iterable[SnapshotEntry]) -> None:
        """Record entries of one list."""
        ...

    def purge_deleted(self, tenant_id: str, collection: str, *, before: datetime) -> None:
        """Delete the entries of items that were deleted ``before``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReader:
    """Reads from Graph until ``ends``, at the rate that it allows; ``graph`` returns the client of a tenant."""

    graph: Callable[[str], GraphLists]
    clock: Clock
    ends: datetime
    limiters: dict[tuple[str, str | None, timedelta], RateLimiter] = field(default_factory=dict)

    def get[T](
        self, tenant_id: str, request: Callable[[GraphLists], T], *, key: str, spacing: timedelta = DEFAULT_SPACING
    ) -> T:
        """Return the result of ``request``, sent at least ``spacing`` after the previous one of ``key``.

        Raises:
            OutOfTime: the run ends first.
        """
        of_tenant, of_key = self._limiter(tenant_id, None, DEFAULT_SPACING), self._limiter(tenant_id, key, spacing)

        def in_time() -> T:
            of_tenant.wait()
            of_key.wait()
            # The second wait may have been long: space the tenant's next request from this moment.
            of_tenant.pause_for(DEFAULT_SPACING)
            if self.clock.now() >= self.ends:
                raise OutOfTime("the run ends before the backfill: the next run continues")
            return request(self.graph(tenant_id))

        return wait_out_retry_after(in_time, self.clock)

    def _limiter(self, tenant_id: str, key: str | None, spacing: timedelta) -> RateLimiter:
        return self.limiters.setdefault((tenant_id, key, spacing), RateLimiter(self.clock, (1, spacing)))


@dataclass(slots=True, kw_only=True)
class Backfill:
    """One attempt at a gap, with its progress in ``gap``; ``is_complete``: the subscription's baseline is complete."""

    gap: Gap
    is_complete: bool
    client_id: str
    reader: PageReader
    snapshot_table: SnapshotEntries
    publish: Callable[[Sequence[CloudEvent], Deadline], object]
    save: Callable[[Gap], Gap]
    # Several users see the same message, and are members of the same chat.
    _published: set[str] = field(default_factory=set, init=False)
    _diffed: set[tuple[str, ...]] = field(default_factory=set, init=False)

    def run(self) -> None:
        """Return once everything that Graph has of the gap is published.

        Raises:
            OutOfTime, Conflict: the run ends first, or another run has changed the gap's row.
            Unavailable, Misconfigured, NotFound: Graph throttles or refuses, or the sink or a table is down.
        """
        query = query_for(self.gap)
        if isinstance(query, ForEachQuery):
            self._run_queries(self._pending_queries(query))
        else:
            self._run_query(query)

    def _pending_queries(self, for_each: ForEachQuery) -> Sequence[Query]:
        """Return the queries after the checkpoint, in the order of their items' ids."""
        items = {item["id"]: item for item in self._items(for_each)}
        ids = sorted(id_ for id_ in items if id_ > (self.gap.checkpoint or ""))
        return [query for id_ in ids if (query := for_each.query_for(items[id_])) is not None]

    def _items(self, for_each: ForEachQuery) -> Iterator[Item]:
        items = self._read_items(for_each.list_path, for_each)
        return (item for item in items if isinstance(id_ := item.get("id"), str) and _ID.fullmatch(id_))

    def _run_queries(self, queries: Sequence[Query]) -> None:
        refusals: list[Misconfigured] = []
        for query in queries:
            try:
                self._run_query(query)
            except NotFound:
                continue
            except Misconfigured as problem:
                refusals.append(problem)
                if len(refusals) >= _REFUSED_IN_A_ROW:
                    raise
                continue
            self._save_checkpoint(query, refusals)
            refusals.clear()
        if refusals and self.gap.checkpoint is None:
            raise refusals[-1]
        if refusals:
            self._save_checkpoint(queries[-1], refusals)

    def _save_checkpoint(self, query: Query, refusals: Sequence[Misconfigured]) -> None:
        reason = str(refusals[-1]) if refusals else self.gap.reason
        skipped = self.gap.skipped + len(refusals)
        done = replace(self.gap, checkpoint=query.key, current_query=None, next_page=None)
        self.gap = self.save(replace(done, skipped=skipped, reason=reason))

    def _run_query(self, query: Query | None) -> None:
        match query:
            case TimeWindowQuery():
                self._read_time_window(query)
            case SnapshotQuery():
                self._diff_list(query)
            case ForEachQuery():
                for inner in map(query.query_for, self._items(query)):
                    # A chat that is deleted at this moment must not stop the others.
                    with suppress(NotFound):
                        self._run_query(inner)

    # --- Messages and chats, by their times

    def _read_time_window(self, query: TimeWindowQuery) -> None:
        for page in self._pages(self._first_page(query), query):
            messages = (message for item in page.items for message in self._with_replies(item, query))
            events = [event for message in messages for event in self._events(changes_from_item(message, self.gap))]
            self.gap = replace(self.gap, recovered=self.gap.recovered + self._publish_changed(events))
            if page.next_path is not None:
                self.gap = self.save(replace(self.gap, current_query=query.key, next_page=page.next_path))

    def _first_page(self, query: TimeWindowQuery) -> Page:
        """Return the page to start with: the one where the last run stopped, if Graph still accepts its link."""
        if query.is_single:
            return Page(items=(self._read_item(query),), next_path=None)
        paths = [self.gap.next_page if self.gap.current_query == query.key else None, query.path, query.fallback_path]
        *candidates, last = [path for path in paths if path is not None]
        for path in candidates:
            try:
                return self._read_page(path, query)
            except (Misconfigured, NotFound) as problem:
                _LOG.info("Graph refuses a request, the fallback is tried: %s", problem)
        return self._read_page(last, query)

    def _with_replies(self, item: Item, query: TimeWindowQuery) -> Iterator[Item]:
        messages, replies_link = message_and_replies(item)
        yield from messages
        if replies_link is not None:
            yield from self._read_items(replies_link, query)

    def _publish_changed(self, events: Sequence[CloudEvent]) -> int:
        """Publish events, except those of chats whose entry is up to date; return how many were new."""
        entries = [(event, entry_from_event(event)) for event in events]
        changed = [each for each in entries if each[1] is None or self.snapshot_table.get(each[1]) != each[1]]
        count = self._publish([event for event, _ in changed])
        # A chat may have been created and updated, and a transaction takes each row once.
        self.snapshot_table.record_all({entry.subject: entry for _, entry in changed if entry is not None}.values())
        return count

    # --- Teams, channels and members, by a diff with the snapshot

    def _diff_list(self, query: SnapshotQuery) -> None:
        if query.path_parts in self._diffed:
            return
        # Take the snapshot first. A member added while the list is being read would otherwise be in the snapshot but
        # not in the list, and be reported as deleted.
        entries = self.snapshot_table.list(self.gap.tenant_id, query.collection)
        entries = {id_: entry for id_, entry in entries.items() if query.single_id in {None, id_}}
        taken_at = self.reader.clock.now()
        items = _by_id(self._list_items(query) if query.items is None else query.items)
        if query.items is not None and any(entry.exists and id_ not in items for id_, entry in entries.items()):
            # These items were read before the snapshot: a member that they lack may have been added in between.
            items = _by_id(self._list_items(query))
        count = self._publish_diff(query, entries, items, taken_at)
        self.gap = replace(self.gap, recovered=self.gap.recovered + count)
        self._diffed.add(query.path_parts)

    def _list_items(self, query: SnapshotQuery) -> Iterator[Item]:
        if query.single_id is None:
            yield from self._read_items(query.path, query)
            return
        with suppress(NotFound):
            yield self._read_item(query)

    def _publish_diff(self, query: SnapshotQuery, entries: EntriesById, items: ItemsById, taken_at: datetime) -> int:
        """Return how many events were published; a baseline publishes none."""
        gap, collection = self.gap, query.collection
        changes = () if gap.is_baseline else diff(query.path_parts, entries, items, gap, is_complete=self.is_complete)
        count = self._publish([event for change in changes for event in self._events([change])])
        # Record after publishing: a run that is killed in between finds the changes again. And record with the time of
        # the snapshot: an entry written while the list was being read may be newer than the list.
        changed = changed_entries(gap.tenant_id, collection, entries, items, recorded_at=taken_at)
        self.snapshot_table.record_all(changed)
        self.snapshot_table.purge_deleted(gap.tenant_id, collection, before=taken_at - _DELETED_RETENTION)
        return count

    def _read_items(self, path: str, query: Query) -> Iterator[Item]:
        for page in self._pages(self._read_page(path, query), query):
            yield from page.items

    def _pages(self, page: Page, query: Query) -> Iterator[Page]:
        """Yield a page and all that follow it."""
        yield page
        while (path := page.next_path) is not None:
            page = self._read_page(path, query)
            yield page
            if page.next_path == path:
                raise Unavailable("Graph's link to the next page leads to the same page")

    def _read_page(self, path: str, query: Query) -> Page:
        tenant_id, spacing = self.gap.tenant_id, query.spacing
        return self.reader.get(tenant_id, lambda graph: graph.get_page(path), key=query.key, spacing=spacing)

    def _read_item(self, query: TimeWindowQuery | SnapshotQuery) -> Item:
        return self.reader.get(self.gap.tenant_id, lambda graph: graph.get_item(query.path), key=query.key)

    def _events(self, changes: Iterable[Change]) -> Sequence[CloudEvent]:
        """Return the events of one item's changes; none, and a line in the log, if the item is malformed."""
        gap, client_id, now = self.gap, self.client_id, self.reader.clock.now()
        try:
            return [event_from_change(change, gap, client_id=client_id, recovered_at=now) for change in changes]
        except Malformed as problem:
            _LOG.warning("tenant %s: an item in Graph's list is malformed and left out: %s", gap.tenant_id, problem)
            return ()

    def _publish(self, events: Sequence[CloudEvent]) -> int:
        """Return how many events were new in this attempt; the others have been published before."""
        if len(self._published) > _MAX_REMEMBERED:
            self._published.clear()
        new_events = {event.id: event for event in events if event.id not in self._published}
        for batch in batched(new_events.values(), _MAX_BATCH, strict=False):
            self.publish(batch, Deadline.after(_PUBLISH_TIMEOUT))
        self._published |= new_events.keys()
        return len(new_events)


def _by_id(items: Iterable[Item]) -> ItemsById:
    return {id_: item for item in items if isinstance(id_ := item.get("id"), str)}
