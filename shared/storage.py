"""The clients of the app's own storage account, made from whichever setting names it."""

from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.settings import Settings


def queue_service(settings: Settings, credential: TokenCredential) -> QueueServiceClient:
    """Return a client of the queues; ``credential`` serves where only the account's name is set."""
    if settings.storage_connection is not None:
        return QueueServiceClient.from_connection_string(settings.storage_connection)
    return QueueServiceClient(_endpoint(settings, "queue"), credential=credential)


def blob_service(settings: Settings, credential: TokenCredential) -> BlobServiceClient:
    """Return a client of the blobs; ``credential`` serves where only the account's name is set."""
    if settings.storage_connection is not None:
        return BlobServiceClient.from_connection_string(settings.storage_connection)
    return BlobServiceClient(_endpoint(settings, "blob"), credential=credential)


def _endpoint(settings: Settings, service: str) -> str:
    return f"https://{settings.storage_account}.{service}.{settings.cloud.storage_suffix}"
