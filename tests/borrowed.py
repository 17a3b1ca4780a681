"""A storage account of the tests' process for whoever wants one alone: a start empties it, a stop leaves it running."""

import asyncio

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from sandbox.azurite import Azurite


class Borrowed(Azurite):
    """Azurite that runs already: to start one takes seconds."""

    def __init__(self, running: Azurite) -> None:
        super().__init__()
        self._running = running

    @property
    def blob_endpoint(self) -> str:
        return self._running.blob_endpoint

    @property
    def queue_endpoint(self) -> str:
        return self._running.queue_endpoint

    @property
    def table_endpoint(self) -> str:
        return self._running.table_endpoint

    async def start(self) -> None:
        await asyncio.to_thread(_empty, self.connection_string)

    async def stop(self) -> None:
        pass


def _empty(connection_string: str) -> None:
    with (
        BlobServiceClient.from_connection_string(connection_string) as blobs,
        QueueServiceClient.from_connection_string(connection_string) as queues,
        TableServiceClient.from_connection_string(connection_string) as tables,
    ):
        for container in blobs.list_containers():
            blobs.delete_container(container)
        for queue in queues.list_queues():
            queues.delete_queue(queue)
        for table in tables.list_tables():
            tables.delete_table(table.name)
