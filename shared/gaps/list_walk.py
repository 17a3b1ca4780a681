"""The walk through Graph's lists, page by page and item by item, and from where an earlier run stopped.

A position is a ``Step`` for each list on the way: the page and the item. Graph forgets the links to its pages after a
while; then the list is read from its beginning, up to that item.

Source: https://learn.microsoft.com/graph/paging
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from shared.errors import Misconfigured, NotFound, Problem, Refused, Unavailable
from shared.gaps.gap import Step
from shared.gaps.graph_queries import Query
from shared.gaps.recovered_events import Item
from shared.gaps.turns import Read, Reads
from shared.graph.client import Page

_LOG = logging.getLogger(__name__)


class GraphRefusal(Problem):
    """Graph refuses a request; ``is_for_good``: whatever permissions are granted.

    It is a class of its own because the storage account also raises Misconfigured, and that concerns all lists.
    """

    def __init__(self, text: str, *, is_for_good: bool) -> None:
        super().__init__(text)
        self.is_for_good = is_for_good


def read_page(query: Query, path: str, *, is_single: bool = False) -> Reads[Page]:
    """Return a page of a list; raises Unavailable, NotFound and GraphRefusal."""
    try:
        return (yield Read(key=query.key, path=path, spacing=query.spacing, is_single=is_single))
    except (Misconfigured, Refused) as problem:
        raise GraphRefusal(str(problem), is_for_good=isinstance(problem, Refused)) from problem


def read_list(query: Query, path: str) -> Reads[Sequence[Item]]:
    """Return all items of a list; raises as ``read_page`` does."""
    items = list[Item]()
    links = _Links(path)
    following: str | None = path
    while following is not None:
        page = yield from read_page(query, following)
        items.extend(page.items)
        following = links.after(page)
    return items


@dataclass(slots=True)
class _Links:
    """The links from page to page of one list, from the page at ``_mark`` on; a circle of them would never end.

    Brent's algorithm finds a circle of any length and remembers one link: the mark moves on after 1, 2, 4, 8 links, so
    that it comes to lie in the circle and is met again, after at most three times the pages that there are.
    Source: https://doi.org/10.1007/BF01933190
    """

    _mark: str
    _since_mark: int = field(default=0, init=False)
    _until_next_mark: int = field(default=1, init=False)

    def after(self, page: Page) -> str | None:
        """Return the link to the next page; raise Unavailable if it leads back to a page that was read."""
        link = page.next_path
        if link is None:
            return None
        if link == self._mark:
            raise Unavailable("Graph's link to the next page leads back to a page that was read before")
        self._since_mark += 1
        if self._since_mark == self._until_next_mark:
            self._mark, self._since_mark, self._until_next_mark = link, 0, 2 * self._until_next_mark
        return link


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What to do on the way: ``on_page`` with the items of a page, then ``on_item`` with each; None if nothing."""

    on_page: Callable[[Sequence[Item]], None] = lambda _items: None
    on_item: Callable[[Item], Reads[None] | None] = lambda _item: None


@dataclass(slots=True, kw_only=True)
class ListWalk:
    """One walk from ``position``; ``on_progress`` is told each new position."""

    position: tuple[Step, ...]
    on_progress: Callable[[tuple[Step, ...]], None]
    _outer: list[Step] = field(default_factory=list, init=False)

    def visit(self, paths: Sequence[str], query: Query, visitor: Visitor) -> Reads[None]:
        """Walk through the list at the first of ``paths`` that Graph accepts, within the item that is being visited.

        Raises:
            Unavailable, NotFound, GraphRefusal: the list cannot be read.
        """
        depth = len(self._outer)
        step = self.position[depth] if depth < len(self.position) else None
        path, page = yield from self._open(paths, query, step)
        links, last = _Links(path), step.item if step is not None else None
        while True:
            items = self._remaining(page, step)
            visitor.on_page(items)
            for item in items:
                yield from self._visit_item(path, item, visitor)
            step, following = None, links.after(page)
            if following is None:
                return
            # The last item of this page is how to find the next one again if Graph forgets the link to it.
            last, path = _last_id(page, last), following
            self.on_progress((*self._outer, Step(path, last)))
            page = yield from read_page(query, path)

    def _visit_item(self, path: str, item: Item, visitor: Visitor) -> Reads[None]:
        visit = visitor.on_item(item)
        if visit is not None:
            step = Step(path, item["id"])
            self._outer.append(step)
            try:
                yield from visit
            finally:
                self._outer.pop()
            self.on_progress((*self._outer, step))
        # Only the item at which an earlier run stopped has a position inside.
        self.position = ()

    def _remaining(self, page: Page, step: Step | None) -> Sequence[Item]:
        """Return the items of a page that are still to be visited; a position inside the first one is kept."""
        done = None if step is None else _index(page, step.item)
        if done is None:
            self.position = ()
            return page.items
        if len(self.position) > len(self._outer) + 1:
            return page.items[done:]
        self.position = ()
        return page.items[done + 1 :]

    def _open(self, paths: Sequence[str], query: Query, step: Step | None) -> Reads[tuple[str, Page]]:
        """Return the page of an earlier run, or else the first one, each with its path."""
        *candidates, last = paths if step is None else (step.page, *paths)
        for path in candidates:
            try:
                return path, (yield from read_page(query, path))
            except (GraphRefusal, NotFound) as problem:
                _LOG.info("Graph refuses a request, the next one is tried: %s", problem)
                if step is not None and path == step.page:
                    return (yield from self._search(paths, query, step))
        return last, (yield from read_page(query, last))

    def _search(self, paths: Sequence[str], query: Query, step: Step) -> Reads[tuple[str, Page]]:
        """Return the page with the item at which an earlier run stopped; the first page if no page has it."""
        path, page = first = yield from self._open(paths, query, None)
        links = _Links(path)
        while step.item is not None and _index(page, step.item) is None:
            following = links.after(page)
            if following is None:
                return first
            path, page = following, (yield from read_page(query, following))
        return path, page


def _index(page: Page, id_: str | None) -> int | None:
    return None if id_ is None else next(_indices(page, id_), None)


def _last_id(page: Page, default: str | None) -> str | None:
    return next((id_ for item in reversed(page.items) if isinstance(id_ := item.get("id"), str)), default)


def _indices(page: Page, id_: str) -> Iterator[int]:
    return (index for index, item in enumerate(page.items) if item.get("id") == id_)
