"""Backfills in turns: the pace of their requests, their pauses, and tenants that do not answer.

Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.errors import NotFound, Problem, Unavailable
from shared.gaps.turns import Read, Reads, Turns
from shared.graph.client import Page
from shared.limits import OutOfTime
from shared.timing import SystemClock
from tests.fakes.clocks import SettableClock
from tests.fakes.executors import InlineExecutor
from tests.fakes.subscription_values import HOUR, MINUTE, NOW
from tests.sender import OTHER_TENANT, TENANT

SECOND = timedelta(seconds=1)
INSTANT = timedelta(milliseconds=50)


@dataclass
class Graph:
    """Answers every GET with an empty page, and remembers when it came; ``before`` may raise."""

    clock: SettableClock = field(default_factory=SettableClock)
    gets: list[tuple[timedelta, str]] = field(default_factory=list)
    before: Callable[[str], None] = lambda _path: None

    def get_page(self, path: str) -> Page:
        self.gets.append((self.clock.now() - NOW, path))
        self.before(path)
        return Page(items=(), next_path=None)

    def get_item(self, path: str) -> Mapping[str, Any]:
        self.get_page(path)
        return {"id": "a"}

    def times(self) -> list[timedelta]:
        return [moment for moment, _ in self.gets]

    def paths(self) -> list[str]:
        return [path for _, path in self.gets]


@dataclass
class Work:
    """Reads what it is given; after each read a unit is complete, unless ``is_whole``."""

    todo: Sequence[Read]
    tenant_id: str = TENANT
    is_whole: bool = False
    units: int = 0
    ended: Problem | str = "not begun"

    def reads(self) -> Reads[None]:
        try:
            for read in self.todo:
                yield read
                self.units += not self.is_whole
        except Problem as problem:
            self.ended = problem
        else:
            self.ended = "done"


def _page(path: str, *, key: str | None = None, spacing: timedelta = INSTANT) -> Read:
    return Read(key=key or path, path=path, spacing=spacing)


def _chat(path: str = "chat") -> Read:
    return _page(path, spacing=SECOND)


def _run(graph: Graph, *works: Work, ends: datetime = NOW + MINUTE) -> None:
    turns = Turns(
        graph=lambda _tenant_id: graph, clock=graph.clock, ends=ends, pool=InlineExecutor(), call_timeout=MINUTE
    )
    turns.run(works)


def test_requests_of_a_tenant_are_spaced_and_other_tenants_do_not_wait() -> None:
    graph = Graph()
    _run(graph, Work([_page("a"), _page("b")]), Work([_page("c")], OTHER_TENANT))
    assert graph.gets == [(0 * SECOND, "a"), (0 * SECOND, "c"), (INSTANT, "b")]


def test_request_after_a_wait_for_a_chat_keeps_its_distance() -> None:
    """Graph takes 20 requests a second in a tenant: what waits for a chat does not make up for lost time."""
    graph = Graph()
    _run(graph, Work([_chat(), _chat(), _page("a"), _chat()]))
    assert graph.times() == [0 * SECOND, SECOND, SECOND + INSTANT, 2 * SECOND]


def test_chats_with_the_same_id_in_two_tenants_are_two() -> None:
    graph = Graph()
    _run(graph, Work([_chat()]), Work([_chat()], OTHER_TENANT))
    assert graph.times() == [0 * SECOND, 0 * SECOND]


def test_request_for_a_chat_itself_does_not_slow_its_lists() -> None:
    graph = Graph()
    lists = _page("members", key="a", spacing=SECOND)
    _run(graph, Work([Read(key="a", path="item", is_single=True), lists, lists]))
    assert graph.times() == [0 * SECOND, INSTANT, SECOND + INSTANT]


def test_chat_that_may_be_read_once_a_second_delays_no_other_gap() -> None:
    graph = Graph()
    _run(graph, Work([_chat()] * 3), Work([_page(str(number)) for number in range(30)]))
    others = [moment for moment, path in graph.gets if path != "chat"]
    assert others[-1] <= 31 * INSTANT
    assert [moment for moment, path in graph.gets if path == "chat"] == [0 * SECOND, SECOND, 2 * SECOND]


def test_gaps_take_turns_after_each_unit() -> None:
    graph = Graph()
    _run(graph, *[Work([_page(name)] * 3) for name in "abc"])
    assert "".join(graph.paths()) == "abcabcabc"


def test_list_that_counts_only_as_a_whole_keeps_its_turn() -> None:
    """Otherwise many such lists would share a run, and none of them would end in it."""
    graph = Graph()
    _run(graph, *[Work([_page(name)] * 3, is_whole=True) for name in "abc"], ends=NOW + 4 * INSTANT)
    assert "".join(graph.paths()) == "aaab"


def test_run_that_ends_tells_every_gap_that_has_begun() -> None:
    graph = Graph()
    works = [Work([_page("a")] * 9), Work([_page("b")] * 9)]
    _run(graph, *works, ends=NOW + 3 * INSTANT)
    assert len(graph.gets) == 3
    assert [type(work.ended) for work in works] == [OutOfTime, OutOfTime]


def test_gaps_beyond_those_that_fit_into_memory_begin_when_others_end() -> None:
    works = [Work([_page(str(number))] * 2) for number in range(40)]
    _run(Graph(), *works)
    assert {work.ended for work in works} == {"done"}


def test_few_gaps_are_in_memory_at_once() -> None:
    works = [Work([_page(str(number))] * 9) for number in range(40)]
    _run(Graph(), *works, ends=NOW + 3 * INSTANT)
    assert [work.ended for work in works].count("not begun") == 8


@pytest.mark.parametrize("problem", [NotFound("404"), Unavailable("503")])
def test_failed_read_concerns_its_gap_alone(problem: Problem) -> None:
    graph = Graph()
    graph.before = _raising(problem, "a")
    works = [Work([_page("a")] * 2), Work([_page("b")] * 2)]
    _run(graph, *works)
    assert [work.ended for work in works] == [problem, "done"]


def _raising(problem: Problem, path: str) -> Callable[[str], None]:
    def before(asked: str) -> None:
        if asked == path:
            raise problem

    return before


def test_read_is_repeated_after_a_short_pause_and_others_go_on() -> None:
    graph, problems = Graph(), iter([Unavailable("429", retry_after=10 * SECOND)])

    def before(path: str) -> None:
        for problem in problems if path == "a" else ():
            raise problem

    graph.before = before
    works = [Work([_page("a")] * 2), Work([_page("b")] * 4)]
    _run(graph, *works)
    assert [work.ended for work in works] == ["done", "done"]
    assert [moment for moment, path in graph.gets if path == "a"][1] == 10 * SECOND
    assert max(moment for moment, path in graph.gets if path == "b") < SECOND


def test_tenant_that_asks_for_a_long_pause_is_left_alone_and_no_other() -> None:
    graph = Graph()
    graph.before = _raising(Unavailable("429", retry_after=HOUR), "a")
    works = [Work([_page("a")]), Work([_page("b")] * 2), Work([_page("c")] * 2, OTHER_TENANT)]
    _run(graph, *works)
    assert [type(work.ended) for work in works] == [Unavailable, OutOfTime, str]
    assert graph.paths().count("b") <= 1


# --- Over threads, by the clock on the wall


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call_timeout", "told"),
    [
        pytest.param(SECOND / 2, "Graph does not answer", id="for longer than a call may take"),
        pytest.param(MINUTE, "the run ends before the backfill: the next run continues", id="until the run ends"),
    ],
)
def test_tenant_that_is_silent_delays_no_other(call_timeout: timedelta, told: str) -> None:
    """Its call blocks a thread for as long as the test lasts."""
    released, graph, clock = threading.Event(), Graph(), SystemClock()

    def before(path: str) -> None:
        if path == "silent":
            released.wait(20)

    graph.before = before
    silent = Work([_page("silent")], TENANT)
    other = Work([_page(f"other {number}") for number in range(10)], OTHER_TENANT)
    ends = clock.now() + SECOND
    with ThreadPoolExecutor(4) as pool:
        turns = Turns(graph=lambda _tenant_id: graph, clock=clock, ends=ends, pool=pool, call_timeout=call_timeout)
        turns.run([silent, other])
        late = clock.now() - ends
        released.set()
    assert (str(silent.ended), other.ended) == (told, "done")
    assert late < SECOND


@pytest.mark.slow
@pytest.mark.parametrize(("tenants", "calls"), [(1, 4), (3, 12), (6, 16)])
def test_silent_tenants_take_few_threads(tenants: int, calls: int) -> None:
    released, graph, clock = threading.Event(), Graph(), SystemClock()

    def before(_path: str) -> None:
        released.wait(20)

    graph.before = before
    works = [Work([_page(f"{number}")], f"tenant {number % tenants}") for number in range(30)]
    ends = clock.now() + SECOND
    with ThreadPoolExecutor(30) as pool:
        turns = Turns(graph=lambda _tenant_id: graph, clock=clock, ends=ends, pool=pool, call_timeout=MINUTE)
        turns.run(works)
        released.set()
    assert len(graph.gets) == calls
