"""A receiver with everything that it needs in memory: keys, resources and a sink."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

from shared.errors import NotFound, UnknownCertificate
from shared.events.cloud_events import CloudEvent
from shared.graph.location import ResourceLocation
from shared.limits import ConcurrencyLimiter
from shared.notifications.decryption import ResourceContent
from shared.notifications.validation_tokens import SigningKey, ValidationTokens
from shared.receiving.receive import Receipt, Receiver
from shared.timing import Deadline
from tests.fakes.graph_sender import AUDIENCE, CERTIFICATE_ID, key_pair, now, published_key
from tests.sender import CLIENT_ID, OTHER_TENANT, PREVIOUS_STATE_KEY, STATE_KEY, TENANT

if TYPE_CHECKING:
    from shared.notifications.client_state import AuthenticNotification


class ReceiverFixture:
    """A receiver, what it recorded and published, the keys and resources that it asked for; Graph has ``resources``."""

    def __init__(self, signing_key: Callable[[str, Deadline], SigningKey] = published_key) -> None:
        self.events: list[CloudEvent] = []
        self.recorded: list[AuthenticNotification] = []
        self.quarantined: dict[str, bytes] = {}
        self.asked_for: list[str] = []
        self.fetched: list[ResourceLocation] = []
        self.resources: dict[str, bytes] = {}
        self.receiver = Receiver(
            client_id=CLIENT_ID,
            tenant_ids=(TENANT, OTHER_TENANT),
            client_state_keys=(STATE_KEY, PREVIOUS_STATE_KEY),
            validation_tokens=ValidationTokens(AUDIENCE),
            record_activity=lambda items, _moment, _deadline: self.recorded.extend(items),
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
