"""The other side of catching up, in a few lines each: Graph's lists, the table of gaps, and a sink."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from shared.errors import Conflict, NotFound, Problem
from shared.events.cloud_events import CloudEvent
from shared.gaps.catch_up import CatchUp
from shared.gaps.gap import Gap
from shared.gaps.snapshot import SnapshotEntry
from shared.graph.client import Page
from shared.timing import Deadline
from tests.sender import CHAT, CLIENT_ID, TENANT
from tests.shared.account import Calls, InMemorySubscriptionTable, SettableClock
from tests.shared.tracked_values import MINUTE

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
USERS = "/v1.0/users"
IN_CHAT = f"/v1.0/chats/{quote(CHAT, safe='')}/messages"
ONE_CHAT = f"/chats/{CHAT}/messages"


def window(user: str) -> str:
    return f"/v1.0/users/{user}/chats/getAllMessages"


class InMemoryGapTable:
    """Keeps the contract of ``shared.gaps.gap_table``: an ETag for each version of a row, Conflict for a stale one."""

    def __init__(self, *rows: Gap) -> None:
        self.rows: dict[tuple[str, str], Gap] = {}
        self.before_saving: Callable[..., None] = lambda: None
        self.before_removing: Callable[..., None] = lambda: None
        self._etags = itertools.count()
        for row in rows:
            self.save(row)

    def load(self, tenant_id: str) -> Sequence[Gap]:
        return [row for (tenant, _), row in self.rows.items() if tenant == tenant_id]

    def save(self, gap: Gap) -> Gap:
        self.before_saving()
        self._check(gap)
        self.rows[gap.tenant_id, gap.key] = kept = replace(gap, etag=f"e{next(self._etags)}")
        return kept

    def delete(self, gap: Gap) -> None:
        self.before_removing()
        self._check(gap)
        del self.rows[gap.tenant_id, gap.key]

    def _check(self, row: Gap) -> None:
        known = self.rows.get((row.tenant_id, row.key))
        if (known.etag if known else None) != row.etag:
            raise Conflict("another run has changed the row of the gap")


class InMemorySnapshotTable:
    """Keeps the contract of ``shared.gaps.snapshot_table``; ``notes`` and ``asked`` are all that it was told, and asked
    for.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.things: dict[tuple[str, str], SnapshotEntry] = {}
        self.notes: list[SnapshotEntry] = []
        self.forgotten: list[tuple[str, str, datetime]] = []

    def list(self, tenant_id: str, collection: str) -> Mapping[str, SnapshotEntry]:
        self.asked.append(collection)
        of_tenant = (known for (tenant, _), known in self.things.items() if tenant == tenant_id)
        return {known.id: known for known in of_tenant if known.collection == collection}

    def get(self, entry: SnapshotEntry) -> SnapshotEntry | None:
        found = self.things.get((entry.tenant_id, entry.subject))
        return found if found is not None and found.exists else None

    def there(self, tenant_id: str, collection: str) -> set[str]:
        """Return the ids of those that are known to be there."""
        return {id_ for id_, known in self.list(tenant_id, collection).items() if known.exists}

    def note(self, known: SnapshotEntry) -> None:
        self.notes.append(known)
        self.things[known.tenant_id, known.subject] = known

    def purge_deleted(self, tenant_id: str, collection: str, *, before: datetime) -> None:
        self.forgotten.append((tenant_id, collection, before))

    def record_all(self, entries: Iterable[SnapshotEntry]) -> None:
        noted = list(entries)
        assert len({known.subject for known in noted}) == len(noted), "a transaction takes each row once"
        for known in noted:
            self.note(known)


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

    def __init__(self, *gaps: Gap) -> None:
        self.clock = SettableClock()
        self.tracking = InMemorySubscriptionTable(Calls())
        self.gaps = InMemoryGapTable(*gaps)
        self.known = InMemorySnapshotTable()
        self.lists: dict[str, list[list[Mapping[str, Any]] | Problem]] = {}
        self.asked: list[str] = []
        self.published: list[CloudEvent] = []
        self.before_publishing: Callable[..., None] = lambda: None
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
            publish=self._publish,
            is_parked=lambda before: any(moment < before for moment in self.parked),
            clock=self.clock,
        )
        return catch_up.run(self.clock.now() + time)

    def has(self, users: str, **messages: Sequence[Mapping[str, Any]] | Problem) -> None:
        """Have these users be there, one letter each, with a page of messages, or a problem, for some."""
        self.lists[USERS] = [[{"id": user} for user in users]]
        for user in users:
            found = messages.get(user, [])
            self.lists[window(user)] = [found if isinstance(found, Problem) else list(found)]

    def told(self) -> list[str]:
        return [f"{event.type.rpartition('.')[2]} {event.subject.rpartition('/')[2]}" for event in self.published]

    def gap_of(self, gap: Gap) -> Gap:
        return self.gaps.rows[gap.tenant_id, gap.key]

    def gap(self) -> Gap:
        [row] = self.gaps.rows.values()
        return row

    def _publish(self, events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        self.before_publishing()
        self.published.extend(events)

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
