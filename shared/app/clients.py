"""The clients of all systems around the app, each built from the settings on first use and then cached."""

import logging
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import partial, wraps
from threading import RLock
from typing import Any, Concatenate, Self

from azure.core.credentials import TokenCredential
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.app.bounded_transport import BoundedTransport
from shared.app.event_sinks import EventSink, event_sink
from shared.app.storage_clients import storage_client
from shared.azure_calls import FAIL_FAST
from shared.errors import Misconfigured, Problem
from shared.events.publication_table import PublicationTable
from shared.events.publish_once import PublishOnce
from shared.gaps.gap_table import GapTable
from shared.gaps.snapshot_recorder import SnapshotRecorder
from shared.gaps.snapshot_table import SnapshotTable
from shared.graph.client import Graph
from shared.graph.graph_token import GraphToken
from shared.graph.location import ResourceLocation
from shared.identity.entra import graph_credential
from shared.identity.key_vault import CertificateVersions
from shared.identity.user_login import LoginStore, UserCredential
from shared.limits import LISTS, RateLimiter
from shared.notifications.decryption import ResourceContent
from shared.receiving.post_store import PostStore
from shared.settings import Settings
from shared.subscriptions.status_table import StatusTable
from shared.subscriptions.subscription_table import SubscriptionTable
from shared.table import Table
from shared.timing import Clock, StorageClock

# azure.core logs every request at INFO.
logging.getLogger("azure").setLevel(logging.WARNING)

# Azure sets both for each app and slot.
# Source: https://learn.microsoft.com/azure/app-service/reference-app-settings
_SITE = ("WEBSITE_SITE_NAME", "WEBSITE_SLOT_NAME")
_LOCAL = "local"

# By default, the client waits 300 seconds for a vault that is silent, four times: longer than a run of the timer.
_VAULT_OPTIONS: Mapping[str, Any] = {"retry_total": 1, "connection_timeout": 5, "read_timeout": 10}


