"""How authentic items of one tenant become events, each by itself: what fails for one item is no matter of the others.

Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.errors import Expired, InvalidValidationToken, NotFound, NotFoundYet, Pending, Rejected
from shared.events.cloud_events import CloudEvent, change_event, lifecycle_event
from shared.graph.location import ApiVersion, ResourceLocation
from shared.notifications.client_state import AuthenticItem, AuthenticNotification, notification_in
from shared.notifications.decryption import ResourceContent, decrypt, unwrap_key
from shared.notifications.validation_tokens import SigningKey, ValidationTokens, Vouchers
from shared.timing import Deadline, utc_time

# Graph retries for 4 hours, and a notification may come an hour late. What is older than both is a copy.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_MAX_AGE_AFTER_EXPIRATION = timedelta(hours=6)
# What was created a moment ago may not be readable yet. After this time, it was created and has been deleted since.
_MAY_APPEAR_FOR = timedelta(minutes=5)

type ItemProblem = Pending | Rejected
"""Why an item is not published: it is parked, or goes to the quarantine."""

type Fetched = Mapping[ResourceLocation, ResourceContent | NotFound | ItemProblem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The items of a POST that are ours, by position, and what they share.

    ``fetch``: the version of Graph's API to fetch resources from. ``age``: how long the POST has been stored.
    """

    items: Mapping[int, AuthenticItem]
    tokens: Sequence[str] = field(repr=False)
    received_at: datetime
    fetch: ApiVersion | None
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPublisher:
    """Publishes items. Every port ends by the deadline it is given, and raises Unavailable if it cannot finish by then.

    ``record_activity`` records heartbeats and lifecycle notifications. ``signing_key`` raises InvalidValidationToken,
    and ``private_key`` UnknownCertificate, if the key does not exist. ``fetch_resources`` returns each resource, or why
    it cannot be read. ``publish`` returns once every event is stored.
    """

    client_id: str
    validation_tokens: ValidationTokens
    record_activity: Callable[[Sequence[AuthenticNotification], datetime, Deadline], None]
    signing_key: Callable[[str, Deadline], SigningKey]
    private_key: Callable[[str, Deadline], RSAPrivateKey]
    fetch_resources: Callable[[Collection[ResourceLocation], Deadline], Fetched]
    publish_events: Callable[[Sequence[CloudEvent], Deadline], object]

    def publish(self, items: Mapping[int, AuthenticItem], post: Post, deadline: Deadline) -> Mapping[int, ItemProblem]:
        """Publish the events of ``items``, which are all of one tenant; return why some were not, by position."""
        return _Publication(publisher=self, post=post, deadline=deadline).run(items)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publication:
    """One call of ``publish``, with the problems that it has found."""

    publisher: ItemPublisher
    post: Post
    deadline: Deadline
    problems: dict[int, ItemProblem] = field(default_factory=dict)

    def run(self, items: Mapping[int, AuthenticItem]) -> Mapping[int, ItemProblem]:
        # Every item is decided before the first is published, so that as little as possible is published twice.
        notifications = self._each(items, self._notification)
        notifications = self._record_activity(notifications)
        vouchers = self._vouchers(notifications)
        fetched = self._fetch(notifications)
        # All keys come first: unwrapping one takes longest, and leaves the processor's caches empty for other steps.
        keys = self._keys(notifications, vouchers)
        ready = {at: item for at, item in notifications.items() if at not in self.problems}
        events = self._each(ready, lambda at, item: self._event(at, item, keys.get(at), fetched.get(at)))
        if events:
            self._all(events, lambda: self.publisher.publish_events(list(events.values()), self.deadline))
        return self.problems

    def _each[S, T](self, values: Mapping[int, S], step: Callable[[int, S], T]) -> dict[int, T]:
        """Return the results of ``step`` by position; record the problem of each item that has one."""
        results: dict[int, T] = {}
        for position, value in values.items():
            try:
                results[position] = step(position, value)
            except (Pending, Rejected) as problem:
                self.problems[position] = problem
        return results

    def _all(self, positions: Collection[int], step: Callable[[], object]) -> None:
        """Run ``step``; if it fails, record its problem for all of ``positions``."""
        try:
            step()
        except (Pending, Rejected) as problem:
            self.problems.update(dict.fromkeys(positions, problem))

    def _notification(self, _position: int, item: AuthenticItem) -> AuthenticNotification:
        notification = notification_in(item)
        if _had_expired(notification, self.post.received_at - _MAX_AGE_AFTER_EXPIRATION):
            raise Expired("a copy: its subscription had expired hours before it arrived")
        return notification

    def _record_activity(self, notifications: Mapping[int, AuthenticNotification]) -> dict[int, AuthenticNotification]:
        """Return the notifications without those whose activity could not be recorded; changes need no record."""
        record, post = self.publisher.record_activity, self.post
        changes = {at: item for at, item in notifications.items() if item.lifecycle_event is None}
        lifecycle = {at: item for at, item in notifications.items() if item.lifecycle_event is not None}
        # What was stored says nothing about the subscription as it is now.
        if changes and not post.age:
            record(list(changes.values()), post.received_at, self.deadline)
        if lifecycle:
            self._all(lifecycle, lambda: record(list(lifecycle.values()), post.received_at, self.deadline))
        return {at: item for at, item in notifications.items() if at not in self.problems}

    def _vouchers(self, notifications: Mapping[int, AuthenticNotification]) -> Vouchers:
        if not any(item.encrypted_content for item in notifications.values()):
            return Vouchers()
        return self.publisher.validation_tokens.judge(
            self.post.tokens,
            received_at=self.post.received_at,
            signing_key=lambda key_id: self.publisher.signing_key(key_id, self.deadline),
        )

    def _fetch(
        self, notifications: Mapping[int, AuthenticNotification]
    ) -> Mapping[int, ResourceContent | NotFound | ItemProblem]:
        """Return the resources fetched for items that arrived without one, by position."""
        version = self.post.fetch
        if version is None:
            return {}
        without_content = {
            at: item
            for at, item in notifications.items()
            if item.lifecycle_event is None and item.encrypted_content is None
        }
        locations = self._each(without_content, lambda _at, item: ResourceLocation.from_notification(item, version))
        # Read a resource once, even if several items name it: Graph allows one GET a second per chat.
        found = self.publisher.fetch_resources(set(locations.values()), self.deadline) if locations else {}
        return {position: found[location] for position, location in locations.items()}

    def _keys(self, notifications: Mapping[int, AuthenticNotification], vouchers: Vouchers) -> Mapping[int, bytes]:
        """Return the unwrapped keys of the items that arrived with a resource, by position."""

        def key_of(_position: int, notification: AuthenticNotification) -> bytes | None:
            encrypted = notification.encrypted_content
            if encrypted is None or notification.lifecycle_event is not None:
                return None
            # Thousands of items take seconds to decrypt.
            self.deadline.raise_if_passed()
            if notification.tenant_id not in vouchers.tenant_ids:
                raise vouchers.problem or InvalidValidationToken("no valid validation token for the item's tenant")
            return unwrap_key(encrypted, self.publisher.private_key(encrypted.encryption_certificate_id, self.deadline))

        return {at: key for at, key in self._each(notifications, key_of).items() if key is not None}

    def _event(
        self,
        position: int,
        notification: AuthenticNotification,
        key: bytes | None,
        fetched: ResourceContent | NotFound | ItemProblem | None,
    ) -> CloudEvent:
        self.deadline.raise_if_passed()
        client_id, received_at = self.publisher.client_id, self.post.received_at
        if notification.lifecycle_event is not None:
            return lifecycle_event(notification, client_id=client_id, received_at=received_at)
        if isinstance(fetched, Pending | Rejected):
            raise fetched
        if isinstance(fetched, NotFound) and notification.change_type == "created" and self.post.age < _MAY_APPEAR_FOR:
            raise NotFoundYet("Graph does not show yet what was created a moment ago")
        encrypted = notification.encrypted_content
        found = fetched if encrypted is None or key is None else decrypt(encrypted, key)
        return change_event(notification, found, client_id=client_id, received_at=received_at, ordinal=position)


def _had_expired(notification: AuthenticNotification, moment: datetime) -> bool:
    try:
        return utc_time(notification.subscription_expiration) < moment
    except ValueError:
        return False
