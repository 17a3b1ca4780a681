"""The function ReceiveNotification, wired: the flow of a POST with its clients."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.app.clients import Clients, once
from shared.errors import Misconfigured
from shared.identity.signing_keys import SigningKeys
from shared.limits import ConcurrencyLimiter
from shared.notifications.validation_tokens import CHANGE_TRACKING_APP_ID, ExpectedToken, ValidationTokens
from shared.receiving.post_store import PARKED, QUARANTINE
from shared.receiving.receive import Receiver
from shared.receiving.resource_reader import ResourceReader
from shared.subscriptions.activity import ActivityRecorder
from shared.timing import Deadline


@once
def receiver(clients: Clients) -> Receiver:
    """Return the flow of a POST."""
    settings = clients.settings
    expected = ExpectedToken(
        client_id=settings.client_id,
        tenant_ids=settings.tenant_ids,
        cloud=settings.cloud,
        caller_id=settings.change_tracking_app_id or CHANGE_TRACKING_APP_ID,
    )
    certificate_name = settings.encryption_certificate_name
    return Receiver(
        client_id=settings.client_id,
        tenant_ids=settings.tenant_ids,
        client_state_keys=settings.client_state_keys,
        validation_tokens=ValidationTokens(expected),
        record_activity=ActivityRecorder(clients.subscription_table().record_activity).record,
        signing_key=SigningKeys(settings.login_url).signing_key,
        private_key=clients.certificate_versions(certificate_name).private_key if certificate_name else _no_private_key,
        fetch_resources=ResourceReader(clients.read_resource).read,
        publish=clients.publisher().publish,
        quarantine=clients.post_store(QUARANTINE).store,
        park=clients.post_store(PARKED).store,
        limiter=ConcurrencyLimiter(clients.posts_at_once),
    )


def _no_private_key(_certificate_id: str, _deadline: Deadline) -> RSAPrivateKey:
    raise Misconfigured("KEY_VAULT_URL or ENCRYPTION_CERTIFICATE_NAME is not set: resource data cannot be decrypted")
