"""Backfills of tenants whose answers trickle: run after run, they take no thread from the others for long."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from shared.bounded_calls import BoundedCalls
from shared.errors import Problem
from shared.gaps.bounded_lists import BoundedLists
from shared.gaps.turns import MAX_READS, GraphLists, Read, Reads, Turns
from shared.graph.client import Page
from shared.timing import SystemClock

SHORT = timedelta(milliseconds=50)
RUNS = 8


@dataclass
class TricklingLists:
    """Graph's lists in a tenant, no page of which arrives before ``ends``."""

    ends: threading.Event
    asked: list[str] = field(default_factory=list)

    def get_page(self, path: str) -> Page:
        self.asked.append(path)
        self.ends.wait(20)
        return Page(items=(), next_path=None)

    def get_item(self, path: str) -> Mapping[str, Any]:
        self.get_page(path)
        return {"id": "a"}


@dataclass
class EmptyLists:
    """Graph's lists in a tenant that answers."""

    def get_page(self, path: str) -> Page:
        assert path == "list"
        return Page(items=(), next_path=None)

    def get_item(self, path: str) -> Mapping[str, Any]:
        return {"id": path}


@dataclass
class Work:
    """Reads one page."""

    tenant_id: str
    is_single: bool = False
    units: int = 0

    def reads(self) -> Reads[None]:
        try:
            yield Read(key="list", path="list", is_single=self.is_single)
            self.units = 1
        except Problem:
            self.units = 0


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return the threads of all runs; they are waited for when ``ends`` has come."""
    with ThreadPoolExecutor(MAX_READS) as pool:
        yield pool


@pytest.fixture
def ends() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def _run(graph: Callable[[str], GraphLists], pool: ThreadPoolExecutor, *works: Work) -> None:
    """Run ``works`` as a run of its own, which knows nothing of those before."""
    clock = SystemClock()
    turns = Turns(graph=graph, clock=clock, ends=clock.now() + timedelta(seconds=5), pool=pool, call_timeout=2 * SHORT)
    turns.run(works)


@pytest.mark.slow
@pytest.mark.parametrize("is_single", [False, True], ids=["pages", "items"])
def test_tenants_that_trickle_in_every_run_take_no_thread_from_others(
    pool: ThreadPoolExecutor, ends: threading.Event, *, is_single: bool
) -> None:
    trickling = {f"tenant {number}": TricklingLists(ends) for number in range(4)}
    answering: Mapping[str, GraphLists] = {**trickling, "well": EmptyLists()}
    lists = {
        tenant_id: BoundedLists(lists=found, calls=BoundedCalls(tenant_id, timeout=SHORT))
        for tenant_id, found in answering.items()
    }
    for _ in range(RUNS):
        well = Work("well", is_single)
        _run(lists.__getitem__, pool, *(Work(tenant_id, is_single) for tenant_id in trickling for _ in "1234"), well)
        assert well.units == 1
    assert all(4 <= len(found.asked) <= 7 for found in trickling.values())
