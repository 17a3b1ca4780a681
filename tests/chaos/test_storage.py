"""The app's storage as a chaos run looks at it, on Azurite: what is unfinished, and back-offs cut short."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from sandbox.azurite import Azurite
from tests.chaos.storage import Storage
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow

RECEIVED = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(hours=1)
METADATA = {"kind": "unavailable", "received": RECEIVED.isoformat(), "attempts": "1", "retry": LATER.isoformat()}
KEYS = {"PartitionKey": "t", "RowKey": "r"}


@dataclass(frozen=True, kw_only=True)
class Account:
    background: Background
    connection_string: str
    blobs: BlobServiceClient
    tables: TableServiceClient

    def call[T](self, method: Callable[[Storage], Awaitable[T]]) -> T:
        async def called() -> T:
            async with Storage.open(self.connection_string) as storage:
                return await method(storage)

        return self.background.run(called())

    def store(self, container: str) -> None:
        with suppress(ResourceExistsError):
            self.blobs.create_container(container)
        self.blobs.get_blob_client(container, "a.json").upload_blob(b"{}", metadata=METADATA)

    def insert(self, table: str, **columns: Any) -> None:
        self.tables.create_table(table).create_entity(KEYS | columns)

    def gap(self) -> Any:
        return self.tables.get_table_client("gaps").get_entity(*KEYS.values())

    def clear(self) -> None:
        for container in self.blobs.list_containers():
            for blob in self.blobs.get_container_client(container.name).list_blob_names():
                self.blobs.get_blob_client(container.name, blob).delete_blob()
        for table in self.tables.list_tables():
            self.tables.delete_table(table.name)


@pytest.fixture(scope="module")
def everything(borrowed: Azurite) -> Iterator[Account]:
    background = Background()
    background.run(borrowed.start())
    text = borrowed.connection_string
    with (
        BlobServiceClient.from_connection_string(text) as blobs,
        TableServiceClient.from_connection_string(text) as tables,
    ):
        yield Account(background=background, connection_string=text, blobs=blobs, tables=tables)
    background.close()


@pytest.fixture
def account(everything: Account) -> Iterator[Account]:
    yield everything
    everything.clear()


def test_empty_account_has_nothing_unfinished(account: Account) -> None:
    assert account.call(Storage.unfinished) == []


@pytest.mark.parametrize("container", ["parked", "quarantine"])
def test_stored_post_is_unfinished(account: Account, container: str) -> None:
    account.store(container)
    assert account.call(Storage.unfinished) == [f"{container} 1"]


@pytest.mark.parametrize(
    ("table", "columns", "unfinished"),
    [
        pytest.param("subscriptions", {"gapStartDateTime": RECEIVED}, ["gaps recorded 1"], id="gap recorded"),
        pytest.param("subscriptions", {"resource": "/chats"}, [], id="no gap"),
        pytest.param("gaps", {"state": "open"}, ["gaps open 1"], id="gap open"),
        pytest.param(
            "gaps", {"state": "open", "dueDateTime": LATER}, ["gaps to be rechecked 1"], id="gap to be rechecked"
        ),
        pytest.param("gaps", {"state": "recovered"}, [], id="gap closed"),
    ],
)
def test_row_is_unfinished_while_there_is_something_to_do(
    account: Account, table: str, columns: dict[str, object], unfinished: list[str]
) -> None:
    account.insert(table, **columns)
    assert account.call(Storage.unfinished) == unfinished


def test_parked_post_is_due_after_pauses_end(account: Account) -> None:
    account.store("parked")
    account.call(Storage.end_pauses)
    metadata = account.blobs.get_blob_client("parked", "a.json").get_blob_properties().metadata
    assert metadata == {name: value for name, value in METADATA.items() if name != "retry"}


def test_row_is_due_after_pauses_end(account: Account) -> None:
    account.insert("gaps", state="open", retryDateTime=LATER)
    account.call(Storage.end_pauses)
    row = account.gap()
    assert row["retryDateTime"] < datetime.now(UTC)
    assert row["state"] == "open"


def test_gap_that_lasts_ends_with_its_cause(account: Account) -> None:
    account.insert("gaps", state="open", endDateTime=LATER)
    account.call(Storage.end_pauses)
    assert account.gap()["endDateTime"] <= datetime.now(UTC)


def test_second_comparison_is_due_only_when_asked_for(account: Account) -> None:
    account.insert("gaps", state="open", dueDateTime=LATER)
    account.call(Storage.end_pauses)
    assert account.gap()["dueDateTime"] == LATER
    account.call(Storage.recheck)
    assert account.gap()["dueDateTime"] < datetime.now(UTC)


def test_deleting_parked_posts_leaves_the_quarantine(account: Account) -> None:
    for container in ("parked", "quarantine"):
        account.store(container)
    account.call(Storage.delete_parked)
    assert account.call(Storage.unfinished) == ["quarantine 1"]
