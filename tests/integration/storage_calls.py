"""Every call that the app's stores make to the storage account, with a row of each store to call them with."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.events.cloud_events import CloudEvent, Provenance
from shared.events.publication import PublicationRecord, PublicationRow
from shared.events.publication_table import PublicationTable
from shared.events.queue_sink import QueueSink
from shared.gaps.gap import Gap
from shared.gaps.gap_table import GapTable
from shared.gaps.snapshot import SnapshotEntry
from shared.gaps.snapshot_table import SnapshotTable
from shared.receiving.post_store import PostStore, StoredPost
from shared.subscriptions.subscription_table import SubscriptionTable
from shared.subscriptions.tracked import TrackedSubscription
from tests.fakes.gap_values import GAP
from tests.fakes.subscription_values import NOW, ROW, WANTED
from tests.fakes.time_limits import in_time

# Retries and time-outs of the timer's calls are the client's: here, each call is tried once and for a moment.
TRIED_ONCE: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 0.5}
EVENT = CloudEvent(
    id="1", type="t", source="s", subject="s", time=NOW, data=b"{}", provenance=Provenance(tenant_id="t", dedup_key="1")
)
LARGE_EVENT = replace(EVENT, data=b'"%s"' % (b"x" * 100_000))
ID = "a-subscription"
DAY, EVER = NOW.date(), datetime.min.replace(tzinfo=UTC)
BODY = b"{}"
ETAG = "W/\"datetime'2026-11-21T09%3A30%3A00.0000000Z'\""


@dataclass(frozen=True, kw_only=True)
class Stores:
    """All stores of the app, on one account."""

    publications: PublicationTable
    subscriptions: SubscriptionTable
    gaps: GapTable
    snapshot: SnapshotTable
    posts: PostStore
    sink: QueueSink

    @classmethod
    def of(
        cls, tables: TableServiceClient, blobs: BlobServiceClient, queues: QueueServiceClient, container: str
    ) -> "Stores":
        return cls(
            publications=PublicationTable(tables),
            subscriptions=SubscriptionTable(tables),
            gaps=GapTable(tables),
            snapshot=SnapshotTable(tables),
            posts=PostStore(blobs, container),
            sink=QueueSink(queues, blobs, "outages"),
        )


@contextmanager
def stores_on(connection_string: str, *, container: str = "posts", **options: Any) -> Iterator[Stores]:
    with (
        TableServiceClient.from_connection_string(connection_string, **options) as tables,
        BlobServiceClient.from_connection_string(connection_string, **options) as blobs,
        QueueServiceClient.from_connection_string(connection_string, **options) as queues,
    ):
        yield Stores.of(tables, blobs, queues, container)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """One row of each store, in partitions of their own: tests of one process share an account."""

    record: PublicationRow
    subscription: TrackedSubscription
    gap: Gap
    entry: SnapshotEntry
    post: StoredPost

    @classmethod
    def new(cls, *, etag: str | None = None) -> "Rows":
        """Return rows as they are before they are saved, or with an ``etag`` as if they had been."""
        tenant_id = str(uuid4())
        return cls(
            record=PublicationRow(key=uuid4().hex, entry="a", is_first=True),
            subscription=replace(ROW, desired=replace(WANTED, tenant_id=tenant_id), etag=etag),
            gap=replace(GAP, tenant_id=tenant_id, etag=etag),
            entry=SnapshotEntry(tenant_id=tenant_id, subject="teams/t/members/m", fingerprint="0123", etag=etag),
            post=StoredPost(
                name="a.json", reason="unavailable", tenant_id=tenant_id, received_at=NOW, fetch="v1.0", etag='"1"'
            ),
        )

    def saved_in(self, stores: Stores) -> "Rows":
        """Save the rows, and return them as they are read back."""
        stores.publications.write([self.record], DAY)
        stores.subscriptions.save(self.subscription)
        stores.gaps.save(self.gap)
        stores.snapshot.record(self.entry)
        stores.posts.store([(self.post, BODY)], in_time())
        return self.read_from(stores)

    def read_from(self, stores: Stores) -> "Rows":
        """Return what the stores hold in place of these rows."""
        tenant_id, record = self.gap.tenant_id, read_record(stores.publications, self.record.key)
        assert record is not None
        (entry_id,) = record.entries
        (subscription,) = stores.subscriptions.load(tenant_id).tracked
        (gap,) = stores.gaps.load(tenant_id)
        (entry,) = stores.snapshot.list(tenant_id, self.entry.collection).values()
        (post,) = stores.posts.list()
        return Rows(
            record=replace(self.record, entry=entry_id), subscription=subscription, gap=gap, entry=entry, post=post
        )


def read_record(publications: PublicationTable, key: str) -> PublicationRecord | None:
    """Return all that is recorded of a key."""
    return publications.read(key, [DAY], since=EVER, is_enough=lambda _: False, deadline=in_time())


type Call = Callable[[Stores, Rows], object]


# Those that are made before a POST is answered, or before the endpoint's verdict is known.
CALLS_OF_A_POST: Mapping[str, Call] = {
    "read a record": lambda stores, rows: read_record(stores.publications, rows.record.key),
    "write a record": lambda stores, rows: stores.publications.write([rows.record], DAY),
    "write records": lambda stores, rows: stores.publications.write(
        [replace(rows.record, entry=entry, is_first=False) for entry in ("a", "b")], DAY
    ),
    "record activity": lambda stores, rows: stores.subscriptions.record_activity(
        rows.gap.tenant_id, ID, lifecycle_event=None, at=NOW
    ),
    "record an entry": lambda stores, rows: stores.snapshot.record(rows.entry),
    "store a POST": lambda stores, rows: stores.posts.store([(rows.post, BODY)], in_time()),
    "read the probe": lambda stores, _: stores.posts.last_probe(),
    "publish": lambda stores, _: stores.sink.publish([EVENT], in_time()),
    "publish large data": lambda stores, _: stores.sink.publish([LARGE_EVENT], in_time()),
}
CALLS: Mapping[str, Call] = {
    **CALLS_OF_A_POST,
    "check the queue": lambda stores, _: stores.sink.check(),
    "purge records": lambda stores, _: stores.publications.purge(before=DAY - timedelta(days=30)),
    "load subscriptions": lambda stores, rows: stores.subscriptions.load(rows.gap.tenant_id),
    "load an account": lambda stores, rows: stores.subscriptions.load_account(rows.gap.tenant_id, delegated=False),
    "create a subscription": lambda stores, rows: stores.subscriptions.save(replace(rows.subscription, etag=None)),
    "change a subscription": lambda stores, rows: stores.subscriptions.save(rows.subscription),
    "delete a subscription": lambda stores, rows: stores.subscriptions.delete(rows.subscription),
    "delete activity": lambda stores, rows: stores.subscriptions.delete_activity(rows.gap.tenant_id, ID),
    "load gaps": lambda stores, rows: stores.gaps.load(rows.gap.tenant_id),
    "create a gap": lambda stores, rows: stores.gaps.save(replace(rows.gap, etag=None)),
    "create gaps": lambda stores, rows: stores.gaps.create_all([replace(rows.gap, etag=None)]),
    "change a gap": lambda stores, rows: stores.gaps.save(rows.gap),
    "delete a gap": lambda stores, rows: stores.gaps.delete(rows.gap),
    "list entries": lambda stores, rows: stores.snapshot.list(rows.gap.tenant_id, rows.entry.collection),
    "read an entry": lambda stores, rows: stores.snapshot.get(rows.entry),
    "record a deletion": lambda stores, rows: stores.snapshot.record(replace(rows.entry, exists=False)),
    "record entries": lambda stores, rows: stores.snapshot.record_all([rows.entry]),
    "purge entries": lambda stores, rows: stores.snapshot.purge_deleted(
        rows.gap.tenant_id, rows.entry.collection, before=NOW
    ),
    "list POSTs": lambda stores, _: list(stores.posts.list()),
    "read a POST": lambda stores, rows: stores.posts.read(rows.post),
    "claim a POST": lambda stores, rows: stores.posts.claim(rows.post, NOW),
    "delete a POST": lambda stores, rows: stores.posts.delete([rows.post]),
}
