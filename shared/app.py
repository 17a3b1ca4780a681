"""The composition root: the environment in, the flows with their clients out, each made when it is first needed."""

import json
import logging
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Semaphore

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.authenticity import GRAPH_CHANGE_TRACKING, Audience, ValidationTokens
from shared.azure_calls import unavailable
from shared.catch_up import CatchUp, catch_up
from shared.certificates import Certificate
from shared.credentials import graph_credential
from shared.deadline import Deadline
from shared.decryption import Content
from shared.delegated import DelegatedCredential
from shared.desired import Desired, desired_from_json
from shared.errors import Misconfigured
from shared.graph import Graph
from shared.hearing import Hearing
from shared.keeping import PARKED, QUARANTINE, Keeping
from shared.keyvault import Certificates
from shared.locations import Location
from shared.markers import Markers
from shared.pacing import Lists
from shared.published import Published
from shared.reader import PatientReader, ResourceReader
from shared.receiver import Receiver
from shared.reconcile import Account, Reconciler, reconcile
from shared.recoveries import Recoveries
from shared.redrive import Redriver, always, redrive, while_it_may_appear
from shared.settings import Settings
from shared.signing_keys import SigningKeys
from shared.sink import QueueSink
from shared.storage import blob_service, queue_service, table_service
from shared.timer import Step
from shared.token_caches import TokenCaches
from shared.tracking import Tracking

# The subscriptions take four minutes at most, and the host gives a run ten (functionTimeout in host.json).
_FOR_PARKED = timedelta(minutes=2)
_FOR_GAPS = timedelta(minutes=2)
_FOR_QUARANTINE = timedelta(seconds=30)
_FOR_PURGING = timedelta(seconds=20)

# What a pool of threads has at most where nothing is set.
# Source: https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.ThreadPoolExecutor
_MOST_THREADS = 32

SUBSCRIPTIONS_FILE = Path(__file__).parent.parent / "subscriptions.json"

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
def receiver() -> Receiver:
    """Return what ``receive`` needs.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    config = settings()
    audience = Audience(
        client_id=config.client_id,
        tenant_ids=config.tenant_ids,
        cloud=config.cloud,
        caller_id=config.change_tracking_app_id or GRAPH_CHANGE_TRACKING,
    )
    certificates = _certificates(config.encryption_certificate_name)
    return Receiver(
        client_id=config.client_id,
        tenant_ids=config.tenant_ids,
        client_state_keys=config.client_state_keys,
        validation_tokens=ValidationTokens(audience),
        hear=Hearing(tracking().hear).note,
        signing_key=SigningKeys(config.login_url).signing_key,
        private_key=certificates.private_key if certificates else _no_private_key,
        fetch=ResourceReader(_get).read,
        publish=(published() or sink()).publish,
        quarantine=kept_bodies(QUARANTINE).keep,
        park=kept_bodies(PARKED).keep,
        turns=Semaphore(_turns()),
    )


@cache
def published() -> Published | None:
    """Return what publishes each change once; None where that is turned off.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    window = settings().deduplicate_for
    return Published(markers(), sink().publish, window=window, now=_WallClock().now) if window else None


@cache
def markers() -> Markers:
    """Return the table of what has been published lately.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Markers(tables())


@cache
def sink() -> QueueSink:
    """Return where events go.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return QueueSink(queues(), blobs(), settings().queue_name)


def _turns() -> int:
    """Return how many POSTs may be worked on at once: all threads that functions run on but two, which park the rest.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-app-settings#python_threadpool_thread_count
    """
    text = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    threads = int(text) if text.isdecimal() else min(_MOST_THREADS, (os.process_cpu_count() or 1) + 4)
    return max(1, threads - 2)


@cache
def reconciler() -> Reconciler:
    """Return what ``reconcile`` needs.

    Raises:
        Misconfigured: a setting is missing or wrong, or ``subscriptions.json`` is.
    """
    config = settings()
    certificates = _certificates(config.encryption_certificate_name)
    return Reconciler(
        desired=desired(),
        accounts=[account for tenant_id in config.tenant_ids for account in _accounts(tenant_id)],
        tracking=tracking(),
        client_state_key=config.client_state_keys[0],
        notification_url=config.notification_url,
        lifetime=config.subscription_lifetime,
        renew_after=config.renew_after,
        certificate=certificates.current if certificates else None,
        nonce=lambda: secrets.token_bytes(16),
        clock=_WallClock(),
    )


def timer_steps() -> Mapping[str, Step]:
    """Return what a run of the timer does, in this order; each step makes its clients when its turn has come."""
    clock = _WallClock()

    def redriven(container: int, time: timedelta) -> Mapping[str, int]:
        return redrive(redrivers()[container], ends=clock.now() + time)

    def purged() -> Mapping[str, int]:
        now = clock.now()
        ends, before = now + _FOR_PURGING, now - settings().deduplicate_for
        return {"deleted": markers().purge(now=now, before=before, is_over=lambda: clock.now() > ends)}

    return {
        "subscriptions": lambda: reconcile(reconciler()),
        "parked": lambda: redriven(0, _FOR_PARKED),
        "gaps": lambda: catch_up(catching_up(), ends=clock.now() + _FOR_GAPS),
        "quarantine": lambda: redriven(1, _FOR_QUARANTINE),
        "markers of published events": purged,
    }


