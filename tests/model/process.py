"""One process of the app: its receiver and its timer, wired as ``shared.app`` wires them, over stores in memory."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.errors import Malformed, Misconfigured, Problem, Unavailable, UnknownCertificate
from shared.events.cloud_events import CloudEvent
from shared.events.publish_once import PublicationRecords, PublishOnce
from shared.gaps.catch_up import CatchUp
from shared.gaps.gap_recorder import MissedChangesRecorder
from shared.gaps.snapshot_recorder import SnapshotRecorder
from shared.gaps.turns import GraphLists
from shared.graph.location import ResourceLocation
from shared.limits import ConcurrencyLimiter
from shared.notifications.client_state import AuthenticNotification
from shared.notifications.decryption import ResourceContent
from shared.notifications.validation_tokens import ValidationTokens
from shared.receiving.item_publisher import ItemPublisher
from shared.receiving.quarantine import Quarantine
from shared.receiving.receive import Receiver, Store
from shared.receiving.redrive import Redriver, StoredPosts
from shared.receiving.resource_reader import RateLimitedReader, ResourceReader
from shared.settings import ClientStateKey
from shared.subscriptions.activity import ActivityRecorder
from shared.subscriptions.delivery import EndpointAnswer
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.outages import Outages
from shared.subscriptions.ports import GapRecorder, SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.reconcile import Account, Reconciler
from shared.timing import Clock, Deadline
from tests.fakes.executors import InlineExecutor
from tests.fakes.graph_sender import AUDIENCE, CERTIFICATE_ID, key_pair, published_key
from tests.fakes.reconcile_fixture import certificate
from tests.fakes.subscription_values import URL
from tests.model.stores import Storage
from tests.sender import CLIENT_ID, PREVIOUS_STATE_KEY, STATE_KEY, TENANT

WINDOW = timedelta(hours=4)
_SLICE = timedelta(minutes=1)


@dataclass(kw_only=True)
class Ports:
    """What a process is given of the world outside; a mutant puts its own in place of one."""

    clock: Clock
    own_now: Callable[[], datetime]
    storage: Storage
    table: TrackedSubscriptions
    records: PublicationRecords
    parked: StoredPosts
    park: Store
    graph: SubscriptionsApi
    lists: GraphLists
    get: Callable[[ResourceLocation], ResourceContent]
    sink: Callable[[Sequence[CloudEvent], Deadline, Callable[[CloudEvent], None]], None]
    vault: Callable[[], None]
    endpoint: Callable[[], EndpointAnswer]
    gap_recorder: GapRecorder
    period: timedelta
    tagged: Callable[[Sequence[CloudEvent]], Sequence[CloudEvent]] = list
    redrives: bool = True


@dataclass(kw_only=True)
class Process:
    """A process with its memory; a new one has none. ``keys``: the first signs client states."""

    ports: Ports
    desired: Sequence[DesiredSubscription]
    keys: Sequence[ClientStateKey] = (STATE_KEY, PREVIOUS_STATE_KEY)
    once: PublishOnce = field(init=False)
    receiver: Receiver = field(init=False)
    _nonces: Iterator[int] = field(default_factory=itertools.count)
    _paused_until: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ports = self.ports
        self.once = PublishOnce(ports.records, ports.sink, window=WINDOW, now=ports.own_now)
        self._activity = ActivityRecorder(
            ports.storage.subscriptions.record_activity, monotonic=lambda: ports.own_now().timestamp()
        )
        self.receiver = self._receiver(ResourceReader(ports.get))

    def _publish(
        self, events: Sequence[CloudEvent], deadline: Deadline, *, is_live: bool = True
    ) -> Sequence[CloudEvent]:
        return self.once.publish(self.ports.tagged(events), deadline, is_live=is_live)

    def _receiver(self, reader: ResourceReader | RateLimitedReader, *, is_live: bool = True) -> Receiver:
        ports = self.ports
        snapshots = SnapshotRecorder(partial(self._publish, is_live=is_live), ports.storage.snapshot.record)
        quarantine = Quarantine(
            store=ports.storage.quarantine, publish=snapshots.publish, client_id=CLIENT_ID, now=ports.own_now
        )
        publisher = ItemPublisher(
            client_id=CLIENT_ID,
            validation_tokens=ValidationTokens(AUDIENCE),
            record_activity=self._record_activity,
            signing_key=published_key,
            private_key=self._private_key,
            fetch_resources=reader.read,
            publish_events=snapshots.publish,
        )
        return Receiver(
            tenant_ids=(TENANT,),
            client_state_keys=tuple(self.keys),
            publisher=publisher,
            park=ports.park,
            quarantine=quarantine.add,
            limiter=ConcurrencyLimiter(8),
        )

    def _record_activity(self, items: Sequence[AuthenticNotification], at: datetime, deadline: Deadline) -> None:
        # Heartbeats are written in the background: they would make the order of calls a matter of chance.
        for item in items:
            if item.lifecycle_event is None:
                with suppress(Problem):
                    table = self.ports.storage.subscriptions
                    table.record_activity(item.tenant_id, item.subscription_id, None, at)
        self._activity.record([item for item in items if item.lifecycle_event is not None], at, deadline)

    def _private_key(self, certificate_id: str, _deadline: Deadline) -> RSAPrivateKey:
        self.ports.vault()
        if certificate_id != CERTIFICATE_ID:
            raise UnknownCertificate("no such version")
        return key_pair()[0]

    def post(self, body: bytes, *, received_at: datetime, fetch: str | None) -> bool:
        """Return whether the answer to a POST is 202."""
        deadline = Deadline.after(timedelta(seconds=30))
        try:
            with self.once.writer.invocation():
                self.receiver.receive(body, received_at=received_at, deadline=deadline, fetch=fetch)
        except (Malformed, Unavailable, Misconfigured):
            return False
        finally:
            self._settle()
        return True

    def run(self) -> None:
        """Run the timer once, its steps one after the other; what fails is tried again by the next run."""
        try:
            with self.once.writer.invocation():
                endpoint = self.ports.endpoint()
                for step in self._steps(endpoint):
                    with suppress(Problem):
                        step()
        finally:
            self._settle()

    def _settle(self) -> None:
        """Wait for the records: here, the next POST comes later than a second, and so does the next run."""
        while not self.once.is_idle():
            time.sleep(0)

    # --- The timer

    def _steps(self, endpoint: EndpointAnswer) -> Iterator[Callable[[], object]]:
        yield self._reconciler(endpoint).run
        yield lambda: self._outages().record(endpoint, self.ports.period)
        if self.ports.redrives:
            yield lambda: self._redriver().run(self.ports.clock.now() + _SLICE)
        yield lambda: self._catch_up().run(self.ports.clock.now() + _SLICE)

    def _reconciler(self, endpoint: EndpointAnswer) -> Reconciler:
        return Reconciler(
            desired=self.desired,
            accounts=[Account(tenant_id=TENANT, delegated=False, api=self.ports.graph)],
            subscription_table=self.ports.table,
            client_state_key=self.keys[0],
            other_client_state_keys=self.keys[1:],
            notification_url=URL,
            lifetime=timedelta(days=3),
            renew_after=timedelta(minutes=30),
            certificate=partial(certificate, CERTIFICATE_ID),
            nonce=lambda: next(self._nonces).to_bytes(16),
            clock=self.ports.clock,
            endpoint=lambda: endpoint,
        )

    def _outages(self) -> Outages:
        return Outages(tenant_ids=[TENANT], subscription_table=self.ports.table, gap_recorder=self.ports.gap_recorder)

    def _redriver(self) -> Redriver:
        receiver = self._receiver(RateLimitedReader(self.ports.get, self.ports.clock), is_live=False)
        return Redriver(store=self.ports.parked, is_quarantine=False, receiver=receiver, now=self.ports.clock.now)

    def _catch_up(self) -> CatchUp:
        ports = self.ports
        return CatchUp(
            tenant_ids=[TENANT],
            client_id=CLIENT_ID,
            subscription_table=ports.table,
            gap_table=ports.storage.gaps,
            snapshot_table=ports.storage.snapshot,
            graph=lambda _tenant_id: ports.lists,
            pool=InlineExecutor(),
            publish=partial(self.once.publish, require_lookup=True, is_live=False),
            publish_again=self._publish_again,
            is_parked=ports.storage.parked.has_older_than,
            clock=ports.clock,
            paused_until=self._paused_until,
        )

    def _publish_again(self, events: Sequence[CloudEvent], deadline: Deadline) -> None:
        self.ports.sink(events, deadline, lambda _event: None)


def recorder(storage: Storage) -> GapRecorder:
    """Return what records gaps."""
    return MissedChangesRecorder(gap_table=storage.gaps)
