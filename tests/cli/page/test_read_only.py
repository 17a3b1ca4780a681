"""What the live page's clients of storage may send: nothing that changes anything."""

from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import ResourceNotFoundError

from cli.page.read_only import WouldWrite, check_reads, read_only_account
from sandbox.azurite import Azurite
from shared.settings import Settings
from tests.fakes.settings_environment import LEAST

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

QUEUE = "https://account.queue.core.windows.net/teams-events"


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", f"{QUEUE}/messages?numofmessages=32&peekonly=true"),
        ("GET", f"{QUEUE}?comp=metadata"),
        ("GET", "https://account.table.core.windows.net/subscriptions()?$filter=x"),
        ("HEAD", "https://account.blob.core.windows.net/parked?restype=container"),
    ],
)
def test_request_that_reads_is_let_through(method: str, url: str) -> None:
    check_reads(method, url)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", f"{QUEUE}/messages"),
        ("GET", f"{QUEUE}/messages?numofmessages=32&visibilitytimeout=30"),
        ("GET", f"{QUEUE}/messages?peekonly=false"),
        ("GET", f"{QUEUE}/messages?peekonly=true&peekonly=false"),
        ("POST", f"{QUEUE}/messages"),
        ("DELETE", f"{QUEUE}/messages/1?popreceipt=x"),
        ("PUT", "https://account.blob.core.windows.net/parked/1"),
        ("POST", "https://account.blob.core.windows.net/?comp=batch"),
        ("PATCH", "https://account.table.core.windows.net/status(PartitionKey='x',RowKey='y')"),
        ("MERGE", "https://account.table.core.windows.net/status"),
        ("OPTIONS", QUEUE),
    ],
)
def test_request_that_might_change_something_is_not_sent(method: str, url: str) -> None:
    with pytest.raises(WouldWrite):
        check_reads(method, url)


def test_real_clients_of_the_account_cannot_write(azurite: Azurite) -> None:
    account = read_only_account(
        Settings.from_environ(LEAST | {"AzureWebJobsStorage": azurite.connection_string, "EVENT_SINK": "queue:looked"})
    )
    assert account.queue is not None
    queue = account.queue._queue
    writes: list[Callable[[], object]] = [
        queue.create_queue,
        lambda: queue.send_message("x"),
        queue.receive_message,
        queue.clear_messages,
        lambda: account.tables.create_table("never"),
        lambda: account.tables.get_table_client("status").upsert_entity({"PartitionKey": "p", "RowKey": "r"}),
        lambda: account.blobs.create_container("never"),
        lambda: account.blobs.get_blob_client("parked", "b").upload_blob(b""),
        lambda: account.blobs.get_container_client("parked").delete_blobs("b"),
    ]
    for write in writes:
        with pytest.raises(WouldWrite):
            write()
    with pytest.raises(ResourceNotFoundError):
        next(iter(account.blobs.get_container_client("never").list_blobs()))
