"""Where the app's storage account is: a connection string, or URLs for access with a managed identity.

The settings are those that the Functions host reads for the same account.

Sources: https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
and https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from shared.setting_reader import SettingReader

NAME = "AzureWebJobsStorage"
_SERVICES = ("blob", "queue", "table")
_EMULATOR = "usedevelopmentstorage=true"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """A connection string, or else the URL of each of "blob", "queue" and "table".

    ``identity`` is the client id of a user-assigned managed identity; None is the system-assigned one.
    """

    connection: str | None = field(repr=False)
    urls: Mapping[str, str]
    identity: str | None

    @classmethod
    def from_reader(cls, reader: SettingReader, storage_suffix: str) -> Self:
        """Return the account in the settings, and report there what is wrong with them."""
        connection = reader.text(NAME)
        for fault in _faults(connection) if connection else ():
            reader.report(NAME, fault)
        credential = reader.text(f"{NAME}__credential")
        if credential is not None and credential.lower() != "managedidentity":
            reader.report(f"{NAME}__credential", "is not managedidentity: leave it out, or correct it")
        urls = _urls(reader, storage_suffix)
        if connection is None and not urls:
            reader.errors.append(f"set {NAME} or {NAME}__accountName: the app's storage account")
        for service in _SERVICES if connection is None and urls else ():
            if service not in urls:
                reader.report(_url_setting(service), "is not set: the app needs blobs, queues and tables")
        identity = reader.guid(f"{NAME}__clientId") or reader.guid("AZURE_CLIENT_ID")
        return cls(connection=connection, urls=urls, identity=identity)


def _urls(reader: SettingReader, storage_suffix: str) -> Mapping[str, str]:
    """Return the URLs that are set, and those that follow from the account's name."""
    account = reader.text(f"{NAME}__accountName")
    default = {service: f"https://{account}.{service}.{storage_suffix}" for service in _SERVICES} if account else {}
    given = {service: reader.url(_url_setting(service)) for service in _SERVICES}
    return default | {service: url for service, url in given.items() if url is not None}


def _url_setting(service: str) -> str:
    return f"{NAME}__{service}ServiceUri"


def _faults(connection: str) -> Iterator[str]:
    """Yield what keeps the clients of blobs, queues and tables from using a connection string.

    The host needs no table, so it starts with a shared access signature's string that lacks the table's endpoint.
    """
    if connection.lower() == _EMULATOR:
        return
    pairs = [part.partition("=") for part in connection.rstrip(";").split(";")]
    if not all(equals for _, equals, _ in pairs):
        yield "is not a connection string: use Name=value pairs, separated by semicolons"
        return
    parts = {name.lower(): value for name, _, value in pairs}
    for service in _SERVICES:
        if not parts.get("accountname") and not parts.get(f"{service}endpoint"):
            yield f"has no {service.capitalize()}Endpoint and no AccountName: the app needs blobs, queues and tables"
    if not (parts.get("accountname") and parts.get("accountkey")) and not parts.get("sharedaccesssignature"):
        yield "has neither AccountName with AccountKey nor SharedAccessSignature"
    if not _is_base64(parts.get("accountkey", "")):
        yield "has an AccountKey that is not Base64: copy the whole key"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
