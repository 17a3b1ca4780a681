"""Clients of the app's storage account, from its connection string or its URLs."""

from collections.abc import Mapping
from typing import Any

from azure.core.credentials import TokenCredential
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from requests import Session
from requests.adapters import HTTPAdapter

from shared.app.bounded_transport import BoundedTransport
from shared.azure_calls import MAX_CONNECTIONS
from shared.errors import Misconfigured
from shared.storage_settings import NAME, StorageSettings

# By default, the clients retry for minutes, which would use up a run of the timer.
_TIMES: Mapping[str, Any] = {"retry_total": 3, "connection_timeout": 5, "read_timeout": 10}
_TABLE_OPTIONS: Mapping[str, Any] = {**_TIMES, "retry_backoff_factor": 0.2}
_BLOB_OPTIONS: Mapping[str, Any] = {**_TIMES, "initial_backoff": 0, "increment_base": 1, "random_jitter_range": 1}
_SERVICES: Mapping[type, tuple[str, Mapping[str, Any]]] = {
    TableServiceClient: ("table", _TABLE_OPTIONS),
    BlobServiceClient: ("blob", _BLOB_OPTIONS),
    QueueServiceClient: ("queue", {}),
}


def storage_client[Service: (TableServiceClient, BlobServiceClient, QueueServiceClient)](
    service: type[Service],
    settings: StorageSettings,
    credential: TokenCredential,
    transport_class: type[BoundedTransport] = BoundedTransport,
) -> Service:
    """Return a client of one service; ``credential`` is used if the settings have no connection string.

    Raises:
        Misconfigured: the client cannot use the connection string or the URL.
    """
    name, options = _SERVICES[service]
    transport, connection = _transport(name, transport_class), settings.connection
    try:
        if connection is not None:
            return service.from_connection_string(connection, transport=transport, **options)
        return service(settings.urls[name], credential=credential, transport=transport, **options)
    # The text of the exception may repeat the connection string.
    except ValueError as exc:
        raise Misconfigured(f"{NAME} does not lead to {name}s: correct the connection string or the URL") from exc


def _transport(service: str, transport_class: type[BoundedTransport]) -> BoundedTransport:
    session = Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=MAX_CONNECTIONS))
    # Without its own "auth", requests looks for a .netrc file before every request and would send its credentials.
    session.auth = lambda request: request
    return transport_class(f"the storage account's {service} service", session=session)
