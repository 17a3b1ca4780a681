"""One POST of Graph's, from its body to what became of it: published, quarantined, parked or dropped.

The order is law. Nothing that is not authentic reaches Key Vault, Graph, storage or the log, and nothing is published
before every item of the POST has been decided, so that a POST which is parked leaves as little as possible behind.
What is authentic is never lost: it is published, quarantined or parked, or Graph is told to send it again.

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

# What a POST leaves of its time for being parked, should the rest not suffice for publishing.
_FOR_PARKING = timedelta(seconds=0.7)

type Store = Callable[[bytes, StoredPost, Deadline], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a POST: each item is either published, or rejected (counted by reason), or parked.

    ``quarantined`` is how many of the rejected items were authentic.
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
    """What all items of one POST share. ``fetch``: the version of Graph's API to fetch resources from."""

    body: bytes
    received_at: datetime
    fetch: ApiVersion | None
    tokens: Sequence[str]
    deadline: Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Receives POSTs, with ports for what is outside; each is a call that ends by the deadline it is given.

    ``record_activity`` records which subscriptions are alive and what Graph says of them, or raises Unavailable.
    ``signing_key`` and ``private_key`` raise Unavailable when a key cannot be read now, and InvalidValidationToken or
    UnknownCertificate when there is none. ``fetch_resources`` reads resources as their tenant's app: all of them, or it
    raises Unavailable or Misconfigured. ``publish`` returns once every event is stored, or raises Unavailable.
    ``quarantine`` stores what is rejected for good, ``park`` what cannot be processed now, or raises Unavailable; None
    stores nothing: rejected items are only counted, and what cannot be processed is raised. ``limiter`` is for the
    POSTs that may be processed at once.
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
        """Publish every change in ``body`` that is authentic and opens; store what has to wait, count the rest.

        ``fetch``: the version of Graph's API to read missing resources from; any other text fetches nothing.

        Raises:
            Malformed: the body is not a collection of change notifications.
            Unavailable: nothing could be published or parked in time; Graph has to send it again.
            Misconfigured: nothing could be published or parked until a setting or role is corrected.
        """
        collection = ChangeNotificationCollection.from_json(body)
        received, tokens = len(collection.value), collection.validation_tokens
        authentic, dropped = partition(collection.value, self._authenticate)
        if not authentic:
            return Receipt(received=received, rejected=_counts(dropped))
        in_time = deadline.less(_FOR_PARKING)
        # Any other text in the URL means nothing, and could not be stored in a blob's metadata.
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
        """Return how many events were published, and the items that were quarantined, by reason."""
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
        """Return the events to publish, and the items that are rejected for good, by reason."""
        covered = self._covered_tenants(post, items)
        fetched = self._fetch(post, items)

        def event_of(numbered: tuple[int, AuthenticNotification]) -> CloudEvent:
            # Thousands of items take seconds to decrypt.
            post.deadline.raise_if_passed()
            # Ids may contain the ordinal, so it must not depend on which of the other items can be opened.
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
        """Return the tenants whose resource data may be trusted: none when any token of the POST is bad."""
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
        """Return the resources that were left out, by the ordinals of their items; Malformed for a path to nowhere."""
        if post.fetch is None:
            return {}
        locations = {
            ordinal: _location(item, post.fetch)
            for ordinal, item in enumerate(items)
            if item.lifecycle_event is None and item.encrypted_content is None
        }
        # What several items name is read once: Graph allows one GET a second per chat.
        distinct = {location for location in locations.values() if isinstance(location, ResourceLocation)}
        found = self.fetch_resources(distinct, post.deadline) if distinct else {}
        return {ordinal: found[at] if isinstance(at, ResourceLocation) else at for ordinal, at in locations.items()}

    def _decrypt(
        self, item: AuthenticNotification, covered: frozenset[str], deadline: Deadline
    ) -> ResourceContent | None:
        """Return the resource that comes with the item; None where it comes without."""
        encrypted = item.encrypted_content
        if encrypted is None:
            return None
        if item.tenant_id not in covered:
            raise InvalidValidationToken("no valid validation token of the item's tenant")
        return decrypt(encrypted, self.private_key(encrypted.encryption_certificate_id, deadline))

    def _quarantine(self, post: _Post, reason: str, items: Sequence[AuthenticNotification]) -> None:
        if self.quarantine is None:
            return
        try:
            body = to_json(items, post.tokens)
        except RecursionError:
            body = post.body
        self.quarantine(body, _stored(post, reason), post.deadline)

    def _park(self, post: _Post, problem: Problem, deadline: Deadline) -> None:
        """Store the whole body; raise the problem where there is no place for it."""
        if self.park is None:
            raise problem
        reason = "misconfigured" if isinstance(problem, Misconfigured) else "unavailable"
        self.park(post.body, _stored(post, reason), deadline)


def partition[S, T](items: Iterable[S], step: Callable[[S], T]) -> tuple[list[T], dict[str, list[S]]]:
    """Return what ``step`` makes of each item that it accepts, and the items that it rejects, by reason."""
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
