"""The app's storage in memory, true to the contracts of the real one; ``check`` is asked before each call."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, override

from shared.errors import Conflict, Problem, TenantNotServed
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap
from shared.gaps.snapshot import SnapshotEntry
from shared.receiving.post_store import PROBE, StoredPost
from shared.subscriptions.activity_row import activity_columns, activity_from
from shared.timing import Deadline
from tests.fakes.calls import Calls
from tests.fakes.gap_table import InMemoryGapTable
from tests.fakes.publish_once_fixture import Table
from tests.fakes.snapshot_table import InMemorySnapshotTable
from tests.fakes.subscription_table import InMemorySubscriptionTable

type Check = Callable[[], None]
"""Raises what the call raises, if the service does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An event in the sink, and when which process sent it."""

    event: CloudEvent
    at: datetime
    process: int


@dataclass
class Container:
    """The stored POSTs of one container."""

    check: Check = lambda: None
    claimable: Callable[[StoredPost], None] = lambda _post: None
    posts: dict[str, tuple[StoredPost, bytes]] = field(default_factory=dict)
    _etags: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def store(self, posts: Sequence[tuple[StoredPost, bytes]], _deadline: Deadline) -> int:
        self.check()
        new = 0
        for post, body in posts:
            with self._lock:
                new += post.name not in self.posts
                if post.name == PROBE:
                    self.posts.pop(PROBE, None)
                self.posts.setdefault(post.name, (replace(post, etag=str(next(self._etags))), body))
        return new

    def list(self) -> Iterator[StoredPost]:
        self.check()
        yield from self.waiting()

    def waiting(self) -> "tuple[StoredPost, ...]":
        """Return what is stored, for whoever looks from outside; without the app's call of its own URL."""
        return tuple([post for _, (post, _) in sorted(self.posts.items()) if post.name != PROBE])

    def has_older_than(self, moment: datetime) -> bool:
        return any(post.received_at < moment and post.reason != TenantNotServed.reason for post in self.list())

    def read(self, post: StoredPost) -> bytes:
        self.check()
        if post.name not in self.posts:
            raise Conflict("another run deleted the stored POST")
        return self.posts[post.name][1]

    def claim(self, post: StoredPost, until: datetime) -> StoredPost:
        self.check()
        self.claimable(post)
        with self._lock:
            there, body = self.posts.get(post.name, (None, b""))
            if there is None or there.etag != post.etag:
                raise Conflict("another run claimed or deleted the stored POST")
            claimed = replace(post, attempts=post.attempts + 1, retry_at=until, etag=str(next(self._etags)))
            self.posts[post.name] = (claimed, body)
        return claimed

    def delete(self, posts: Sequence[StoredPost]) -> Mapping[str, Problem]:
        self.check()
        with self._lock:
            for post in posts:
                there, _ = self.posts.get(post.name, (None, b""))
                if there is not None and there.etag == post.etag:
                    del self.posts[post.name]
        return {}


class Subscriptions(InMemorySubscriptionTable):
    """The table of subscriptions with the rows of their activity, as columns that are merged."""

    def __init__(self) -> None:
        super().__init__(Calls())
        self.columns: dict[tuple[str, str], dict[str, Any]] = {}

    def record_activity(
        self, tenant_id: str, subscription_id: str, event: str | None, at: datetime, expiration: datetime | None = None
    ) -> None:
        row = self.columns.setdefault((tenant_id, subscription_id), {})
        row |= activity_columns(event, at, expiration)
        self.activities[tenant_id, subscription_id] = activity_from(row)


class Gaps(InMemoryGapTable):
    """The table of gaps."""

    check: Check = staticmethod(lambda: None)

    @override
    def load(self, tenant_id: str) -> Sequence[Gap]:
        self.check()
        return super().load(tenant_id)

    @override
    def save(self, gap: Gap) -> Gap:
        self.check()
        return super().save(gap)

    @override
    def create_all(self, gaps: Sequence[Gap]) -> None:
        self.check()
        super().create_all(gaps)

    @override
    def delete(self, gap: Gap) -> None:
        self.check()
        super().delete(gap)


class Snapshot(InMemorySnapshotTable):
    """The table of the snapshot: later states stay, as in the real one."""

    check: Check = staticmethod(lambda: None)

    @override
    def list(self, tenant_id: str, collection: str) -> Mapping[str, SnapshotEntry]:
        self.check()
        return super().list(tenant_id, collection)

    @override
    def get(self, entry: SnapshotEntry) -> SnapshotEntry | None:
        self.check()
        return super().get(entry)

    def record(self, entry: SnapshotEntry) -> None:
        self.check()
        known = self.things.get((entry.tenant_id, entry.subject))
        at, known_at = entry.recorded_at, known.recorded_at if known else None
        if at is None or known_at is None or known_at <= at:
            self.note(entry)

    @override
    def announce(self, entries: Iterable[SnapshotEntry]) -> None:
        self.check()
        super().announce(entries)

    @override
    def record_all(self, entries: Iterable[SnapshotEntry]) -> None:
        for entry in entries:
            self.record(entry)


@dataclass
class Storage:
    """All stores of a deployment, and its sink."""

    parked: Container = field(default_factory=Container)
    quarantine: Container = field(default_factory=Container)
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    gaps: Gaps = field(default_factory=Gaps)
    snapshot: Snapshot = field(default_factory=Snapshot)
    records: Table = field(default_factory=Table)
    sunk: list[Sent] = field(default_factory=list)
