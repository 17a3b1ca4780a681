"""Azurite as the sandbox starts it, seen by the real storage and tables clients."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from urllib.parse import urlsplit

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from sandbox.azurite import Azurite, AzuriteMissing
from tests.eventually import eventually
from tests.sandbox.background import running

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]


def answers(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    with socket.socket() as probe:
        return probe.connect_ex((str(address.hostname), address.port or 0)) == 0


def test_the_connection_string_works_for_blobs(azurite: Azurite) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        assert client.url.rstrip("/") == azurite.blob_endpoint
        blob = client.create_container("container").upload_blob("blob", b"content")
        assert blob.download_blob().readall() == b"content"


def test_the_connection_string_works_for_queues(azurite: Azurite) -> None:
    with QueueServiceClient.from_connection_string(azurite.connection_string) as client:
        assert client.url.rstrip("/") == azurite.queue_endpoint
        with client.create_queue("queue") as queue:
            queue.send_message("message")
            assert [message.content for message in queue.receive_messages()] == ["message"]


def test_the_connection_string_works_for_tables(azurite: Azurite) -> None:
    with TableServiceClient.from_connection_string(azurite.connection_string) as client:
        assert client.url.rstrip("/") == azurite.table_endpoint
        table = client.create_table("table")
        table.create_entity({"PartitionKey": "p", "RowKey": "r", "Colour": "blue"})
        assert table.get_entity("p", "r")["Colour"] == "blue"


def test_it_can_be_stopped_and_started_again_and_then_is_empty() -> None:
    azurite = Azurite()
    with running() as loop:
        loop.run(azurite.start())
        with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
            client.create_container("container")
        loop.run(azurite.stop())
        assert not answers(azurite.blob_endpoint)
        loop.run(azurite.start())
        with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
            assert list(client.list_containers()) == []
        loop.run(azurite.stop())


def test_it_ends_with_the_process_that_started_it_even_when_that_is_killed() -> None:
    script = """
        import asyncio
        from sandbox.azurite import Azurite

        async def main():
            azurite = Azurite()
            await azurite.start()
            print(azurite.queue_endpoint, flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """
    command = [sys.executable, "-c", dedent(script)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        endpoint = parent.stdout.readline().strip()
        assert answers(endpoint)
        os.kill(parent.pid, signal.SIGKILL)
    assert eventually(lambda: not answers(endpoint))


def test_without_its_packages_a_sentence_names_make(tmp_path: Path) -> None:
    with pytest.raises(AzuriteMissing, match=r"Azurite is not installed: `make run` or `make test`"):
        asyncio.run(Azurite(tmp_path).start())


def test_without_node_a_sentence_names_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzuriteMissing, match=r"Node.js is not on the PATH: .* `make run`"):
        asyncio.run(Azurite().start())


def test_stopping_what_was_never_started_is_harmless() -> None:
    asyncio.run(Azurite().stop())
