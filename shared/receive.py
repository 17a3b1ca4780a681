"""One POST of Graph's, step by step: parse, authenticate, fetch key or resource, decrypt, publish.

The order is law. Nothing that is not authentic reaches Key Vault, Graph, the sink or the log, and nothing is published
before every item of the POST has been decided, so that a POST which is refused for now leaves as little as possible
behind.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.authenticity import Authentic, SigningKey, ValidationTokens, authenticate
from shared.deadline import Deadline
from shared.decryption import Content, decrypt
from shared.errors import Malformed, Missing, Rejected, Suspect
from shared.events import CloudEvent, change_event, lifecycle_event
from shared.locations import ApiVersion, Location, api_version
from shared.notifications import ChangeNotification, ChangeNotificationCollection
from shared.settings import ClientStateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What receiving needs from outside, each port a call that ends by the deadline it is given.

    ``hear`` notes what is told of the subscriptions themselves, or raises Unavailable; ``signing_key`` and
    ``private_key`` raise Unavailable when a key cannot be had now, and Suspect or
    UnknownCertificate when there is none; ``fetch`` reads resources as their tenant's app, all of them or it raises
    Unavailable or Misconfigured; ``publish`` returns once every event is kept, or raises Unavailable.
    """

    client_id: str
    tenant_ids: tuple[str, ...]
    client_state_keys: tuple[ClientStateKey, ...]
    validation_tokens: ValidationTokens
    hear: Callable[[Sequence[Authentic], datetime, Deadline], None]
    signing_key: Callable[[str, Deadline], SigningKey]
    private_key: Callable[[str, Deadline], RSAPrivateKey]
    fetch: Callable[[Collection[Location], Deadline], Mapping[Location, Content | Missing]]
    publish: Callable[[Sequence[CloudEvent], Deadline], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a POST; every item is counted once, ``rejected`` by kind."""

    received: int
    published: int
    rejected: Mapping[str, int]


def receive(
    body: bytes, receiver: Receiver, *, received_at: datetime, deadline: Deadline, fetch: str | None = None
) -> Receipt:
    """Publish every change in ``body`` that is authentic and opens; count the rest.

    ``fetch``: the version of Graph's API to read what comes without its resource from; any other text reads nothing.

    Raises:
        Malformed: the body is no collection at all.
        Unavailable: a key, a resource, the table or the sink cannot be had in time; Graph is to send all again.
        Misconfigured: a setting or role has to be mended first.
    """
    collection = ChangeNotificationCollection.from_json(body)
    post = _Post(receiver=receiver, received_at=received_at, deadline=deadline, fetch_from=api_version(fetch))
    rejected: Counter[str] = Counter()
    authentic = _each(collection.value, post.authentic, rejected)
    if authentic:
        receiver.hear(authentic, received_at, deadline)
    covered = post.covered_tenants(authentic, collection.validation_tokens)
    located = _each(authentic, post.located, rejected)
    fetched = post.fetched(located)
    events = _each(located, lambda each: post.event(each, covered, fetched), rejected)
    if events:
        receiver.publish(events, deadline)
    return Receipt(received=len(collection.value), published=len(events), rejected=dict(rejected))


def _each[S, T](items: Sequence[S], step: Callable[[S], T], rejected: Counter[str]) -> list[T]:
    """Return what ``step`` makes of each item; a rejected one is counted and never takes its neighbours down."""
    results = []
    for item in items:
        try:
            results.append(step(item))
        except Rejected as problem:
            rejected[problem.kind] += 1
    return results


@dataclass(frozen=True, slots=True, kw_only=True)
class _Located:
    """An item, and where to fetch its resource from if it is to be fetched."""

    item: Authentic
    location: Location | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """What all items of one POST share."""

    receiver: Receiver
    received_at: datetime
    deadline: Deadline
    fetch_from: ApiVersion | None

    def authentic(self, item: ChangeNotification | Malformed) -> Authentic:
        if isinstance(item, Malformed):
            raise item
        return authenticate(item, keys=self.receiver.client_state_keys, tenant_ids=self.receiver.tenant_ids)

    def covered_tenants(self, authentic: Sequence[Authentic], tokens: Sequence[str]) -> frozenset[str]:
        """Return the tenants whose resource data may be trusted: none when any token of the POST is bad."""
        if not any(item.encrypted_content for item in authentic):
            return frozenset()
        try:
            return self.receiver.validation_tokens.tenants(
                tokens,
                received_at=self.received_at,
                signing_key=lambda key_id: self.receiver.signing_key(key_id, self.deadline),
            )
        except Suspect:
            return frozenset()

    def located(self, item: Authentic) -> _Located:
        if self.fetch_from is None or item.lifecycle_event is not None or item.encrypted_content is not None:
            return _Located(item=item, location=None)
        return _Located(item=item, location=Location.of(item, self.fetch_from))

    def fetched(self, located: Sequence[_Located]) -> Mapping[Location, Content | Missing]:
        # What is named twice is read once: Graph takes one GET a second of a chat.
        locations = {each.location for each in located if each.location is not None}
        return self.receiver.fetch(locations, self.deadline) if locations else {}

    def event(
        self, located: _Located, covered: frozenset[str], fetched: Mapping[Location, Content | Missing]
    ) -> CloudEvent:
        item, client_id = located.item, self.receiver.client_id
        if item.lifecycle_event is not None:
            return lifecycle_event(item, client_id=client_id, received_at=self.received_at)
        found = fetched[located.location] if located.location else self._content(item, covered)
        return change_event(item, found, client_id=client_id, received_at=self.received_at)

    def _content(self, item: Authentic, covered: frozenset[str]) -> Content | None:
        encrypted = item.encrypted_content
        if encrypted is None:
            return None
        if item.tenant_id not in covered:
            raise Suspect("no valid validation token of the item's tenant")
        return decrypt(encrypted, self.receiver.private_key(encrypted.encryption_certificate_id, self.deadline))
