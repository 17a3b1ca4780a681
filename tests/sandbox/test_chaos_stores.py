"""The app's storage as a chaos run looks at it, on Azurite: what is open, and pauses cut short."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from sandbox.azurite import Azurite
from sandbox.chaos.stores import Stores
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow

RECEIVED = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(hours=1)
METADATA = {"kind": "unavailable", "received": RECEIVED.isoformat(), "attempts": "1", "retry": LATER.isoformat()}


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="module")
def connection_string(background: Background, borrowed: Azurite) -> str:
    background.run(borrowed.start())
    return borrowed.connection_string


@pytest.fixture
def blobs(connection_string: str) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(connection_string) as blobs:
        yield blobs
        for container in blobs.list_containers():
            for blob in blobs.get_container_client(container.name).list_blob_names():
                blobs.get_blob_client(container.name, blob).delete_blob()


@pytest.fixture
def tables(connection_string: str) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(connection_string) as tables:
        yield tables
        for table in tables.list_tables():
            tables.delete_table(table.name)


def _keep(blobs: BlobServiceClient, container: str) -> None:
    with suppress(ResourceExistsError):
        blobs.create_container(container)
    blobs.get_blob_client(container, "a.json").upload_blob(b"{}", metadata=METADATA)


async def _open_ends(connection_string: str) -> list[str]:
    async with Stores.open(connection_string) as stores:
        return await stores.open_ends()


async def _hurry(connection_string: str) -> None:
    async with Stores.open(connection_string) as stores:
        await stores.hurry()


def test_an_account_that_the_app_has_not_written_to_has_no_open_ends(
    background: Background, connection_string: str
) -> None:
    assert background.run(_open_ends(connection_string)) == []


@pytest.mark.parametrize("container", ["parked", "quarantine"])
def test_a_kept_post_is_an_open_end(
    background: Background, connection_string: str, blobs: BlobServiceClient, container: str
) -> None:
    _keep(blobs, container)
    assert background.run(_open_ends(connection_string)) == [f"{container} 1"]


@pytest.mark.parametrize(
    ("table", "columns", "open_ends"),
    [
        ("subscriptions", {"gapStartDateTime": RECEIVED}, ["gaps noted 1"]),
        ("subscriptions", {"resource": "/chats"}, []),
        ("gaps", {"state": "open"}, ["gaps open 1"]),
        ("gaps", {"state": "recovered", "againDateTime": LATER}, ["gaps to be compared again 1"]),
        ("gaps", {"state": "recovered"}, []),
    ],
    ids=["gap noted", "no gap", "gap open", "gap to be compared again", "gap closed"],
)
def test_a_row_is_an_open_end_while_there_is_something_to_do(  # noqa: PLR0913  three fixtures and a row
    background: Background,
    connection_string: str,
    tables: TableServiceClient,
    *,
    table: str,
    columns: dict[str, object],
    open_ends: list[str],
) -> None:
    tables.create_table(table).create_entity({"PartitionKey": "t", "RowKey": "r"} | columns)
    assert background.run(_open_ends(connection_string)) == open_ends


def test_what_is_kept_does_not_wait_any_longer(
    background: Background, connection_string: str, blobs: BlobServiceClient
) -> None:
    _keep(blobs, "parked")
    background.run(_hurry(connection_string))
    metadata = blobs.get_blob_client("parked", "a.json").get_blob_properties().metadata
    assert metadata == {name: value for name, value in METADATA.items() if name != "retry"}


def test_a_row_does_not_wait_any_longer(
    background: Background, connection_string: str, tables: TableServiceClient
) -> None:
    table = tables.create_table("gaps")
    table.create_entity({"PartitionKey": "t", "RowKey": "r", "state": "open", "retryDateTime": LATER})
    background.run(_hurry(connection_string))
    row = table.get_entity("t", "r")
    assert row["retryDateTime"] < datetime.now(UTC)
    assert row["state"] == "open"


def test_a_gap_that_is_to_be_compared_again_waits_until_that_is_asked_for(
    background: Background, connection_string: str, tables: TableServiceClient
) -> None:
    table = tables.create_table("gaps")
    table.create_entity({"PartitionKey": "t", "RowKey": "r", "state": "recovered", "againDateTime": LATER})
    background.run(_hurry(connection_string))
    assert table.get_entity("t", "r")["againDateTime"] == LATER

    async def compare_again() -> None:
        async with Stores.open(connection_string) as stores:
            await stores.compare_again()

    background.run(compare_again())
    assert table.get_entity("t", "r")["againDateTime"] < datetime.now(UTC)


def test_what_is_parked_is_taken_away_and_nothing_else(
    background: Background, connection_string: str, blobs: BlobServiceClient
) -> None:
    for container in ("parked", "quarantine"):
        _keep(blobs, container)

    async def left() -> list[str]:
        async with Stores.open(connection_string) as stores:
            await stores.take_away()
            return await stores.open_ends()

    assert background.run(left()) == ["quarantine 1"]
