"""The storage account: a connection string that all three clients can use, or URLs for a managed identity."""

import pytest
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.app.clients import Clients
from shared.app.storage_clients import storage_client
from shared.errors import Misconfigured
from shared.settings import Settings
from shared.storage_settings import StorageSettings
from tests.fakes.settings_environment import LEAST

WITHOUT = {name: value for name, value in LEAST.items() if name != "AzureWebJobsStorage"}
KEY = "AccountName=a;AccountKey=a2V5"
SAS = "SharedAccessSignature=sv=2022-11-02&ss=bqt&sig=x"
BLOB_AND_QUEUE = "BlobEndpoint=https://a.blob.core.windows.net/;QueueEndpoint=https://a.queue.core.windows.net/"
UNUSABLE = {
    "no table endpoint": (f"{BLOB_AND_QUEUE};{SAS}", "has no TableEndpoint and no AccountName"),
    "no name": ("AccountKey=a2V5;EndpointSuffix=core.windows.net", "has no BlobEndpoint and no AccountName"),
    "no credential": ("DefaultEndpointsProtocol=https;AccountName=a", "has neither AccountName with AccountKey nor"),
    "key without a name": (
        f"{BLOB_AND_QUEUE};TableEndpoint=https://a.table.core.windows.net/;AccountKey=a2V5",
        "has neither AccountName with AccountKey nor",
    ),
    "broken key": ("AccountName=a;AccountKey=a2V", "has an AccountKey that is not Base64"),
    "only words": ("my storage account", "is not a connection string"),
    "a URL": ("https://a.blob.core.windows.net", "is not a connection string"),
    "cut off": ("DefaultEndpointsProtocol=https;Account", "is not a connection string"),
    "semicolons": (";", "is not a connection string"),
}
USABLE = {
    "emulator": "UseDevelopmentStorage=true",
    "name and key": KEY,
    "from the portal": f"DefaultEndpointsProtocol=https;{KEY};EndpointSuffix=core.windows.net",
    "semicolon at the end": f"{KEY};",
    "name and signature": f"AccountName=a;{SAS}",
    "endpoints and signature": f"{BLOB_AND_QUEUE};TableEndpoint=https://a.table.core.windows.net/;{SAS}",
}
SERVICES = (BlobServiceClient, QueueServiceClient, TableServiceClient)
URIS = {
    f"AzureWebJobsStorage__{service}ServiceUri": f"https://{service}.private.example/"
    for service in ("blob", "queue", "table")
}
ONE, TWO = "11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"


def _errors(environ: dict[str, str]) -> str:
    with pytest.raises(Misconfigured) as caught:
        Settings.from_environ(environ)
    return str(caught.value)


@pytest.mark.parametrize(("connection", "fault"), UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_connection_string_is_named_and_not_repeated(connection: str, fault: str) -> None:
    errors = _errors(LEAST | {"AzureWebJobsStorage": connection})
    assert errors.startswith(f"AzureWebJobsStorage {fault}")
    assert "a2V" not in errors


@pytest.mark.parametrize("connection", USABLE.values(), ids=USABLE)
def test_usable_connection_string_leads_to_all_three_services(connection: str) -> None:
    clients = Clients.from_environ(LEAST | {"AzureWebJobsStorage": connection})
    with clients.blobs() as blobs, clients.queues() as queues, clients.tables() as tables:
        assert all(client.url for client in (blobs, queues, tables))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.__name__)
@pytest.mark.parametrize(
    "connection",
    [
        f"BlobEndpoint=https://[;QueueEndpoint=https://[;TableEndpoint=https://[;{KEY}",
        "BlobSecondaryEndpoint=a;QueueSecondaryEndpoint=a;TableSecondaryEndpoint=a",
    ],
)
def test_connection_string_that_a_client_refuses_is_misconfigured(service: type, connection: str) -> None:
    storage = StorageSettings(connection=connection, urls={}, identity=None)
    with DefaultAzureCredential() as credential, pytest.raises(Misconfigured, match="AzureWebJobsStorage does not"):
        storage_client(service, storage, credential)


def test_service_uris_replace_the_account_name() -> None:
    clients = Clients.from_environ(WITHOUT | URIS)
    with clients.blobs() as blobs, clients.queues() as queues, clients.tables() as tables:
        urls = {client.url.rstrip("/") for client in (blobs, queues, tables)}
    assert urls == {uri.rstrip("/") for uri in URIS.values()}


def test_service_uri_wins_over_the_account_name() -> None:
    uri = {"AzureWebJobsStorage__tableServiceUri": "https://table.private.example"}
    urls = Settings.from_environ(WITHOUT | uri | {"AzureWebJobsStorage__accountName": "a"}).storage.urls
    assert (urls["table"], urls["blob"]) == ("https://table.private.example", "https://a.blob.core.windows.net")


@pytest.mark.parametrize("left_out", URIS)
def test_missing_service_uri_is_named(left_out: str) -> None:
    environ = WITHOUT | {name: uri for name, uri in URIS.items() if name != left_out}
    assert _errors(environ) == f"{left_out} is not set: the app needs blobs, queues and tables"


def test_service_uri_without_https_is_an_error() -> None:
    assert "tableServiceUri is not an https URL" in _errors(
        WITHOUT | URIS | {"AzureWebJobsStorage__tableServiceUri": "http://table.private.example"}
    )


@pytest.mark.parametrize("text", ["managedidentity", "managedIdentity", ""])
def test_managed_identity_is_the_one_credential(text: str) -> None:
    Settings.from_environ(LEAST | {"AzureWebJobsStorage__credential": text})
    assert "AzureWebJobsStorage__credential is not managedidentity" in _errors(
        LEAST | {"AzureWebJobsStorage__credential": "workloadidentity"}
    )


@pytest.mark.parametrize(
    ("storage", "azure", "expected"),
    [("", "", (None, None)), (ONE, "", (ONE, ONE)), ("", TWO, (TWO, TWO)), (ONE, TWO, (ONE, TWO))],
    ids=["system-assigned", "storage only", "AZURE_CLIENT_ID only", "one each"],
)
def test_one_user_assigned_identity_serves_storage_and_all_else(
    storage: str, azure: str, expected: tuple[str | None, str | None]
) -> None:
    changes = {"AzureWebJobsStorage__clientId": storage, "AZURE_CLIENT_ID": azure}
    settings = Settings.from_environ(LEAST | changes)
    assert (settings.storage.identity, settings.managed_identity) == expected


@pytest.mark.parametrize("name", ["AzureWebJobsStorage__clientId", "AZURE_CLIENT_ID"])
def test_identity_that_is_no_guid_is_an_error(name: str) -> None:
    errors = _errors(LEAST | {name: "my-identity"})
    assert errors == f"{name} is 'my-identity': use an application (client) id, which is a GUID"
