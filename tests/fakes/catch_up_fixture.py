"""Catching up with everything that it needs in memory: Graph's lists, the tables and a sink."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from shared.errors import NotFound, Problem
from shared.events.cloud_events import CloudEvent
from shared.gaps.catch_up import CatchUp
from shared.gaps.gap import Gap
from shared.graph.client import Page
from shared.timing import Deadline
from tests.fakes.calls import Calls
from tests.fakes.clocks import SettableClock
from tests.fakes.executors import InlineExecutor
from tests.fakes.gap_table import InMemoryGapTable
from tests.fakes.snapshot_table import InMemorySnapshotTable
from tests.fakes.subscription_table import InMemorySubscriptionTable
from tests.fakes.subscription_values import MINUTE
from tests.sender import CHAT, CLIENT_ID, TENANT

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
USERS = "/v1.0/users"
IN_CHAT = f"/v1.0/chats/{quote(CHAT, safe='')}/messages"
ONE_CHAT = f"/chats/{CHAT}/messages"


def window(user: str) -> str:
    return f"/v1.0/users/{user}/chats/getAllMessages"


@dataclass(frozen=True)
class FakeGraphTenant:
    """Graph's lists and items, in one tenant of a ``CatchUpFixture``."""

    world: "CatchUpFixture"
    tenant_id: str

    def get_page(self, path: str) -> Page:
        return self.world.read(self.tenant_id, path)

    def get_item(self, path: str) -> Mapping[str, Any]:
        page = self.world.read(self.tenant_id, path)
        assert (len(page.items), page.next_path) == (1, None), "a list, and not an item"
        return page.items[0]


class CatchUpFixture:
    """``lists`` has each list's pages by its path without the query; a problem among them is raised once."""

    def __init__(self, *gaps: Gap, pool: Executor | None = None) -> None:
        self.clock = SettableClock()
        self.tracking = InMemorySubscriptionTable(Calls())
        self.gaps = InMemoryGapTable(*gaps)
        self.known = InMemorySnapshotTable()
        self.lists: dict[str, list[list[Mapping[str, Any]] | Problem]] = {}
        self.asked: list[str] = []
        self.published: list[CloudEvent] = []
        self.again: list[CloudEvent] = []
        self.pool = pool or InlineExecutor()
        self.call_timeout = timedelta(seconds=30)
        self.paused_until: dict[str, datetime] = {}
        self.before_publishing: Callable[..., None] = lambda: None
        self.after_publishing: Callable[..., None] = lambda: None
        self.before_reading: Callable[..., None] = lambda _tenant_id: None
        self.took = 0 * SECOND
        self.endless: set[str] = set()
        self.parked: list[datetime] = []

    def run(self, *, time: timedelta = 3 * MINUTE, tenants: Sequence[str] = (TENANT,)) -> Counter[str]:
        catch_up = CatchUp(
            tenant_ids=tenants,
            client_id=CLIENT_ID,
            subscription_table=self.tracking,
            gap_table=self.gaps,
            snapshot_table=self.known,
            graph=lambda tenant_id: FakeGraphTenant(self, tenant_id),
            pool=self.pool,
            publish=self._publish,
            publish_again=self._publish_again,
            is_parked=lambda before: any(moment < before for moment in self.parked),
            clock=self.clock,
            call_timeout=self.call_timeout,
            paused_until=self.paused_until,
        )
        return catch_up.run(self.clock.now() + time)

    def has(self, users: str, **messages: Sequence[Mapping[str, Any]] | Problem) -> None:
        """Have these users be there, one letter each, with a page of messages, or a problem, for some."""
        self.lists[USERS] = [[{"id": user} for user in users]]
        for user in users:
            found = messages.get(user, [])
            self.lists[window(user)] = [found if isinstance(found, Problem) else list(found)]

    def reported(self) -> list[str]:
        return [f"{event.type.rpartition('.')[2]} {event.subject.rpartition('/')[2]}" for event in self.published]

    def gap_of(self, gap: Gap) -> Gap:
        return self.gaps.rows[gap.tenant_id, gap.key]

    def gap(self) -> Gap:
        [row] = self.gaps.rows.values()
        return row

    def _publish(self, events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        self.before_publishing()
        self.published.extend(events)
        self.after_publishing()

    def _publish_again(self, events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        self.again.extend(events)

    def read(self, tenant_id: str, path: str) -> Page:
        self.before_reading(tenant_id)
        self.asked.append(path)
        self.clock.pass_by(self.took)
        base, _, query = path.partition("?")
        pages = self.lists.get(base)
        if base in self.endless:
            return Page(items=(), next_path=f"{base}?again")
        if pages is None:
            raise NotFound(f"Graph answered 404 to GET {base}")
        number = int(query.removeprefix("page=")) if query.startswith("page=") else 0
        page = pages[number]
        if isinstance(page, Problem):
            raise page
        following = f"{base}?page={number + 1}" if number + 1 < len(pages) else None
        return Page(items=tuple(page), next_path=following)


def pages_of(world: CatchUpFixture, user: str, *pages: list[Mapping[str, Any]] | Problem) -> None:
    world.lists[window(user)] = list(pages)
