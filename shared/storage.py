"""The clients of the app's own storage account, made from whichever setting names it."""

from collections.abc import Mapping
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from requests import PreparedRequest, Session
from requests.adapters import HTTPAdapter

from shared.azure_calls import CONNECTIONS
from shared.settings import Settings

# The clients' own retries and time-outs take minutes, in which a run of the timer does nothing else.
_TIMES: Mapping[str, Any] = {"retry_total": 3, "connection_timeout": 5, "read_timeout": 10}
_TABLE_TIMES: Mapping[str, Any] = {**_TIMES, "retry_backoff_factor": 0.2}
_BLOB_TIMES: Mapping[str, Any] = {**_TIMES, "initial_backoff": 0, "increment_base": 1, "random_jitter_range": 1}


def queue_service(settings: Settings, credential: TokenCredential) -> QueueServiceClient:
    """Return a client of the queues; ``credential`` serves where only the account's name is set."""
    transport = _transport()
    if settings.storage_connection is not None:
        return QueueServiceClient.from_connection_string(settings.storage_connection, transport=transport)
    return QueueServiceClient(_endpoint(settings, "queue"), credential=credential, transport=transport)


def blob_service(settings: Settings, credential: TokenCredential) -> BlobServiceClient:
    """Return a client of the blobs; ``credential`` serves where only the account's name is set."""
    options = {**_BLOB_TIMES, "transport": _transport()}
    if settings.storage_connection is not None:
        return BlobServiceClient.from_connection_string(settings.storage_connection, **options)
    return BlobServiceClient(_endpoint(settings, "blob"), credential=credential, **options)


def table_service(settings: Settings, credential: TokenCredential) -> TableServiceClient:
    """Return a client of the tables; ``credential`` serves where only the account's name is set."""
    options = {**_TABLE_TIMES, "transport": _transport()}
    if settings.storage_connection is not None:
        return TableServiceClient.from_connection_string(settings.storage_connection, **options)
    return TableServiceClient(_endpoint(settings, "table"), credential=credential, **options)


def _transport() -> RequestsTransport:
    session = Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
    # Without an "auth" of its own, requests looks for a .netrc file before every request, and would use what it finds.
    session.auth = _unchanged
    return RequestsTransport(session=session)


def _unchanged(request: PreparedRequest) -> PreparedRequest:
    """Return a request as the client has signed it."""
    return request


def _endpoint(settings: Settings, service: str) -> str:
    return f"https://{settings.storage_account}.{service}.{settings.cloud.storage_suffix}"
