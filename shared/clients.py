"""The clients of the systems around the app, each made from the settings of this process when first needed."""

import logging
import os
from functools import cache

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.azure_calls import unavailable
from shared.certificates import Certificate
from shared.credentials import graph_credential
from shared.delegated import DelegatedCredential
from shared.errors import Misconfigured
from shared.graph import Graph
from shared.inventory import Inventory
from shared.keeping import Keeping
from shared.keyvault import Certificates
from shared.limits import LISTS, RateLimiter
from shared.markers import Markers
from shared.recoveries import Recoveries
from shared.settings import Settings
from shared.storage import blob_service, queue_service, table_service
from shared.timing import SystemClock
from shared.token_caches import TokenCaches
from shared.tracking import Tracking

# azure.core writes a line for every request at INFO.
logging.getLogger("azure").setLevel(logging.WARNING)


# ``cache`` keeps results and no exceptions: a setting that is mended, or a vault that comes back, needs no restart. Two
# threads that come first together may each make a client; one of the two is used, and neither holds anything to close.
@cache
def settings() -> Settings:
    """Return the settings of this process.

    Raises:
        Misconfigured: names every fault.
    """
    return Settings.from_environ(os.environ)


@cache
def _azure_credential() -> DefaultAzureCredential:
    # By default it waits 300 seconds for an identity endpoint that hangs, and with it every POST that needs a key.
    return DefaultAzureCredential(connection_timeout=1, read_timeout=2)


@cache
def tables() -> TableServiceClient:
    """Return a client of the storage account's tables.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return table_service(settings(), _azure_credential())


@cache
def queues() -> QueueServiceClient:
    """Return a client of the storage account's queues.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return queue_service(settings(), _azure_credential())


@cache
def blobs() -> BlobServiceClient:
    """Return a client of the storage account's blobs.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return blob_service(settings(), _azure_credential())


@cache
def tracking() -> Tracking:
    """Return the table of tracked subscriptions.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Tracking(tables())


@cache
def gaps() -> Recoveries:
    """Return the table of gaps.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Recoveries(tables())


@cache
def inventory() -> Inventory:
    """Return the table of what was last told of teams, channels and members.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Inventory(tables())


@cache
def markers() -> Markers:
    """Return the table of what has been published lately.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Markers(tables())


@cache
def kept_bodies(container: str) -> Keeping:
    """Return one of the containers of kept bodies, ``PARKED`` or ``QUARANTINE``.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Keeping(blobs(), container)


@cache
def certificates_called(name: str | None) -> Certificates | None:
    """Return the versions of a certificate in the vault; None without a name or a vault.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    url = settings().key_vault_url
    if name is None or url is None:
        return None
    return Certificates(SecretClient(url, _azure_credential()), name)


@cache
def logins() -> TokenCaches:
    """Return where the logins of users are kept.

    Raises:
        Misconfigured: there is no vault, or a setting is missing or wrong.
    """
    url = settings().key_vault_url
    if url is None:
        raise Misconfigured("a signed-in user needs KEY_VAULT_URL: the vault keeps the login")
    return TokenCaches(SecretClient(url, _azure_credential()))


@cache
def graph_of(tenant_id: str) -> Graph:
    """Return Graph as the app sees it in a tenant.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return graph_as(_app_credential(tenant_id))


def graph_as(credential: TokenCredential) -> Graph:
    """Return Graph as whoever has the credential sees it.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    config = settings()
    # Whatever stands in for Graph, a token is for the Graph of the cloud.
    scope = f"{config.cloud.graph_url}/.default"
    return Graph(config.graph_url, credential, scope=scope, turn=_lists().wait)


@cache
def _lists() -> RateLimiter:
    return RateLimiter(SystemClock(), LISTS)


@cache
def _app_credential(tenant_id: str) -> TokenCredential:
    return graph_credential(settings(), tenant_id, _client_certificate)


@cache
def user_credential(tenant_id: str) -> DelegatedCredential:
    """Return the credential of the user who signed in to a tenant.

    Raises:
        Misconfigured: there is no vault, or a setting is missing or wrong.
    """
    return DelegatedCredential(settings(), tenant_id, logins())


def graph_token(tenant_id: str, *, delegated: bool) -> str:
    """Return the access token for Graph in a tenant, the app's own or that of the user who signed in there.

    Raises:
        Misconfigured: a setting is missing or wrong, or Entra ID refuses the app or the user.
        Unavailable: Entra ID does not answer, or the managed identity's endpoint.
    """
    credential = user_credential(tenant_id) if delegated else _app_credential(tenant_id)
    try:
        return credential.get_token(f"{settings().cloud.graph_url}/.default").token
    except AzureError as exc:
        raise unavailable("the managed identity", exc) from exc


def _client_certificate() -> Certificate:
    certificates = certificates_called(settings().client_certificate_name)
    if certificates is None:
        raise Misconfigured("CLIENT_CERTIFICATE_NAME and KEY_VAULT_URL are not both set")
    return certificates.current()
