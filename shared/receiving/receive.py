"""The flow of one POST from Graph: what becomes of each of its items.

The order is law. An item that is not ours is counted and dropped: it never reaches Key Vault, Graph, storage or the
log. An authentic item is never lost: it is published, parked or in quarantine, or the POST fails and Graph sends it
again. Trouble with one item, tenant, chat or certificate delays no other one.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks and
https://learn.microsoft.com/graph/change-notifications-with-resource-data
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Lock

from shared.errors import EndpointProbe, TenantNotServed, Unavailable
from shared.graph.location import api_version
from shared.limits import ConcurrencyLimiter
from shared.notifications.client_state import AuthenticItem, authenticate, possible_keys
from shared.notifications.collection import ChangeNotificationCollection
from shared.notifications.probe import is_probe
from shared.receiving.item_publisher import ItemProblem, ItemPublisher, Post
from shared.receiving.post_store import StoredPost
from shared.receiving.storing import counts_by_reason, parked_groups, quarantined_items
from shared.settings import ClientStateKey
from shared.timing import Deadline

# Time reserved for storing what cannot be published.
_FOR_STORING = timedelta(seconds=0.7)
# Parsing takes twice the memory of a body and more, so large ones are processed one at a time.
_LARGE_BODY = 256 * 1024
_TENANTS_AT_ONCE = 16

type StoredPosts = Sequence[tuple[StoredPost, bytes]]
type Store = Callable[[StoredPosts, Deadline], object]
"""Stores bodies, and returns once all are stored; raises Unavailable or Misconfigured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a POST; ``problems``: why items that are ours were not published, by position."""

    received: int
    dropped: int
    published: int
    problems: Mapping[int, ItemProblem] = field(default_factory=dict)

    @property
    def parked(self) -> Mapping[str, int]:
        """How many items are parked, by reason."""
        return counts_by_reason(self.problems, rejected=False)

    @property
    def quarantined(self) -> Mapping[str, int]:
        """How many items are in quarantine, by reason."""
        return counts_by_reason(self.problems, rejected=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Receives POSTs. ``park`` and ``quarantine`` store items; ``limiter`` bounds how much is processed at once.

    A POST takes a slot for each of its tenants. The items of a tenant that gets none are parked.
    """

    tenant_ids: tuple[str, ...]
    client_state_keys: tuple[ClientStateKey, ...]
    publisher: ItemPublisher
    park: Store
    quarantine: Store
    limiter: ConcurrencyLimiter
    _tenants: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_TENANTS_AT_ONCE, thread_name_prefix="tenants"), init=False
    )
    _large: Lock = field(default_factory=Lock, init=False)

    def receive(self, body: bytes, *, received_at: datetime, deadline: Deadline, fetch: str | None = None) -> Receipt:
        """Publish, park or quarantine every item of ``body`` that is ours.

        ``fetch``: the version of Graph's API to read missing resources from; any other text fetches nothing.

        Raises:
            Malformed: the body is not a collection of change notifications.
            Unavailable, Misconfigured: an item could be neither published nor stored; Graph has to send the POST again.
        """
        with self._room_for(body):
            length, post = self.open(body, received_at=received_at, fetch=fetch)
            problems = self.process(post, deadline.less(_FOR_STORING))
            self.store(parked_groups(post, problems), quarantined_items(post, problems), deadline)
        return _receipt(length, post, problems)

    @contextmanager
    def _room_for(self, body: bytes) -> Iterator[None]:
        if len(body) <= _LARGE_BODY:
            yield
            return
        if not self._large.acquire(blocking=False):
            raise Unavailable("another large body is being processed")
        try:
            yield
        finally:
            self._large.release()

    def open(
        self, body: bytes, *, received_at: datetime, fetch: str | None, age: timedelta = timedelta(0)
    ) -> tuple[int, Post]:
        """Return how many items ``body`` has, and a POST of those that are ours; ``age``: how long it was stored.

        Raises:
            Malformed: the body is not a collection of change notifications.
        """
        collection = ChangeNotificationCollection.from_json(body)
        keys = possible_keys(body, keys=self.client_state_keys)
        items = {}
        for position, item in zip(collection.positions, collection.value, strict=True):
            if (authentic := authenticate(item, keys=keys)) is not None:
                items[position] = authentic
        post = Post(
            items=items,
            tokens=collection.validation_tokens,
            received_at=received_at,
            # Arbitrary text from the URL could not be stored in a blob's metadata.
            fetch=api_version(fetch),
            age=age,
        )
        return len(collection.value), post

    def process(self, post: Post, deadline: Deadline) -> Mapping[int, ItemProblem]:
        """Return why items were not published, by position."""
        by_tenant: dict[str, dict[int, AuthenticItem]] = {}
        probes: dict[int, ItemProblem] = {}
        for position, item in post.items.items():
            if is_probe(item.raw):
                probes[position] = EndpointProbe("the app calls its own URL")
            else:
                by_tenant.setdefault(item.tenant_id, {})[position] = item
        if len(by_tenant) <= 1:
            found = [self._process_tenant(*each, post, deadline) for each in by_tenant.items()]
        else:
            running = [
                (items, self._tenants.submit(self._process_tenant, tenant_id, items, post, deadline))
                for tenant_id, items in by_tenant.items()
            ]
            found = [_problems_of(items, partial(deadline.result_of, future)) for items, future in running]
        return probes | {position: problem for problems in found for position, problem in problems.items()}

    def store(self, parked: StoredPosts, quarantined: StoredPosts, deadline: Deadline) -> None:
        """Store what cannot be published; raises as ``Store``."""
        if quarantined:
            self.quarantine(quarantined, deadline)
        if parked:
            self.park(parked, deadline)

    def _process_tenant(
        self, tenant_id: str, items: Mapping[int, AuthenticItem], post: Post, deadline: Deadline
    ) -> Mapping[int, ItemProblem]:
        if tenant_id not in self.tenant_ids:
            problem = TenantNotServed(f"tenant {tenant_id} is not in TENANT_IDS: add it, or delete its subscriptions")
            return dict.fromkeys(items, problem)

        def publish() -> Mapping[int, ItemProblem]:
            with self.limiter.slot(tenant_id) as slot:
                problems = self.publisher.publish(items, post, deadline)
                slot.has_failed = any(isinstance(problem, Unavailable) for problem in problems.values())
                return problems

        return _problems_of(items, publish)


def _receipt(length: int, post: Post, problems: Mapping[int, ItemProblem]) -> Receipt:
    """Return what became of a POST with ``length`` items. The app's own probes do not count."""
    others = {position: problem for position, problem in problems.items() if not isinstance(problem, EndpointProbe)}
    probes, ours = len(problems) - len(others), len(post.items)
    return Receipt(
        received=length - probes, dropped=length - ours, published=ours - probes - len(others), problems=others
    )


def _problems_of(
    items: Mapping[int, AuthenticItem], process: Callable[[], Mapping[int, ItemProblem]]
) -> Mapping[int, ItemProblem]:
    """Return the problems of ``items``: that of all of them if they could not be processed in time."""
    try:
        return process()
    except Unavailable as problem:
        return dict.fromkeys(items, problem)
