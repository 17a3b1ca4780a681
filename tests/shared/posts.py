"""The receiving side for tests of values: keys at hand, a list for a sink, and Graph's side to go with them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.clock import Clock
from sandbox.entra import Entra
from shared.clouds import CLOUDS
from shared.errors import InvalidValidationToken, NotFound, UnknownCertificate
from shared.events.cloud_events import CloudEvent
from shared.graph.location import ResourceLocation
from shared.limits import ConcurrencyLimiter
from shared.notifications.decryption import ResourceContent
from shared.notifications.validation_tokens import ExpectedToken, SigningKey, ValidationTokens
from shared.receiving.receive import Receipt, Receiver
from shared.timing import Deadline
from tests.sender import CLIENT_ID, OTHER_TENANT, PREVIOUS_STATE_KEY, STATE_KEY, TENANT, Sender

if TYPE_CHECKING:
    from shared.notifications.client_state import AuthenticNotification

CERTIFICATE_ID = "0123456789abcdef0123456789abcdef"
AUDIENCE = ExpectedToken(client_id=CLIENT_ID, tenant_ids=(TENANT, OTHER_TENANT), cloud=CLOUDS["global"])
KEY_ISSUER = "https://login.microsoftonline.com/{tenantid}/v2.0"


@cache
def key_pair(size: int = 2048, name: str = "first") -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, start, start + timedelta(days=3650))
    return key, builder.sign(key, hashes.SHA256())


@cache
def graph() -> Sender:
    return Sender(entra=Entra(Clock()), certificate=key_pair()[1], certificate_id=CERTIFICATE_ID)


def now() -> datetime:
    # The tokens of the sandbox's Entra ID begin with the real clock.
    return datetime.now(UTC)


def published_key(key_id: str, _deadline: Deadline | None = None) -> SigningKey:
    if key_id != graph().entra.kid:
        raise InvalidValidationToken("not published")
    return SigningKey(public_key=graph().entra.signing_key.public_key(), issuer=KEY_ISSUER)


class ReceiverFixture:
    """A receiver, what it heard and published, the keys and resources that it asked for; Graph has ``resources``."""

    def __init__(self, signing_key: Callable[[str, Deadline], SigningKey] = published_key) -> None:
        self.events: list[CloudEvent] = []
        self.heard: list[AuthenticNotification] = []
        self.quarantined: dict[str, bytes] = {}
        self.asked_for: list[str] = []
        self.fetched: list[ResourceLocation] = []
        self.resources: dict[str, bytes] = {}
        self.receiver = Receiver(
            client_id=CLIENT_ID,
            tenant_ids=(TENANT, OTHER_TENANT),
            client_state_keys=(STATE_KEY, PREVIOUS_STATE_KEY),
            validation_tokens=ValidationTokens(AUDIENCE),
            record_activity=lambda items, _moment, _deadline: self.heard.extend(items),
            signing_key=signing_key,
            private_key=self._private_key,
            fetch_resources=self._fetch,
            publish=self._publish,
            quarantine=lambda body, post, _deadline: self.quarantined.update({post.reason: body}),
            park=None,
            limiter=ConcurrencyLimiter(1),
        )

    def of(self, body: bytes, *, received_at: datetime | None = None, fetch: str | None = None) -> Receipt:
        """Return the receipt for ``body``."""
        deadline = Deadline.after(timedelta(seconds=30))
        return self.receiver.receive(body, received_at=received_at or now(), deadline=deadline, fetch=fetch)

    def _private_key(self, certificate_id: str, _deadline: Deadline) -> rsa.RSAPrivateKey:
        self.asked_for.append(certificate_id)
        if certificate_id != CERTIFICATE_ID:
            raise UnknownCertificate("no such version")
        return key_pair()[0]

    def _fetch(
        self, locations: Collection[ResourceLocation], _deadline: Deadline
    ) -> Mapping[ResourceLocation, ResourceContent | NotFound]:
        self.fetched.extend(locations)
        return {
            location: ResourceContent.from_json(self.resources[location.path])
            if location.path in self.resources
            else NotFound("404")
            for location in locations
        }

    def _publish(self, events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        self.events.extend(events)
