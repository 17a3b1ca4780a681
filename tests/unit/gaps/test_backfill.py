"""The pace at which Graph's lists are read: per tenant, and per conversation within it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.gaps.backfill import PageReader
from shared.graph.client import Page
from shared.limits import OutOfTime
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import MINUTE, NOW
from tests.sender import OTHER_TENANT, TENANT

SECOND = timedelta(seconds=1)
INSTANT = timedelta(milliseconds=50)


@dataclass(frozen=True)
class Graph:
    """Answers every GET with an empty page, and remembers when it came."""

    clock: SettableClock
    gets: list[datetime] = field(default_factory=list)

    def get_page(self, _path: str) -> Page:
        self.gets.append(self.clock.now())
        return Page(items=(), next_path=None)

    def get_item(self, path: str) -> Mapping[str, Any]:
        self.get_page(path)
        return {"id": "a"}


def _read(*gets: tuple[str, str], ends: datetime = NOW + MINUTE) -> Sequence[timedelta]:
    """Return when each page was read, of a tenant and a conversation."""
    clock = SettableClock()
    graph = Graph(clock)
    pages = PageReader(graph=lambda _tenant_id: graph, clock=clock, ends=ends)
    for tenant_id, key in gets:
        spacing = SECOND if key.startswith("chat") else INSTANT
        pages.get(tenant_id, lambda graph: graph.get_page("/v1.0/chats"), key=key, spacing=spacing)
    return [moment - NOW for moment in graph.gets]


def test_gets_of_one_tenant_are_spaced_and_other_tenants_do_not_wait() -> None:
    assert _read((TENANT, "a"), (TENANT, "b"), (OTHER_TENANT, "a")) == [0 * SECOND, INSTANT, INSTANT]


def test_get_after_a_wait_for_a_conversation_keeps_its_distance() -> None:
    """Graph takes 20 lists of messages a second in a tenant: what waits for a chat does not make up for lost time."""
    gets = [(TENANT, "chat"), (TENANT, "chat"), (TENANT, "a"), (TENANT, "chat")]
    assert _read(*gets) == [0 * SECOND, SECOND, SECOND + INSTANT, 2 * SECOND]


def test_conversations_of_the_same_id_in_two_tenants_are_two() -> None:
    assert _read((TENANT, "chat"), (OTHER_TENANT, "chat")) == [0 * SECOND, 0 * SECOND]


def test_conversation_itself_does_not_change_the_pace_of_its_lists() -> None:
    clock = SettableClock()
    graph = Graph(clock)
    pages = PageReader(graph=lambda _tenant_id: graph, clock=clock, ends=NOW + MINUTE)
    pages.get(TENANT, lambda graph: graph.get_item("/v1.0/chats/a"), key="a")
    for _ in range(2):
        pages.get(TENANT, lambda graph: graph.get_page("/v1.0/chats/a/members"), key="a", spacing=SECOND)
    assert [moment - NOW for moment in graph.gets] == [0 * SECOND, INSTANT, SECOND + INSTANT]


def test_page_at_the_end_of_the_run_is_out_of_time() -> None:
    with pytest.raises(OutOfTime):
        _read((TENANT, "chat"), (TENANT, "chat"), ends=NOW + SECOND)
