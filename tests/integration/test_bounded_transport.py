"""Calls to storage and the vault whose answers trickle: they end, and those of the receiving path go on as they are."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest
from azure.data.tables import TableServiceClient
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient

from sandbox.azurite import ACCOUNT_KEY
from sandbox.tls import Tls
from shared.app.bounded_transport import BoundedTransport
from shared.azure_calls import FAIL_FAST
from shared.bounded_calls import MAX_ABANDONED
from shared.errors import Unavailable
from shared.identity.key_vault import CertificateVersions
from shared.receiving.post_store import PARKED, PostStore
from shared.table import Table
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, within
from tests.fakes.trickling_server import TricklingServer, trickling_server

pytestmark = pytest.mark.slow

SHORT = timedelta(milliseconds=100)


@pytest.fixture
def trickling() -> Iterator[TricklingServer]:
    with trickling_server() as server:
        yield server


class _Token:
    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken("token", 2**40)


def _connection(url: str) -> str:
    services = ("Blob", "Table", "Queue")
    endpoints = "".join(f"{service}Endpoint={url}/devstoreaccount1;" for service in services)
    return f"AccountName=devstoreaccount1;AccountKey={ACCOUNT_KEY};{endpoints}"


def _list_parked(url: str) -> None:
    blobs = BlobServiceClient.from_connection_string(_connection(url), transport=_transport())
    list(PostStore(blobs, PARKED).list())


def _query_a_table(url: str) -> None:
    tables = TableServiceClient.from_connection_string(_connection(url), transport=_transport())
    Table(tables, "subscriptions").query_partition("a")


def _transport() -> BoundedTransport:
    return BoundedTransport("what trickles", timeout=SHORT)


CALLS: dict[str, Callable[[str], None]] = {
    "list what is parked": _list_parked,
    "query a table": _query_a_table,
}


@pytest.mark.parametrize("call", CALLS)
def test_call_that_trickles_is_unavailable_in_time(trickling: TricklingServer, call: str) -> None:
    with (
        within(BUSY_MACHINE_SECONDS),
        pytest.raises(Unavailable, match=r"what trickles has not answered within 0\.1 seconds"),
    ):
        CALLS[call](trickling.url)
    assert trickling.requests == 1


def test_newest_certificate_that_trickles_is_unavailable_in_time(tmp_path: Path, trickling: TricklingServer) -> None:
    tls = Tls(tmp_path)
    trickling.context = tls.context()
    transport = BoundedTransport("what trickles", timeout=10 * SHORT, connection_verify=str(tls.ca_file))
    vault = SecretClient(trickling.url, _Token(), transport=transport)
    with within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable, match="what trickles has not answered within 1 sec"):
        CertificateVersions(vault, "notifications").current()


def test_system_that_trickles_is_called_four_times(trickling: TricklingServer) -> None:
    with PipelineClient[HttpRequest, Any](trickling.url, transport=_transport(), policies=[]) as client:
        for _ in range(MAX_ABANDONED):
            _get(client, trickling.url, "has not answered")
        _get(client, trickling.url, "counts as down")
    assert trickling.requests == MAX_ABANDONED


def _get(client: PipelineClient[HttpRequest, Any], url: str, told: str) -> None:
    with pytest.raises(Unavailable, match=told):
        client.send_request(HttpRequest("GET", url))


def test_call_of_the_receiving_path_is_left_to_its_deadline(trickling: TricklingServer) -> None:
    """Another thread would cost each POST."""
    trickling.length = 10
    with PipelineClient[HttpRequest, Any](trickling.url, transport=_transport(), policies=[RetryPolicy()]) as client:
        response = client.send_request(HttpRequest("GET", trickling.url), **FAIL_FAST)
    assert response.content == b" " * 10