@cache
def redrivers() -> tuple[Redriver, Redriver]:
    """Return what redriving parked bodies needs, and what is in quarantine.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    clock = _WallClock()
    # A turn of their own, and all the time that Graph's pace of GETs takes.
    patient = replace(receiver(), park=None, turns=Semaphore(1), fetch=PatientReader(_get, clock).read)
    return (
        Redriver(bodies=kept_bodies(PARKED), receiver=patient, may_open=always, now=clock.now),
        Redriver(
            bodies=kept_bodies(QUARANTINE),
            receiver=replace(patient, quarantine=None),
            may_open=while_it_may_appear,
            now=clock.now,
        ),
    )


@cache
def catching_up() -> CatchUp:
    """Return what closing gaps needs.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    config = settings()
    return CatchUp(
        tenant_ids=config.tenant_ids,
        client_id=config.client_id,
        tracking=tracking(),
        gaps=gaps(),
        read=lambda tenant_id, path: _graph(tenant_id).page(path),
        publish=(published() or sink()).publish,
        clock=_WallClock(),
    )


@cache
def gaps() -> Recoveries:
    """Return the table of gaps.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Recoveries(tables())


@cache
def tracking() -> Tracking:
    """Return the table of tracked subscriptions.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Tracking(tables())


@cache
def kept_bodies(container: str) -> Keeping:
    """Return one of the containers of kept bodies, ``PARKED`` or ``QUARANTINE``.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Keeping(blobs(), container)


@cache
def tables() -> TableServiceClient:
    """Return a client of the storage account's tables.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return table_service(settings(), _credential())


@cache
def queues() -> QueueServiceClient:
    """Return a client of the storage account's queues.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return queue_service(settings(), _credential())


@cache
def blobs() -> BlobServiceClient:
    """Return a client of the storage account's blobs.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return blob_service(settings(), _credential())


def graph_token(tenant_id: str, *, delegated: bool) -> str:
    """Return the access token for Graph in a tenant, the app's own or that of the user who signed in there.

    Raises:
        Misconfigured: a setting is missing or wrong, or Entra ID refuses the app or the user.
        Unavailable: Entra ID does not answer, or the managed identity's endpoint.
    """
    credential = _user_credential(tenant_id) if delegated else _app_credential(tenant_id)
    try:
        return credential.get_token(f"{settings().cloud.graph_url}/.default").token
    except AzureError as exc:
        raise unavailable("the managed identity", exc) from exc


def desired(file: Path = SUBSCRIPTIONS_FILE) -> tuple[Desired, ...]:
    """Return what ``file`` asks for.

    Raises:
        Misconfigured: the file cannot be read, or an entry is wrong; or a setting is.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"{file.name} cannot be read: {exc}") from exc
    wanted = tuple(desired_from_json(document, tenant_ids=settings().tenant_ids))
    if settings().key_vault_url is None and any(item.delegated for item in wanted):
        raise Misconfigured('"delegated" needs KEY_VAULT_URL: the vault keeps the login of the user')
    return wanted


class _WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep_until(self, moment: datetime) -> None:
        time.sleep(max(0.0, (moment - self.now()).total_seconds()))


@cache
def _credential() -> DefaultAzureCredential:
    # By default it waits 300 seconds for an identity endpoint that hangs, and with it every POST that needs a key.
    return DefaultAzureCredential(connection_timeout=1, read_timeout=2)


@cache
def _certificates(name: str | None) -> Certificates | None:
    url = settings().key_vault_url
    if name is None or url is None:
        return None
    return Certificates(SecretClient(url, _credential()), name)


def _get(location: Location) -> Content:
    return _graph(location.tenant_id).get(location)


def _accounts(tenant_id: str) -> Iterator[Account]:
    yield Account(tenant_id=tenant_id, delegated=False, api=_graph(tenant_id))
    # Without a vault there is nobody's login, and an entry that needs one has been refused.
    if settings().key_vault_url is not None:
        yield Account(tenant_id=tenant_id, delegated=True, api=_graph_as(_user_credential(tenant_id)))


@cache
def _graph(tenant_id: str) -> Graph:
    return _graph_as(_app_credential(tenant_id))


def _graph_as(credential: TokenCredential) -> Graph:
    config = settings()
    # Whatever stands in for Graph, a token is for the Graph of the cloud.
    scope = f"{config.cloud.graph_url}/.default"
    return Graph(config.graph_url, credential, scope=scope, turn=_lists().wait)


@cache
def _lists() -> Lists:
    return Lists(_WallClock())


@cache
def _app_credential(tenant_id: str) -> TokenCredential:
    return graph_credential(settings(), tenant_id, _client_certificate)


@cache
def _user_credential(tenant_id: str) -> DelegatedCredential:
    return DelegatedCredential(settings(), tenant_id, logins())


@cache
def logins() -> TokenCaches:
    """Return where the logins of users are kept.

    Raises:
        Misconfigured: there is no vault, or a setting is missing or wrong.
    """
    url = settings().key_vault_url
    if url is None:
        raise Misconfigured("a signed-in user needs KEY_VAULT_URL: the vault keeps the login")
    return TokenCaches(SecretClient(url, _credential()))


def _client_certificate() -> Certificate:
    certificates = _certificates(settings().client_certificate_name)
    if certificates is None:
        raise Misconfigured("CLIENT_CERTIFICATE_NAME and KEY_VAULT_URL are not both set")
    return certificates.current()


def _no_private_key(_certificate_id: str, _deadline: Deadline) -> RSAPrivateKey:
    raise Misconfigured("a notification with resource data needs KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME")
