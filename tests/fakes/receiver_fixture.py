"""A receiver with everything that it needs in memory: keys, resources and a sink."""

import re
from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa

from shared.errors import NotFound, Undecryptable, UnknownCertificate
from shared.events.cloud_events import CloudEvent
from shared.graph.location import ResourceLocation
from shared.limits import ConcurrencyLimiter
from shared.notifications.decryption import ResourceContent
from shared.notifications.validation_tokens import ValidationTokens
from shared.receiving.item_publisher import Fetched, ItemPublisher
from shared.receiving.post_store import StoredPost
from shared.receiving.receive import Receipt, Receiver
from shared.timing import Deadline
from tests.fakes.graph_sender import AUDIENCE, CERTIFICATE_ID, key_pair, now, published_key
from tests.sender import CLIENT_ID, OTHER_TENANT, PREVIOUS_STATE_KEY, STATE_KEY, TENANT

if TYPE_CHECKING:
    from shared.notifications.client_state import AuthenticNotification


class ReceiverFixture:
    """A receiver, and what it did in ``steps``; Graph has ``resources``.

    ``ports`` replace those of the receiver and of its publisher.
    """

    def __init__(self, **ports: Any) -> None:
        self.steps: list[str] = []
        self.events: list[CloudEvent] = []
        self.recorded: list[AuthenticNotification] = []
        self.parked: list[tuple[StoredPost, bytes]] = []
        self.quarantined: list[tuple[StoredPost, bytes]] = []
        self.asked_for: list[str] = []
        self.fetched: list[ResourceLocation] = []
        self.resources: dict[str, bytes] = {}
        self.receiver = Receiver(
            tenant_ids=(TENANT, OTHER_TENANT),
            client_state_keys=(STATE_KEY, PREVIOUS_STATE_KEY),
            publisher=ItemPublisher(
                client_id=CLIENT_ID,
                validation_tokens=ValidationTokens(AUDIENCE),
                record_activity=lambda items, _moment, _deadline: self.recorded.extend(items),
                signing_key=published_key,
                private_key=self._private_key,
                fetch_resources=self._fetch,
                publish_events=self._publish,
            ),
            park=lambda posts, _deadline: self._store("park", self.parked, posts),
            quarantine=lambda posts, _deadline: self._store("quarantine", self.quarantined, posts),
            limiter=ConcurrencyLimiter(4),
        )
        self.receiver = self.receiver_with(**ports)

    def receiver_with(self, **ports: Any) -> Receiver:
        """Return the receiver with other ``ports``."""
        names = {field.name for field in fields(ItemPublisher)}
        publisher = replace(self.receiver.publisher, **{name: ports.pop(name) for name in names & ports.keys()})
        return replace(self.receiver, publisher=publisher, **ports)

    def of(self, body: bytes, *, received_at: datetime | None = None, fetch: str | None = None) -> Receipt:
        """Return the receipt for ``body``."""
        deadline = Deadline.after(timedelta(seconds=30))
        return self.receiver.receive(body, received_at=received_at or now(), deadline=deadline, fetch=fetch)

    def _private_key(self, certificate_id: str, _deadline: Deadline) -> rsa.RSAPrivateKey:
        self.asked_for.append(certificate_id)
        if not re.fullmatch("[0-9a-f]{32}", certificate_id):
            raise Undecryptable("no id of a version")
        if certificate_id != CERTIFICATE_ID:
            raise UnknownCertificate("no such version")
        return key_pair()[0]

    def _fetch(self, locations: Collection[ResourceLocation], _deadline: Deadline) -> Fetched:
        self.fetched.extend(locations)
        return {
            location: ResourceContent.from_json(self.resources[location.path])
            if location.path in self.resources
            else NotFound("404")
            for location in locations
        }

    def _publish(self, events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        self.steps.append("publish")
        self.events.extend(events)

    def _store(
        self, step: str, stored: list[tuple[StoredPost, bytes]], posts: Sequence[tuple[StoredPost, bytes]]
    ) -> None:
        self.steps += [step] * bool(posts)
        stored.extend(posts)


def outcome_of(receipt: Receipt) -> dict[str, int]:
    """Return how many items were published, parked and so on, without what is 0; reasons are joined."""
    counts = {"published": receipt.published, **receipt.parked, **receipt.quarantined, "dropped": receipt.dropped}
    return {name: count for name, count in counts.items() if count}
