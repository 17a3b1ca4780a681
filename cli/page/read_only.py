"""Storage as the live page may use it: whatever its code did, no request that changes anything leaves this process.

To receive a message from a queue is a GET, too, and hides it from the consumer: only peeking is let through.

Sources: https://learn.microsoft.com/rest/api/storageservices/get-messages and .../peek-messages
"""

from datetime import UTC, datetime
from typing import Any, override
from urllib.parse import parse_qs, urlsplit

from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from cli.account import Account, new_account
from shared.app.bounded_transport import BoundedTransport
from shared.app.storage_clients import storage_client
from shared.settings import Settings

_READING = frozenset({"GET", "HEAD"})


class WouldWrite(Exception):
    """A request of the live page would have changed something; it was not sent."""


class ReadOnlyTransport(BoundedTransport):
    """Sends what lists, reads or peeks, and nothing else."""

    @override
    def send(self, request: Any, **options: Any) -> Any:
        """Return the answer; raise WouldWrite, or what ``BoundedTransport.send`` raises."""
        check_reads(request.method, request.url)
        return super().send(request, **options)


def check_reads(method: str, url: str) -> None:
    """Check that a request changes nothing.

    Raises:
        WouldWrite: it might.
    """
    parts = urlsplit(url)
    if method not in _READING:
        raise WouldWrite(f"{method} {parts.path}")
    if parts.path.endswith("/messages") and parse_qs(parts.query).get("peekonly") != ["true"]:
        raise WouldWrite(f"{method} {parts.path} without peekonly")


def read_only_account(settings: Settings) -> Account:
    """Return the app's storage account for somebody who looks at it, by that person's own login.

    Raises:
        Misconfigured: the clients cannot use the connection string or the URL.
    """
    storage, transport = settings.storage, ReadOnlyTransport
    credential = DefaultAzureCredential(
        managed_identity_client_id=storage.identity, connection_timeout=1, read_timeout=2
    )
    queues = storage_client(QueueServiceClient, storage, credential, transport) if settings.queue_name else None
    return new_account(
        settings,
        lambda: datetime.now(UTC),
        storage_client(TableServiceClient, storage, credential, transport),
        storage_client(BlobServiceClient, storage, credential, transport),
        (lambda: queues) if queues else None,
    )
