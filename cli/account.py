"""The app's storage account as a whole: everything that says how the app is, in one read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from cli.glance import Glance
from cli.queue_peek import Queue
from shared.app.clients import Clients
from shared.gaps.gap_table import GapTable
from shared.receiving.post_store import PARKED, QUARANTINE, PostStore
from shared.settings import Settings
from shared.subscriptions.status_table import StatusTable
from shared.subscriptions.subscription_table import SubscriptionTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account's parts; ``queue`` is None if events go to an event hub."""

    settings: Settings
    now: Callable[[], datetime]
    tables: TableServiceClient
    blobs: BlobServiceClient
    queue: Queue | None

    def glance(self, tenant_ids: tuple[str, ...]) -> Glance:
        """Return what the account says of some tenants.

        Raises:
            Problem: it does not answer, or refuses.
        """
        subscriptions, gaps = SubscriptionTable(self.tables), GapTable(self.tables)
        return Glance(
            now=self.now(),
            overdue_after=2 * self.settings.renew_after,
            owner=StatusTable(self.tables).load().of_owner(),
            rows=[row for tenant_id in tenant_ids for row in subscriptions.load(tenant_id).tracked],
            gaps=[gap for tenant_id in tenant_ids for gap in gaps.load(tenant_id)],
            parked=list(PostStore(self.blobs, PARKED).list()),
            quarantined=sum(1 for _ in PostStore(self.blobs, QUARANTINE).list()),
            queued=self.queue.count() if self.queue else None,
            oldest_event=self.queue.oldest() if self.queue else None,
        )


def account_of(clients: Clients) -> Account:
    """Return the account of an app's clients."""
    queues = clients.queues if clients.settings.queue_name else None
    return new_account(clients.settings, clients.clock.now, clients.tables(), clients.blobs(), queues)


def new_account(
    settings: Settings,
    now: Callable[[], datetime],
    tables: TableServiceClient,
    blobs: BlobServiceClient,
    queues: Callable[[], QueueServiceClient] | None,
) -> Account:
    """Return the account that these clients reach; ``queues`` is None if events go to an event hub."""
    name = settings.queue_name
    queue = Queue(queues(), blobs, name) if queues and name else None
    return Account(settings=settings, now=now, tables=tables, blobs=blobs, queue=queue)
