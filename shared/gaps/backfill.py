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
from shared.gaps.gap import Recovery
from shared.gaps.graph_queries import Collection, Each, Node, Source, sources_of
from shared.gaps.recovered_events import Thing, chain_of, events_of
from shared.gaps.snapshot_diff import Comparing, KnownThings, Things
from shared.graph.client import Page
from shared.limits import OutOfTime, RateLimiter, wait_out_retry_after
from shared.timing import Clock, Deadline

_LOG = logging.getLogger(__name__)

# Of all that an app asks in a tenant; 20 pages of messages a second is what Graph bears.
BETWEEN_GETS = timedelta(milliseconds=50)

# Some users have no Teams, and some teams are no more. So many in a row mean that the permission is missing.
_REFUSED_IN_A_ROW = 10
# Users and teams have GUIDs, chats and channels 19:…@thread.v2; what is neither could lead anywhere.
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z:@._=-]{0,255}")
_EVENTS_AT_ONCE = 100
_TIME_FOR_EVENTS = timedelta(minutes=1)
_MAX_REMEMBERED = 200_000


class GraphLists(Protocol):
    """What is needed of Graph in one tenant; both raise Unavailable, Misconfigured, and NotFound for a 404."""

    def page(self, path: str) -> Page:
        """Return a page of a list."""
        ...

    def get_item(self, path: str) -> Mapping[str, Any]:
        """Return one item, with its id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Reads Graph's lists until ``ends``; ``graph`` returns Graph as the app of a tenant sees it."""

    graph: Callable[[str], GraphLists]
    clock: Clock
    ends: datetime
    limiters: dict[tuple[str, str | None, timedelta], RateLimiter] = field(default_factory=dict)

    def get[T](
        self, tenant_id: str, request: Callable[[GraphLists], T], *, key: str, spacing: timedelta = BETWEEN_GETS
    ) -> T:
        """Return what ``request`` reads, with ``spacing`` between the requests of the same ``key``.

        Raises:
            OutOfTime: the run ends first.
            Unavailable, Misconfigured, NotFound: as Graph's.
        """
        of_tenant, of_key = self._limiter(tenant_id, None, BETWEEN_GETS), self._limiter(tenant_id, key, spacing)

        def in_time() -> T:
            of_tenant.wait()
            of_key.wait()
            # The second wait may have been long: the tenant's next GET keeps its distance from this one.
            of_tenant.pause_for(BETWEEN_GETS)
            if self.clock.now() >= self.ends:
                raise OutOfTime("the run ends before everything is read")
            return request(self.graph(tenant_id))

        return wait_out_retry_after(in_time, self.clock)

    def page(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Page:
        """Return a page of a list; raises what ``get`` raises."""
        return self.get(tenant_id, lambda graph: graph.page(path), key=key, spacing=spacing)

    def all(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Iterator[Mapping[str, Any]]:
        """Yield everything in a list.

        Raises:
            OutOfTime, Unavailable, Misconfigured, NotFound: as ``get``.
        """
        following: str | None = path
        while following is not None:
            page = self.page(tenant_id, following, key=key, spacing=spacing)
            yield from page.items
            if page.next_path == following:
                raise Unavailable("Graph's link to the next page leads to the same one")
            following = page.next_path

    def _limiter(self, tenant_id: str, key: str | None, spacing: timedelta) -> RateLimiter:
        return self.limiters.setdefault((tenant_id, key, spacing), RateLimiter(self.clock, (1, spacing)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """What filling needs: ``save`` keeps how far it is."""

    client_id: str
    pages: Pages
    inventory: KnownThings
    publish: Callable[[Sequence[CloudEvent], Deadline], object]
    save: Callable[[Recovery], Recovery]


class Filling:
    """One attempt at a gap; ``gap`` is its row as it was saved last. ``is_complete``: its baseline has been noted."""

    def __init__(self, gap: Recovery, filler: Filler, *, is_complete: bool) -> None:
        self.gap = gap
        self._filler = filler
        self._is_complete = is_complete
        self._comparing = Comparing(
            client_id=filler.client_id, inventory=filler.inventory, publish=self._publish, clock=filler.pages.clock
        )
        # Several people see the same message, and are in the same chat.
        self._published: set[str] = set()
        self._compared: set[tuple[str, ...]] = set()

    def fill(self) -> None:
        """Return once everything that can be read is published.

        Raises:
            OutOfTime: there is more to read than there is time for.
            Conflict: another run is at it.
            Unavailable, Misconfigured, NotFound: Graph postpones or refuses it, or the sink or the table is down.
        """
        sources = sources_of(self.gap)
        if isinstance(sources, Each):
            self._read_all(self._enumerated(sources))
        else:
            self._read(sources)

    def _enumerated(self, each: Each) -> Sequence[Node]:
        """Return the sources that are not done, in the order of their ids."""
        found = {thing["id"]: thing for thing in self._things(each)}
        ids = sorted(id_ for id_ in found if id_ > (self.gap.checkpoint or ""))
        return [node for id_ in ids if (node := each.of(found[id_])) is not None]

    def _things(self, each: Each) -> Iterator[Thing]:
        for thing in self._filler.pages.all(self.gap.tenant_id, each.listed, key=each.listed, spacing=BETWEEN_GETS):
            id_ = thing.get("id")
            if isinstance(id_, str) and _ID.fullmatch(id_):
                yield thing

    def _read_all(self, sources: Sequence[Node]) -> None:
        refused: list[Misconfigured] = []
        for source in sources:
            try:
                self._read(source)
            except NotFound:
                continue
            except Misconfigured as problem:
                refused.append(problem)
                if len(refused) >= _REFUSED_IN_A_ROW:
                    raise
                continue
            self._save(self._without(refused, checkpoint=source.key))
            refused.clear()
        if refused and self.gap.checkpoint is None:
            raise refused[-1]
        if refused:
            self._save(self._without(refused, checkpoint=sources[-1].key))

    def _without(self, refused: Sequence[Misconfigured], *, checkpoint: str) -> Recovery:
        reason = str(refused[-1]) if refused else self.gap.reason
        skipped = self.gap.skipped + len(refused)
        return replace(self.gap, checkpoint=checkpoint, reading=None, next_page=None, skipped=skipped, reason=reason)

    def _read(self, source: Node | None) -> None:
        match source:
            case Source():
                self._read_by_times(source)
            case Collection():
                self._compare(source)
            case Each():
                for inner in map(source.of, self._things(source)):
                    # A chat that is deleted in this moment takes none of the others with it.
                    with suppress(NotFound):
                        self._read(inner)

    # --- Compared in full

    def _compare(self, collection: Collection) -> None:
        if collection.place in self._compared:
            return
        before = self._comparing.before(collection, self.gap.tenant_id)
        listed = _by_id(self._listed(collection) if collection.listed is None else collection.listed)
        if collection.listed is not None and before.known.keys() - listed.keys():
            # That was read before what is known: who has come since must not be told to have gone.
            listed = _by_id(self._listed(collection))
        events = self._comparing.compare(collection, before, listed, self.gap, is_complete=self._is_complete)
        self.gap = replace(self.gap, recovered=self.gap.recovered + events)
        self._compared.add(collection.place)

    def _listed(self, collection: Collection) -> Iterable[Thing]:
        if collection.only is not None:
            return self._only(collection)
        pages, key = self._filler.pages, collection.key
        return pages.all(self.gap.tenant_id, collection.path, key=key, spacing=collection.spacing)

    def _only(self, collection: Collection) -> Sequence[Thing]:
        with suppress(NotFound):
            return (self._item(collection),)
        return ()

    # --- Told by times

    def _read_by_times(self, source: Source) -> None:
        page = self._first(source)
        while True:
            events = [event for item in page.items for thing in self._chain(item, source) for event in self._of(thing)]
            self.gap = replace(self.gap, recovered=self.gap.recovered + self._comparing.tell(events))
            path = page.next_path
            if path is None:
                return
            self._save(replace(self.gap, reading=source.key, next_page=path))
            page = self._page(path, source)
            if page.next_path == path:
                raise Unavailable("Graph's link to the next page leads to the same one")

    def _first(self, source: Source) -> Page:
        """Return the page to begin with: where the last run was cut short, if Graph still knows that place."""
        paths = [self.gap.next_page if self.gap.reading == source.key else None, source.path, source.instead]
        known = [path for path in paths if path is not None]
        for path in known[:-1]:
            try:
                return self._page(path, source)
            except (Misconfigured, NotFound) as problem:
                _LOG.info("another way is taken to what Graph refuses: %s", problem)
        return self._page(known[-1], source)

    def _page(self, path: str, source: Source) -> Page:
        pages, tenant_id = self._filler.pages, self.gap.tenant_id
        if source.is_single:
            return Page(items=(self._item(source),), next_path=None)
        return pages.page(tenant_id, path, key=source.key, spacing=source.spacing)

    def _item(self, node: Source | Collection) -> Thing:
        return self._filler.pages.get(self.gap.tenant_id, lambda graph: graph.get_item(node.path), key=node.key)

    def _chain(self, item: Thing, source: Source) -> Iterator[Thing]:
        messages, more = chain_of(item)
        yield from messages
        if more is not None:
            yield from self._filler.pages.all(self.gap.tenant_id, more, key=source.key, spacing=source.spacing)

    def _of(self, thing: Thing) -> Sequence[CloudEvent]:
        filler = self._filler
        try:
            return list(events_of(thing, self.gap, client_id=filler.client_id, at=filler.pages.clock.now()))
        except Malformed as problem:
            _LOG.warning("tenant %s: something is left out of what Graph tells: %s", self.gap.tenant_id, problem)
            return ()

    # --- Kept

    def _publish(self, events: Sequence[CloudEvent]) -> int:
        """Return how many events were new; what several people see gives its own once."""
        if len(self._published) > _MAX_REMEMBERED:
            self._published.clear()
        fresh = {event.id: event for event in events if event.id not in self._published}
        for batch in batched(fresh.values(), _EVENTS_AT_ONCE, strict=False):
            self._filler.publish(batch, Deadline.after(_TIME_FOR_EVENTS))
        self._published |= fresh.keys()
        return len(fresh)

    def _save(self, gap: Recovery) -> None:
        self.gap = self._filler.save(gap)


def _by_id(things: Iterable[Thing]) -> Things:
    return {id_: thing for thing in things if isinstance(id_ := thing.get("id"), str)}
