"""Lists whose links lead in a circle: reading them ends, wherever the circle begins and however long it is.

Source: https://learn.microsoft.com/graph/paging
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.errors import NotFound, Unavailable
from shared.gaps.gap import Step
from shared.gaps.graph_queries import TimeWindowQuery
from shared.gaps.list_walk import ListWalk, Visitor, read_list
from shared.gaps.turns import Reads
from shared.graph.client import Page

FORGOTTEN = "forgotten"
LIST = TimeWindowQuery(path="0", key="list")


def _pages(count: int, back_to: int | None) -> Mapping[str, Page]:
    """Return ``count`` pages with an item each; the last one links back to another, or ends the list."""
    links = {number: number + 1 for number in range(count - 1)} | {count - 1: back_to}
    paths = {number: None if link is None else str(link) for number, link in links.items()}
    return {str(number): Page(items=({"id": str(number)},), next_path=path) for number, path in paths.items()}


def _read[T](reads: Reads[T], pages: Mapping[str, Page], asked: list[str]) -> T:
    """Answer the reads from ``pages``, and add their paths to ``asked``."""
    try:
        read = next(reads)
        while True:
            asked.append(read.path)
            assert len(asked) < 10_000, "this goes on for ever"
            page = pages.get(read.path)
            read = reads.throw(NotFound("Graph answered 404")) if page is None else reads.send(page)
    except StopIteration as end:
        result: T = end.value
        return result


def _as_a_whole(_visited: list[str]) -> Reads[Any]:
    return read_list(LIST, "0")


def _page_by_page(visited: list[str]) -> Reads[None]:
    return _walk(visited, position=())


def _in_search_of_an_item(visited: list[str]) -> Reads[None]:
    return _walk(visited, position=(Step(FORGOTTEN, "item that is gone"),))


def _walk(visited: list[str], position: tuple[Step, ...]) -> Reads[None]:
    walk = ListWalk(position=position, on_progress=lambda _position: None)
    return walk.visit(["0"], LIST, Visitor(on_page=lambda items: visited.extend(item["id"] for item in items)))


WAYS = pytest.mark.parametrize("way", [_as_a_whole, _page_by_page, _in_search_of_an_item])


@WAYS
@pytest.mark.parametrize("before", [0, 1, 5, 100], ids=lambda count: f"behind {count} pages")
@pytest.mark.parametrize("length", [1, 2, 3, 100], ids=lambda count: f"{count} long")
def test_links_in_a_circle_are_unavailable(way: Callable[[list[str]], Reads[Any]], before: int, length: int) -> None:
    asked: list[str] = []
    with pytest.raises(Unavailable, match="next page leads back to a page that was read before"):
        _read(way([]), _pages(before + length, back_to=before), asked)
    assert len(asked) <= 3 * (before + length) + 1


@pytest.mark.parametrize("count", [1, 2, 3, 1000])
def test_list_without_a_circle_is_read_to_its_end(count: int) -> None:
    visited: list[str] = []
    _read(_page_by_page(visited), _pages(count, back_to=None), [])
    assert visited == [str(number) for number in range(count)]
    assert [item["id"] for item in _read(read_list(LIST, "0"), _pages(count, back_to=None), [])] == visited
