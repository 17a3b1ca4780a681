"""The function ReceiveNotification, wired: the flow of a POST with its clients."""

from contextlib import nullcontext
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.app.clients import Clients, once
from shared.errors import Misconfigured
from shared.identity.signing_keys import SigningKeys
from shared.limits import ConcurrencyLimiter
from shared.notifications.validation_tokens import CHANGE_TRACKING_APP_ID, ExpectedToken, ValidationTokens
from shared.receiving.item_publisher import ItemPublisher
from shared.receiving.post_log import PostLog
from shared.receiving.post_store import PARKED, QUARANTINE
from shared.receiving.quarantine import Quarantine
from shared.receiving.receive import Receipt, Receiver
from shared.receiving.resource_reader import ResourceReader
from shared.subscriptions.activity import ActivityRecorder
from shared.timing import Deadline

# More would not be faster: they share one interpreter lock.
TENANTS_AT_ONCE = 8


def receive(
    clients: Clients, body: bytes, *, received_at: datetime, deadline: Deadline, fetch: str | None = None
) -> Receipt:
    """Process one POST as ``Receiver.receive`` does; the last of those under way has all records written."""
    publish_once = clients.publish_once()
    with publish_once.writer.invocation() if publish_once else nullcontext():
        return receiver(clients).receive(body, received_at=received_at, deadline=deadline, fetch=fetch)


@once
def receiver(clients: Clients) -> Receiver:
    """Return the flow of a POST."""
    return Receiver(
        tenant_ids=clients.settings.tenant_ids,
        client_state_keys=clients.settings.client_state_keys,
        publisher=_publisher(clients),
        park=clients.post_store(PARKED).store,
        quarantine=quarantine(clients).add,
        limiter=ConcurrencyLimiter(TENANTS_AT_ONCE),
    )


def _publisher(clients: Clients) -> ItemPublisher:
    settings = clients.settings
    expected = ExpectedToken(
        client_id=settings.client_id,
        cloud=settings.cloud,
        caller_id=settings.change_tracking_app_id or CHANGE_TRACKING_APP_ID,
    )
    certificate_name = settings.encryption_certificate_name
    return ItemPublisher(
        client_id=settings.client_id,
        validation_tokens=ValidationTokens(expected),
        record_activity=ActivityRecorder(clients.subscription_table().record_activity).record,
        signing_key=signing_keys(clients).signing_key,
        private_key=clients.certificate_versions(certificate_name).private_key if certificate_name else _no_private_key,
        fetch_resources=ResourceReader(clients.read_resource).read,
        publish_events=clients.publisher().publish,
    )


@once
def signing_keys(clients: Clients) -> SigningKeys:
    """Return the keys with which Entra ID signs validation tokens."""
    return SigningKeys(clients.settings.login_url, clients.settings.client_id)


@once
def quarantine(clients: Clients) -> Quarantine:
    """Return the quarantine."""
    return Quarantine(
        store=clients.post_store(QUARANTINE),
        publish=clients.publisher().publish,
        client_id=clients.settings.client_id,
        now=clients.clock.now,
    )


@once
def post_log(_clients: Clients) -> PostLog:
    """Return the log of POSTs."""
    return PostLog()


def _no_private_key(_certificate_id: str, _deadline: Deadline) -> RSAPrivateKey:
    raise Misconfigured("KEY_VAULT_URL or ENCRYPTION_CERTIFICATE_NAME is not set: resource data cannot be decrypted")
