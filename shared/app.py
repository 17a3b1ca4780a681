"""The composition root of receiving: the flow with its clients out, made when it is first needed."""

import os
from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.authenticity import GRAPH_CHANGE_TRACKING, Audience, ValidationTokens
from shared.clients import (
    blobs,
    certificates_called,
    graph_of,
    inventory,
    kept_bodies,
    markers,
    queues,
    settings,
    tracking,
)
from shared.decryption import Content
from shared.errors import Misconfigured
from shared.hearing import Hearing
from shared.keeping import PARKED, QUARANTINE
from shared.limits import ConcurrencyLimiter
from shared.locations import Location
from shared.noting import Noting
from shared.published import Published
from shared.reader import ResourceReader
from shared.receiver import Receiver
from shared.signing_keys import SigningKeys
from shared.sink import QueueSink
from shared.timing import Deadline, SystemClock

# What a pool of threads has at most where nothing is set.
# Source: https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.ThreadPoolExecutor
_MOST_THREADS = 32
# More would be no faster; and where each waits for something that hangs, enough threads have to be left for the rest.
_MOST_TURNS = 8


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
    certificates = certificates_called(config.encryption_certificate_name)
    return Receiver(
        client_id=config.client_id,
        tenant_ids=config.tenant_ids,
        client_state_keys=config.client_state_keys,
        validation_tokens=ValidationTokens(audience),
        hear=Hearing(tracking().hear).note,
        signing_key=SigningKeys(config.login_url).signing_key,
        private_key=certificates.private_key if certificates else _no_private_key,
        fetch=ResourceReader(resource_at).read,
        publish=noting().publish,
        quarantine=kept_bodies(QUARANTINE).keep,
        park=kept_bodies(PARKED).keep,
        turns=ConcurrencyLimiter(_turns()),
    )


@cache
def noting() -> Noting:
    """Return what publishes, and notes what is to be compared with after a gap.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return Noting((published() or sink()).publish, inventory().note)


@cache
def published() -> Published | None:
    """Return what publishes each change once; None where that is turned off.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    window = settings().deduplicate_for
    return Published(markers(), sink().publish, window=window, now=SystemClock().now) if window else None


@cache
def sink() -> QueueSink:
    """Return where events go.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    return QueueSink(queues(), blobs(), settings().queue_name)


def _turns() -> int:
    """Return how many POSTs may be worked on at once: the other threads that functions run on, two or more, park.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-app-settings#python_threadpool_thread_count
    """
    text = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    threads = int(text) if text.isdecimal() else min(_MOST_THREADS, (os.process_cpu_count() or 1) + 4)
    return max(1, min(_MOST_TURNS, threads - 2))


def resource_at(location: Location) -> Content:
    """Return a resource as it is at this moment, read by the app of its tenant.

    Raises:
        NotFound, Misconfigured, Unavailable: see ``shared.graph.Graph.get``.
    """
    return graph_of(location.tenant_id).get(location)


def _no_private_key(_certificate_id: str, _deadline: Deadline) -> RSAPrivateKey:
    raise Misconfigured("a notification with resource data needs KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME")
