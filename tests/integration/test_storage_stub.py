"""The storage account that benchmarks use does what Azure's does, as far as the app relies on it: the real clients."""

from collections.abc import Iterator

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, TableServiceClient, TableTransactionError, UpdateMode
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient

from benchmarks.apps.storage_stub import StorageStub
from tests.sandbox.background import Background, running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("storage-stub")]

ROW = {"PartitionKey": "a'b", "RowKey": "1", "text": "grün"}


@pytest.fixture(scope="module")
def loop() -> Iterator[Background]:
    with running() as background:
        yield background


@pytest.fixture(scope="module")
def stub(loop: Background) -> Iterator[StorageStub]:
    storage = StorageStub()
    loop.run(storage.start())
    yield storage
    loop.run(storage.stop())


@pytest.fixture
def table(stub: StorageStub, request: pytest.FixtureRequest) -> Iterator[TableClient]:
    with TableServiceClient.from_connection_string(stub.connection_string) as tables:
        yield tables.create_table(f"t{abs(hash(request.node.name))}")


@pytest.fixture
def container(stub: StorageStub, request: pytest.FixtureRequest) -> Iterator[ContainerClient]:
    with BlobServiceClient.from_connection_string(stub.connection_string) as blobs:
        yield blobs.create_container(f"c{abs(hash(request.node.name))}")


def test_row_is_inserted_once_and_read_back(table: TableClient) -> None:
    table.create_entity(ROW)
    with pytest.raises(ResourceExistsError):
        table.create_entity(ROW)
    assert dict(table.get_entity("a'b", "1")) == ROW


def test_row_with_another_etag_is_not_replaced(table: TableClient) -> None:
    first = {"etag": table.create_entity(ROW)["etag"], "match_condition": MatchConditions.IfNotModified}
    table.update_entity(ROW | {"text": "2"}, UpdateMode.REPLACE, **first)
    with pytest.raises(ResourceModifiedError):
        table.update_entity(ROW, UpdateMode.REPLACE, **first)
    assert table.get_entity("a'b", "1")["text"] == "2"


def test_merged_row_keeps_its_other_columns(table: TableClient) -> None:
    table.create_entity(ROW)
    table.update_entity({"PartitionKey": "a'b", "RowKey": "1", "more": 7}, UpdateMode.MERGE)
    assert dict(table.get_entity("a'b", "1")) == ROW | {"more": 7}


def test_transaction_with_a_row_that_exists_writes_none(table: TableClient) -> None:
    table.create_entity(ROW)
    with pytest.raises(TableTransactionError) as failure:
        table.submit_transaction([("create", ROW | {"RowKey": "2"}), ("create", ROW)])
    assert failure.value.index == 1
    assert [row["RowKey"] for row in table.list_entities()] == ["1"]


def test_query_returns_the_rows_that_meet_its_filter(table: TableClient) -> None:
    table.submit_transaction([("create", ROW | {"RowKey": f"{number}", "n": number}) for number in range(5)])
    found = table.query_entities("PartitionKey eq 'a''b' and (n ge 3 or RowKey lt '1') and not (n eq 4)")
    assert [row["RowKey"] for row in found] == ["0", "3"]


def test_table_of_3_000_rows_is_listed_in_pages(table: TableClient) -> None:
    for part in range(30):
        table.submit_transaction([("create", ROW | {"PartitionKey": f"{part}", "RowKey": f"{n}"}) for n in range(100)])
    assert len({(row["PartitionKey"], row["RowKey"]) for row in table.list_entities()}) == 3_000


def test_blob_that_changed_meanwhile_is_neither_claimed_nor_deleted(container: ContainerClient) -> None:
    blob = container.get_blob_client("a/b.json")
    first = blob.upload_blob(b"{}", metadata={"kind": "x"})["etag"]
    blob.set_blob_metadata({"kind": "y"}, etag=first, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError):
        blob.set_blob_metadata({"kind": "z"}, etag=first, match_condition=MatchConditions.IfNotModified)
    stale = {"name": "a/b.json", "etag": first, "match_condition": MatchConditions.IfNotModified}
    [answer] = container.delete_blobs(stale, raise_on_any_failure=False)
    assert answer.status_code == 412
    assert [(each.name, each.metadata) for each in container.list_blobs(include=["metadata"])] == [
        ("a/b.json", {"kind": "y"})
    ]
    assert blob.download_blob().readall() == b"{}"


def test_blobs_are_deleted_in_one_request(container: ContainerClient) -> None:
    for number in range(3):
        container.upload_blob(f"{number}", b"x")
    with pytest.raises(ResourceExistsError):
        container.upload_blob("0", b"y")
    assert [answer.status_code for answer in container.delete_blobs("0", "2", "3", raise_on_any_failure=False)] == [
        202,
        202,
        404,
    ]
    assert [each.name for each in container.list_blobs()] == ["1"]


def test_queue_counts_messages_unless_it_refuses_them(loop: Background, stub: StorageStub) -> None:
    with QueueClient.from_connection_string(stub.connection_string, "events", retry_total=0) as queue:
        with pytest.raises(ResourceNotFoundError):
            queue.send_message("x")
        queue.create_queue()
        queue.send_message("x")
        before = loop.run(stub.calls())["queue"]
        loop.run(stub.refuse_messages(refused=True))
        with pytest.raises(HttpResponseError, match="ServerBusy"):
            queue.send_message("x")
        loop.run(stub.refuse_messages(refused=False))
        assert loop.run(stub.calls())["queue"] == before + 1
        assert queue.get_queue_properties().approximate_message_count == 1
