"""Backfill one gap: its queries are read page by page at Graph's rate, and what they return is published.

Progress is saved in the gap's row after every page, so that the next run continues where this one was cut short.

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
from typing import Any, Protocol

from shared.errors import Malformed, Misconfigured, NotFound, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap
from shared.gaps.graph_queries import ForEachQuery, Query, SnapshotQuery, TimeWindowQuery, query_for
from shared.gaps.recovered_events import Item, events_from_item, message_and_replies
from shared.gaps.snapshot_diff import ItemsById, SnapshotDiff, SnapshotEntries
from shared.graph.client import Page
from shared.limits import OutOfTime, RateLimiter, wait_out_retry_after
from shared.timing import Clock, Deadline

_LOG = logging.getLogger(__name__)

# Of all that an app asks in a tenant; 20 pages of messages a second is what Graph bears.
GET_SPACING = timedelta(milliseconds=50)

# Some users have no Teams, and some teams are no more. So many in a row mean that the permission is missing.
_REFUSED_IN_A_ROW = 10
# Users and teams have GUIDs, chats and channels 19:…@thread.v2; what is neither could lead anywhere.
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z:@._=-]{0,255}")
_MAX_BATCH = 100
_PUBLISH_TIMEOUT = timedelta(minutes=1)
_MAX_REMEMBERED = 200_000


class GraphLists(Protocol):
    """What is needed of Graph in one tenant; both raise Unavailable, Misconfigured, and NotFound for a 404."""

    def get_page(self, path: str) -> Page:
        """Return a page of a list."""
        ...

    def get_item(self, path: str) -> Mapping[str, Any]:
        """Return one item, with its id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReader:
    """Reads Graph's lists until ``ends``; ``graph`` returns Graph as the app of a tenant sees it."""

    graph: Callable[[str], GraphLists]
    clock: Clock
    ends: datetime
    limiters: dict[tuple[str, str | None, timedelta], RateLimiter] = field(default_factory=dict)

    def get[T](
        self, tenant_id: str, request: Callable[[GraphLists], T], *, key: str, spacing: timedelta = GET_SPACING
    ) -> T:
        """Return what ``request`` reads, with ``spacing`` between the requests of the same ``key``.

        Raises:
            OutOfTime: the run ends first.
            Unavailable, Misconfigured, NotFound: as Graph's.
        """
        of_tenant, of_key = self._limiter(tenant_id, None, GET_SPACING), self._limiter(tenant_id, key, spacing)

        def in_time() -> T:
            of_tenant.wait()
            of_key.wait()
            # The second wait may have been long: the tenant's next GET keeps its distance from this one.
            of_tenant.pause_for(GET_SPACING)
            if self.clock.now() >= self.ends:
                raise OutOfTime("the run ends before everything is read")
            return request(self.graph(tenant_id))

        return wait_out_retry_after(in_time, self.clock)

    def read_page(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Page:
        """Return a page of a list; raises what ``get`` raises."""
        return self.get(tenant_id, lambda graph: graph.get_page(path), key=key, spacing=spacing)

    def read_items(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Iterator[Mapping[str, Any]]:
        """Yield everything in a list.

        Raises:
            OutOfTime, Unavailable, Misconfigured, NotFound: as ``get``.
        """
        next_path: str | None = path
        while next_path is not None:
            page = self.read_page(tenant_id, next_path, key=key, spacing=spacing)
            yield from page.items
            if page.next_path == next_path:
                raise Unavailable("Graph's link to the next page leads to the same one")
            next_path = page.next_path

    def _limiter(self, tenant_id: str, key: str | None, spacing: timedelta) -> RateLimiter:
        return self.limiters.setdefault((tenant_id, key, spacing), RateLimiter(self.clock, (1, spacing)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPorts:
    """What filling needs: ``save`` keeps how far it is."""

    client_id: str
    pages: PageReader
    snapshot_table: SnapshotEntries
    publish: Callable[[Sequence[CloudEvent], Deadline], object]
    save: Callable[[Gap], Gap]


class Backfill:
    """One attempt at a gap; ``gap`` is its row as it was saved last. ``is_complete``: its baseline has been noted."""

    def __init__(self, gap: Gap, ports: BackfillPorts, *, is_complete: bool) -> None:
        self.gap = gap
        self._ports = ports
        self._is_complete = is_complete
        self._snapshot_diff = SnapshotDiff(
            client_id=ports.client_id,
            snapshot_table=ports.snapshot_table,
            publish=self._publish,
            clock=ports.pages.clock,
        )
        # Several people see the same message, and are in the same chat.
        self._published: set[str] = set()
        self._diffed: set[tuple[str, ...]] = set()

    def run(self) -> None:
        """Return once everything that can be read is published.

        Raises:
            OutOfTime: there is more to read than there is time for.
            Conflict: another run is at it.
            Unavailable, Misconfigured, NotFound: Graph postpones or refuses it, or the sink or the table is down.
        """
        query = query_for(self.gap)
        if isinstance(query, ForEachQuery):
            self._run_queries(self._pending_queries(query))
        else:
            self._run_query(query)

    def _pending_queries(self, for_each: ForEachQuery) -> Sequence[Query]:
        """Return the sources that are not done, in the order of their ids."""
        items = {item["id"]: item for item in self._items(for_each)}
        ids = sorted(id_ for id_ in items if id_ > (self.gap.checkpoint or ""))
        return [query for id_ in ids if (query := for_each.query_for(items[id_])) is not None]

    def _items(self, for_each: ForEachQuery) -> Iterator[Item]:
        for item in self._ports.pages.read_items(
            self.gap.tenant_id, for_each.list_path, key=for_each.list_path, spacing=GET_SPACING
        ):
            id_ = item.get("id")
            if isinstance(id_, str) and _ID.fullmatch(id_):
                yield item

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
            self._save(self._with_refusals(refusals, checkpoint=query.key))
            refusals.clear()
        if refusals and self.gap.checkpoint is None:
            raise refusals[-1]
        if refusals:
            self._save(self._with_refusals(refusals, checkpoint=queries[-1].key))

    def _with_refusals(self, refusals: Sequence[Misconfigured], *, checkpoint: str) -> Gap:
        reason = str(refusals[-1]) if refusals else self.gap.reason
        skipped = self.gap.skipped + len(refusals)
        return replace(
            self.gap, checkpoint=checkpoint, current_query=None, next_page=None, skipped=skipped, reason=reason
        )

    def _run_query(self, query: Query | None) -> None:
        match query:
            case TimeWindowQuery():
                self._read_time_window(query)
            case SnapshotQuery():
                self._diff_list(query)
            case ForEachQuery():
                for inner in map(query.query_for, self._items(query)):
                    # A chat that is deleted in this moment takes none of the others with it.
                    with suppress(NotFound):
                        self._run_query(inner)

    # --- Compared in full

    def _diff_list(self, query: SnapshotQuery) -> None:
        if query.path_parts in self._diffed:
            return
        snapshot = self._snapshot_diff.take_snapshot(query, self.gap.tenant_id)
        items = _by_id(self._list_items(query) if query.items is None else query.items)
        if query.items is not None and snapshot.existing.keys() - items.keys():
            # That was read before what is known: who has come since must not be told to have gone.
            items = _by_id(self._list_items(query))
        events = self._snapshot_diff.publish_diff(query, snapshot, items, self.gap, is_complete=self._is_complete)
        self.gap = replace(self.gap, recovered=self.gap.recovered + events)
        self._diffed.add(query.path_parts)

    def _list_items(self, query: SnapshotQuery) -> Iterable[Item]:
        if query.single_id is not None:
            return self._single_item(query)
        pages, key = self._ports.pages, query.key
        return pages.read_items(self.gap.tenant_id, query.path, key=key, spacing=query.spacing)

    def _single_item(self, query: SnapshotQuery) -> Sequence[Item]:
        with suppress(NotFound):
            return (self._item(query),)
        return ()

    # --- Told by times

    def _read_time_window(self, query: TimeWindowQuery) -> None:
        page = self._first_page(query)
        while True:
            events = [
                event
                for item in page.items
                for message in self._with_replies(item, query)
                for event in self._events_from(message)
            ]
            self.gap = replace(self.gap, recovered=self.gap.recovered + self._snapshot_diff.publish_changed(events))
            path = page.next_path
            if path is None:
                return
            self._save(replace(self.gap, current_query=query.key, next_page=path))
            page = self._page(path, query)
            if page.next_path == path:
                raise Unavailable("Graph's link to the next page leads to the same one")

    def _first_page(self, query: TimeWindowQuery) -> Page:
        """Return the page to begin with: where the last run was cut short, if Graph still knows that place."""
        paths = [self.gap.next_page if self.gap.current_query == query.key else None, query.path, query.fallback_path]
        candidates = [path for path in paths if path is not None]
        for path in candidates[:-1]:
            try:
                return self._page(path, query)
            except (Misconfigured, NotFound) as problem:
                _LOG.info("another way is taken to what Graph refuses: %s", problem)
        return self._page(candidates[-1], query)

    def _page(self, path: str, query: TimeWindowQuery) -> Page:
        pages, tenant_id = self._ports.pages, self.gap.tenant_id
        if query.is_single:
            return Page(items=(self._item(query),), next_path=None)
        return pages.read_page(tenant_id, path, key=query.key, spacing=query.spacing)

    def _item(self, node: TimeWindowQuery | SnapshotQuery) -> Item:
        return self._ports.pages.get(self.gap.tenant_id, lambda graph: graph.get_item(node.path), key=node.key)

    def _with_replies(self, item: Item, query: TimeWindowQuery) -> Iterator[Item]:
        messages, replies_link = message_and_replies(item)
        yield from messages
        if replies_link is not None:
            yield from self._ports.pages.read_items(
                self.gap.tenant_id, replies_link, key=query.key, spacing=query.spacing
            )

    def _events_from(self, item: Item) -> Sequence[CloudEvent]:
        ports = self._ports
        try:
            return list(
                events_from_item(item, self.gap, client_id=ports.client_id, recovered_at=ports.pages.clock.now())
            )
        except Malformed as problem:
            _LOG.warning("tenant %s: something is left out of what Graph tells: %s", self.gap.tenant_id, problem)
            return ()

    # --- Kept

    def _publish(self, events: Sequence[CloudEvent]) -> int:
        """Return how many events were new; what several people see gives its own once."""
        if len(self._published) > _MAX_REMEMBERED:
            self._published.clear()
        new_events = {event.id: event for event in events if event.id not in self._published}
        for batch in batched(new_events.values(), _MAX_BATCH, strict=False):
            self._ports.publish(batch, Deadline.after(_PUBLISH_TIMEOUT))
        self._published |= new_events.keys()
        return len(new_events)

    def _save(self, gap: Gap) -> None:
        self.gap = self._ports.save(gap)


def _by_id(items: Iterable[Item]) -> ItemsById:
    return {id_: item for item in items if isinstance(id_ := item.get("id"), str)}
