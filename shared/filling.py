"""One gap filled: its sources read page by page, and what they tell published.

How far it is stands in the gap's row after every page, so that the next run goes on where this one was cut short.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import batched

from shared.comparing import Comparing, KnownThings, Things
from shared.errors import Malformed, Misconfigured, NotFound, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.graph.client import Page
from shared.pages import BETWEEN_GETS, Pages
from shared.recovered import Thing, chain_of, events_of
from shared.recovery import Recovery
from shared.source import Collection, Each, Node, Source
from shared.sources import sources_of
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# Some users have no Teams, and some teams are no more. So many in a row mean that the permission is missing.
_REFUSED_IN_A_ROW = 10
# Users and teams have GUIDs, chats and channels 19:…@thread.v2; what is neither could lead anywhere.
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z:@._=-]{0,255}")
_EVENTS_AT_ONCE = 100
_TIME_FOR_EVENTS = timedelta(minutes=1)
_MAX_REMEMBERED = 200_000


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