def once[**P, T](build: Callable[Concatenate["Clients", P], T]) -> Callable[Concatenate["Clients", P], T]:
    """Cache the result of ``build`` in each ``Clients``, for all threads. An exception is not cached."""

    @wraps(build)
    def part(clients: "Clients", /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (build, args, *kwargs.items())
        with clients.lock:
            if key not in clients.parts:
                clients.parts[key] = build(clients, *args, **kwargs)
            built: T = clients.parts[key]
            return built

    return part


class Clients:
    """The clients that one process needs; ``site``: which Function App and slot it belongs to."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, site: str = _LOCAL) -> None:
        self.settings = settings
        self.site = site
        self._storage_clock = StorageClock()
        self.clock = clock or self._storage_clock
        # GRAPH_URL may be a proxy or a simulator, but tokens are for the cloud's Graph.
        self._scope = f"{settings.cloud.graph_url}/.default"
        self._lists = RateLimiter(self.clock, LISTS)
        # Both are for ``once``. The lock is reentrant because parts need other parts.
        self.lock = RLock()
        self.parts: dict[Hashable, Any] = {}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Return the clients for an environment.

        Raises:
            Misconfigured: the text names every error in the settings.
        """
        site, slot = (environ.get(name, "") for name in _SITE)
        return cls(Settings.from_environ(environ), site=f"{site}/{slot}" if site else _LOCAL)

    def synchronise_clock(self) -> None:
        """Learn storage's time from an answer; keep the clock as it is if storage does not answer."""

        def learn(response: Any) -> None:
            with suppress(TypeError, ValueError):
                self._storage_clock.synchronise(parsedate_to_datetime(response.http_response.headers.get("Date")))

        # A connection that was dropped while it was idle shows at the first request.
        options = {**FAIL_FAST, "retry_total": 1}
        # Whatever else a run needs of storage says itself what is wrong.
        with suppress(Problem):
            Table(self.tables(), "status").get("deployments", "owner", raw_response_hook=learn, **options)

    @once
    def tables(self) -> TableServiceClient:
        """Return a client of the storage account's tables."""
        return storage_client(TableServiceClient, self.settings.storage, self._storage_credential())

    @once
    def queues(self) -> QueueServiceClient:
        """Return a client of the storage account's queues."""
        return storage_client(QueueServiceClient, self.settings.storage, self._storage_credential())

    @once
    def blobs(self) -> BlobServiceClient:
        """Return a client of the storage account's blobs."""
        return storage_client(BlobServiceClient, self.settings.storage, self._storage_credential())

    def _storage_credential(self) -> TokenCredential:
        return self._azure_credential(self.settings.storage.identity)

    @once
    def _azure_credential(self, client_id: str | None) -> DefaultAzureCredential:
        # By default, it waits 300 seconds for an identity endpoint that hangs, and so does each POST that needs a key.
        return DefaultAzureCredential(managed_identity_client_id=client_id, connection_timeout=1, read_timeout=2)

    @once
    def subscription_table(self) -> SubscriptionTable:
        """Return the table of tracked subscriptions."""
        return SubscriptionTable(self.tables())

    @once
    def status_table(self) -> StatusTable:
        """Return the table of deployments."""
        return StatusTable(self.tables())

    @once
    def gap_table(self) -> GapTable:
        """Return the table of gaps."""
        return GapTable(self.tables())

    @once
    def snapshot_table(self) -> SnapshotTable:
        """Return the table with the last known state of teams, channels and members."""
        return SnapshotTable(self.tables())

    @once
    def publication_table(self) -> PublicationTable:
        """Return the table of recently published events."""
        return PublicationTable(self.tables())

    @once
    def post_store(self, container: str) -> PostStore:
        """Return one of the containers of stored POSTs, ``PARKED`` or ``QUARANTINE``."""
        return PostStore(self.blobs(), container)

    @once
    def sink(self) -> EventSink:
        """Return the sink of all events."""
        return event_sink(self.settings, self.queues, self.blobs(), self._azure_credential)

    @once
    def publish_once(self) -> PublishOnce | None:
        """Return the publisher of each change once; None if deduplication is turned off."""
        window = self.settings.deduplicate_for
        if not window:
            return None
        return PublishOnce(self.publication_table(), self.sink().publish, window=window, now=self.clock.now)

    @once
    def publisher(self, *, is_live: bool = True) -> SnapshotRecorder:
        """Return the publisher of the events of POSTs, live or redriven, which also updates the snapshot."""
        once_only = self.publish_once()
        publish = partial(once_only.publish, is_live=is_live) if once_only else self.sink().publish
        return SnapshotRecorder(publish, self.snapshot_table().record)

    @once
    def _vault(self) -> SecretClient:
        url = self.settings.key_vault_url
        # Settings that name a certificate always have a vault, so only a login can lack one.
        if url is None:
            raise Misconfigured("KEY_VAULT_URL is not set: a signed-in user's login is stored in the vault")
        transport, credential = BoundedTransport("Key Vault"), self._azure_credential(self.settings.managed_identity)
        return SecretClient(url, credential, transport=transport, **_VAULT_OPTIONS)

    @once
    def certificate_versions(self, name: str) -> CertificateVersions:
        """Return the versions of a certificate in the vault."""
        return CertificateVersions(self._vault(), name)

    @once
    def login_store(self) -> LoginStore:
        """Return the store of users' logins.

        Raises:
            Misconfigured: there is no vault.
        """
        return LoginStore(self._vault())

    @once
    def graph_for_tenant(self, tenant_id: str) -> Graph:
        """Return Graph in a tenant, called as the app."""
        return self._graph(tenant_id, self._app_credential(tenant_id))

    @once
    def graph_for_user(self, tenant_id: str) -> Graph:
        """Return Graph in a tenant, called as the user who signed in; raises as ``user_credential`` does."""
        return self._graph(tenant_id, self.user_credential(tenant_id))

    def _graph(self, tenant_id: str, credential: TokenCredential) -> Graph:
        return Graph(
            self.settings.graph_url,
            GraphToken(credential=credential, scope=self._scope, now=self.clock.now),
            wait_to_list=self._lists.wait,
            name=f"Graph in tenant {tenant_id}",
        )

    def read_resource(self, location: ResourceLocation, *, is_live: bool = True) -> ResourceContent:
        """Return the current state of a resource, read as the app; raises as ``Graph`` does."""
        return self.graph_for_tenant(location.tenant_id).get_resource(location, is_live=is_live)

    @once
    def _app_credential(self, tenant_id: str) -> TokenCredential:
        # The certificate is only requested if the settings name it.
        name = self.settings.client_certificate_name or ""
        return graph_credential(self.settings, tenant_id, lambda: self.certificate_versions(name).current())

    @once
    def user_credential(self, tenant_id: str) -> UserCredential:
        """Return the credential of the user who signed in to a tenant.

        Raises:
            Misconfigured: there is no vault.
        """
        return UserCredential(self.settings, tenant_id, self.login_store())

    def graph_token(self, tenant_id: str, *, delegated: bool) -> str:
        """Return an access token for Graph in a tenant: the app's, or the signed-in user's if ``delegated``.

        Raises:
            Misconfigured: there is no vault, or Entra ID refuses the app or the user.
            Unavailable: Entra ID or the managed identity's endpoint does not answer.
        """
        graph = self.graph_for_user(tenant_id) if delegated else self.graph_for_tenant(tenant_id)
        return graph.access_token()
