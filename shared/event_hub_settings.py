"""Where the app's event hub is: a connection string, or a namespace for access with a managed identity.

The settings have the names that a Functions trigger on the same hub would read.

Sources: https://learn.microsoft.com/azure/azure-functions/functions-bindings-event-hubs#identity-based-connections
and https://learn.microsoft.com/azure/event-hubs/event-hubs-get-connection-string
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from shared.setting_reader import SettingReader, split_url

NAME = "EventHubConnection"
_NAMESPACE = f"{NAME}__fullyQualifiedNamespace"
# Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsofteventhub
HUB_NAME = re.compile(r"(?!.{257})[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?", re.ASCII)
_HOST = re.compile(r"(?!.{254})[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHubSettings:
    """The hub ``name`` in the namespace of a connection string, or else in ``namespace``, a host's name.

    ``identity`` is the client id of a user-assigned managed identity; None is the system-assigned one.
    """

    name: str
    connection: str | None = field(repr=False)
    namespace: str
    identity: str | None

    @classmethod
    def from_reader(cls, reader: SettingReader, name: str) -> Self:
        """Return the hub ``name`` in the settings, and report there what is wrong with them."""
        connection, namespace = reader.text(NAME), reader.text(_NAMESPACE)
        if connection is None and namespace is None:
            reader.errors.append(f"set {NAME} or {_NAMESPACE}: EVENT_SINK names an event hub")
        if connection is not None and namespace is not None:
            reader.errors.append(f"{NAME} and {_NAMESPACE} are set: use one")
        if namespace is not None and not _HOST.fullmatch(namespace):
            reader.report(_NAMESPACE, "is not a host's name such as contoso.servicebus.windows.net")
        credential = reader.text(f"{NAME}__credential")
        if credential is not None and credential.lower() != "managedidentity":
            reader.report(f"{NAME}__credential", "is not managedidentity: leave it out, or correct it")
        identity = reader.guid(f"{NAME}__clientId") or reader.guid("AZURE_CLIENT_ID")
        parts = {} if connection is None else _parts(connection)
        for fault in () if connection is None else _faults(parts, name):
            reader.report(NAME, fault)
        return cls(name=name, connection=connection, namespace=namespace or _host(parts), identity=identity)


def _parts(connection: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in connection.rstrip(";").split(";")]
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _faults(parts: dict[str, str], name: str) -> Iterator[str]:
    """Yield what keeps the client from using a connection string; no text repeats any of it but the hub's name."""
    if not _host(parts):
        yield "has no Endpoint such as sb://contoso.servicebus.windows.net/: copy the whole connection string"
        return
    if not (parts.get("sharedaccesskeyname") and parts.get("sharedaccesskey")) and not parts.get(
        "sharedaccesssignature"
    ):
        yield "has neither SharedAccessKeyName with SharedAccessKey nor SharedAccessSignature"
    if parts.get("entitypath", name) != name:
        yield f"is of another hub than {name}: correct its EntityPath, or EVENT_SINK"


def _host(parts: dict[str, str]) -> str:
    url = split_url(parts.get("endpoint", ""))
    return url.netloc if url.scheme == "sb" else ""
