"""The flow of one POST from Graph: each of its items is published, quarantined, parked or dropped.

The order is law. An item that is not authentic never reaches Key Vault, Graph, storage or the log. Every item is
decided before the first is published, so that a parked POST leaves as little as possible behind. An authentic item is
never lost: it is published, quarantined or parked, or the POST fails and Graph sends it again.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks and
https://learn.microsoft.com/graph/change-notifications-with-resource-data
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.errors import InvalidValidationToken, Malformed, Misconfigured, NotFound, Problem, Rejected
from shared.events.cloud_events import CloudEvent, change_event, lifecycle_event
from shared.graph.location import ApiVersion, ResourceLocation, api_version
from shared.limits import ConcurrencyLimiter
from shared.notifications.client_state import AuthenticNotification, authenticate
from shared.notifications.collection import ChangeNotification, ChangeNotificationCollection, to_json
from shared.notifications.decryption import ResourceContent, decrypt
from shared.notifications.validation_tokens import SigningKey, ValidationTokens
from shared.receiving.post_store import StoredPost
from shared.settings import ClientStateKey
from shared.timing import Deadline

# Time reserved for parking a POST that cannot be published.
_FOR_PARKING = timedelta(seconds=0.7)

type Store = Callable[[bytes, StoredPost, Deadline], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a POST: each item is published, rejected (counted by reason) or parked.

    ``quarantined``: how many of the rejected items were authentic.
    """

    received: int
    published: int = 0
    rejected: Mapping[str, int]
    quarantined: int = 0
    parked: int = 0
    parked_because: Problem | None = None

    @property
    def dropped(self) -> int:
        """How many items were not authentic."""
        return sum(self.rejected.values()) - self.quarantined


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """What all items of a POST share. ``fetch``: the version of Graph's API to fetch resources from."""

    body: bytes
    received_at: datetime
    fetch: ApiVersion | None
    tokens: Sequence[str]
    deadline: Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Receives POSTs. Every port ends by the deadline it is given, and raises Unavailable if it cannot finish by then.

    ``record_activity`` records heartbeats and lifecycle notifications. ``signing_key`` raises InvalidValidationToken,
    and ``private_key`` UnknownCertificate, if the key does not exist. ``fetch_resources`` raises Misconfigured if Graph
    refuses a read. ``publish`` returns once every event is stored. ``quarantine`` stores items that are rejected for
    good; without it they are only counted. ``park`` stores a body that cannot be processed yet; without it the problem
    is raised. ``limiter`` bounds how many POSTs are processed at once.
    """

    client_id: str
    tenant_ids: tuple[str, ...]
    client_state_keys: tuple[ClientStateKey, ...]
    validation_tokens: ValidationTokens
    record_activity: Callable[[Sequence[AuthenticNotification], datetime, Deadline], None]
    signing_key: Callable[[str, Deadline], SigningKey]
    private_key: Callable[[str, Deadline], RSAPrivateKey]
    fetch_resources: Callable[
        [Collection[ResourceLocation], Deadline], Mapping[ResourceLocation, ResourceContent | NotFound]
    ]
    publish: Callable[[Sequence[CloudEvent], Deadline], object]
    quarantine: Store | None
    park: Store | None
    limiter: ConcurrencyLimiter

    def receive(self, body: bytes, *, received_at: datetime, deadline: Deadline, fetch: str | None = None) -> Receipt:
        """Publish the authentic items of ``body`` and quarantine those that cannot be opened, or park the whole POST.

        ``fetch``: the version of Graph's API to read missing resources from; any other text fetches nothing.

        Raises:
            Malformed: the body is not a collection of change notifications.
            Unavailable: the POST could not be published or parked in time; Graph has to send it again.
            Misconfigured: the POST cannot be published or parked until an operator corrects a setting or role.
        """
        collection = ChangeNotificationCollection.from_json(body)
        received, tokens = len(collection.value), collection.validation_tokens
        authentic, dropped = partition(collection.value, self._authenticate)
        if not authentic:
            return Receipt(received=received, rejected=_counts(dropped))
        in_time = deadline.less(_FOR_PARKING)
        # Arbitrary text from the URL could not be stored in a blob's metadata.
        post = _Post(body=body, received_at=received_at, fetch=api_version(fetch), tokens=tokens, deadline=in_time)
        try:
            with self.limiter.slot():
                published, refused = self._process(post, authentic)
        except Problem as problem:
            self._park(post, problem, deadline)
            return Receipt(received=received, rejected=_counts(dropped), parked=len(authentic), parked_because=problem)
        quarantined = sum(map(len, refused.values()))
        rejected = _counts(dropped, refused)
        return Receipt(received=received, published=published, rejected=rejected, quarantined=quarantined)

    def _authenticate(self, item: ChangeNotification | Malformed) -> AuthenticNotification:
        if isinstance(item, Malformed):
            raise item
        return authenticate(item, keys=self.client_state_keys, tenant_ids=self.tenant_ids)

    def _process(
        self, post: _Post, items: Sequence[AuthenticNotification]
    ) -> tuple[int, Mapping[str, Sequence[AuthenticNotification]]]:
        """Return how many events were published, and the quarantined items, grouped by reason."""
        self.record_activity(items, post.received_at, post.deadline)
        events, refused = self._decide(post, items)
        for reason, rejected in refused.items():
            self._quarantine(post, reason, rejected)
        if events:
            self.publish(events, post.deadline)
        return len(events), refused

    def _decide(
        self, post: _Post, items: Sequence[AuthenticNotification]
    ) -> tuple[list[CloudEvent], dict[str, list[AuthenticNotification]]]:
        """Return the events to publish, and the items that are rejected for good, grouped by reason."""
        covered = self._covered_tenants(post, items)
        fetched = self._fetch(post, items)

        def event_of(numbered: tuple[int, AuthenticNotification]) -> CloudEvent:
            # Thousands of items take seconds to decrypt.
            post.deadline.raise_if_passed()
            # An event's id may contain the ordinal, which must not depend on whether other items can be opened.
            ordinal, item = numbered
            if item.lifecycle_event is not None:
                return lifecycle_event(item, client_id=self.client_id, received_at=post.received_at)
            found = fetched[ordinal] if ordinal in fetched else self._decrypt(item, covered, post.deadline)
            if isinstance(found, Malformed):
                raise found
            return change_event(item, found, client_id=self.client_id, received_at=post.received_at, ordinal=ordinal)

        events, rejected = partition(enumerate(items), event_of)
        return events, {reason: [item for _, item in numbered] for reason, numbered in rejected.items()}

    def _covered_tenants(self, post: _Post, items: Sequence[AuthenticNotification]) -> frozenset[str]:
        """Return the tenants whose resource data may be trusted: none if any token of the POST is invalid."""
        if not any(item.encrypted_content for item in items):
            return frozenset()
        try:
            return self.validation_tokens.verify_all(
                post.tokens,
                received_at=post.received_at,
                signing_key=lambda key_id: self.signing_key(key_id, post.deadline),
            )
        except InvalidValidationToken:
            return frozenset()

    def _fetch(
        self, post: _Post, items: Sequence[AuthenticNotification]
    ) -> Mapping[int, ResourceContent | NotFound | Malformed]:
        """Return the resources fetched for items that arrived without one, by ordinal; Malformed for a bad path."""
        if post.fetch is None:
            return {}
        locations = {
            ordinal: _location(item, post.fetch)
            for ordinal, item in enumerate(items)
            if item.lifecycle_event is None and item.encrypted_content is None
        }
        # Read a resource once, even if several items name it: Graph allows one GET a second per chat.
        distinct = {location for location in locations.values() if isinstance(location, ResourceLocation)}
        found = self.fetch_resources(distinct, post.deadline) if distinct else {}
        return {ordinal: found[at] if isinstance(at, ResourceLocation) else at for ordinal, at in locations.items()}

    def _decrypt(
        self, item: AuthenticNotification, covered: frozenset[str], deadline: Deadline
    ) -> ResourceContent | None:
        """Return the resource that arrived with the item, or None."""
        encrypted = item.encrypted_content
        if encrypted is None:
            return None
        if item.tenant_id not in covered:
            raise InvalidValidationToken("no valid validation token for the item's tenant")
        return decrypt(encrypted, self.private_key(encrypted.encryption_certificate_id, deadline))

    def _quarantine(self, post: _Post, reason: str, items: Sequence[AuthenticNotification]) -> None:
        if self.quarantine is None:
            return
        # Python can parse some items that are nested too deeply for it to write.
        try:
            body = to_json(items, post.tokens)
        except RecursionError:
            body = post.body
        self.quarantine(body, _stored(post, reason), post.deadline)

    def _park(self, post: _Post, problem: Problem, deadline: Deadline) -> None:
        """Store the whole body, or raise the problem if nothing can store it."""
        if self.park is None:
            raise problem
        reason = "misconfigured" if isinstance(problem, Misconfigured) else "unavailable"
        self.park(post.body, _stored(post, reason), deadline)


def partition[S, T](items: Iterable[S], step: Callable[[S], T]) -> tuple[list[T], dict[str, list[S]]]:
    """Return the results of ``step`` for the items that it accepts, and the rejected items, grouped by reason."""
    accepted: list[T] = []
    rejected: dict[str, list[S]] = {}
    for item in items:
        try:
            accepted.append(step(item))
        except Rejected as problem:
            rejected.setdefault(problem.reason, []).append(item)
    return accepted, rejected


def _counts(*rejected: Mapping[str, Sequence[object]]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for by_reason in rejected:
        for reason, items in by_reason.items():
            counts[reason] = counts.get(reason, 0) + len(items)
    return counts


def _location(item: AuthenticNotification, version: ApiVersion) -> ResourceLocation | Malformed:
    try:
        return ResourceLocation.from_notification(item, version)
    except Malformed as problem:
        return problem


def _stored(post: _Post, reason: str) -> StoredPost:
    return StoredPost(reason=reason, received_at=post.received_at, fetch=post.fetch)
