"""The app in this process: its flows over the real clients, on the sandbox's clock instead of the real one."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from shared.app import renew_subscriptions
from shared.app.clients import Clients
from shared.app.receive_notification import receiver
from shared.errors import Malformed, Problem, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.gaps.snapshot_recorder import SnapshotRecorder
from shared.identity.certificates import Certificate
from shared.notifications.probe import Verdict
from shared.receiving.post_store import PROBE
from shared.receiving.receive import Receipt, Store, StoredPosts
from shared.settings import Settings
from shared.subscriptions.delivery import EndpointAnswer
from shared.subscriptions.desired import DesiredSubscription, desired_from_json
from shared.subscriptions.ports import SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.reconcile import Reconciler
from shared.subscriptions.subscription_table import TABLE
from shared.subscriptions.tracked import TenantState
from shared.timing import Deadline
from tests.sender import PREVIOUS_STATE_KEY_TEXT, STATE_KEY_TEXT

_LOG = logging.getLogger(__name__)

# Longer than the real one's, because a machine that runs two test suites at once is slow.
_BUDGET = timedelta(seconds=8)


class SandboxTime:
    """The sandbox's clock, with a skew of ``ahead``; to sleep is to move it forward."""

    def __init__(self, clock: Clock) -> None:
        self.ahead = timedelta()
        self._clock = clock
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._clock.now() + self.ahead

    def sleep_until(self, moment: datetime) -> None:
        # Two threads that sleep at the same time must not move it twice.
        with self._lock:
            self._clock.advance(max(timedelta(), moment - self.now()))


def _same[T](port: T) -> T:
    return port


def _leaving_to_graph(park: Store) -> Store:
    """Return what parks the app's own probes, and nothing else."""

    def park_probes(posts: StoredPosts, deadline: Deadline) -> object:
        if all(post.name == PROBE for post, _ in posts):
            return park(posts, deadline)
        raise Unavailable("nothing is parked here")

    return park_probes


@dataclass(kw_only=True)
class App:
    """The app; its operator changes ``environ``, and with ``entries`` its ``subscriptions.json``, between runs.

    ``around_graph`` and ``around_table`` wrap the clients of a run. ``fresh_for``: the app gets another token
    at half of one's lifetime, by the real clock; by the sandbox's, the clients are built again instead.
    ``parks``: what cannot be processed yet is stored, as in production; else it is left to Graph, which retries.
    """

    clock: Clock
    environ: dict[str, str]
    fresh_for: timedelta
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    around_graph: Callable[[SubscriptionsApi], SubscriptionsApi] = _same
    around_table: Callable[[TrackedSubscriptions], TrackedSubscriptions] = _same
    parks: bool = False
    published: list[CloudEvent] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.time = SandboxTime(self.clock)
        self._lock = threading.Lock()
        self._clients: Clients | None = None
        self._made_at = self.clock.now()
        self.publish_with(self._publish)

    def publish_with(self, publish: Callable[[Sequence[CloudEvent], Deadline], Sequence[CloudEvent] | None]) -> None:
        """Publish what is received and redriven in another way than into ``published``."""
        self._publisher = SnapshotRecorder(publish, lambda entry: self.clients.snapshot_table().record(entry))

    @property
    def settings(self) -> Settings:
        return Settings.from_environ(self.environ)

    @property
    def desired(self) -> Sequence[DesiredSubscription]:
        return desired_from_json({"subscriptions": self.entries}, tenant_ids=self.settings.tenant_ids)

    @property
    def clients(self) -> Clients:
        """The clients of the moment."""
        settings, now = self.settings, self.clock.now()
        with self._lock:
            if self._clients is None or self._clients.settings != settings or now - self._made_at >= self.fresh_for:
                self._clients = Clients(settings, clock=self.time)
                self._made_at = now
            return self._clients

    def restart(self) -> None:
        """Lose every cached token and key, as with the end of the process."""
        self._clients = None

    def rows(self, tenant_id: str) -> TenantState:
        return self.clients.subscription_table().load(tenant_id)

    def lose_table(self) -> None:
        """Delete the table of subscriptions."""
        self.clients.tables().delete_table(TABLE)

    def rotate_state_key(self) -> None:
        """Replace the key of client states, and accept the old one as the previous key."""
        self.environ |= {"CLIENT_STATE_KEY": PREVIOUS_STATE_KEY_TEXT, "CLIENT_STATE_KEY_PREVIOUS": STATE_KEY_TEXT}

    def run(self, reconciler: Reconciler | None = None, *, force: bool = False) -> Mapping[str, int]:
        """Run the timer's flow once; return its counts."""
        return (reconciler or self.reconciler()).run(force=force)

    def reconciler(self) -> Reconciler:
        """Return the flow that renews subscriptions, of the app alone: no user has signed in."""
        whole = renew_subscriptions.reconciler(self.clients)
        accounts = [account for account in whole.accounts if not account.delegated]
        return replace(
            whole,
            endpoint=self._endpoint_answers,
            desired=self.desired,
            accounts=[replace(account, api=self.around_graph(account.api)) for account in accounts],
            subscription_table=self.around_table(whole.subscription_table),
        )

    def _endpoint_answers(self) -> EndpointAnswer:
        """Return that the endpoint takes POSTs, without a call: a test that breaks it wants to see what Graph says."""
        return EndpointAnswer(url=self.settings.notification_url, verdict=Verdict.YES, asked_at=self.time.now())

    def redrive(self) -> Mapping[str, int]:
        """Publish what is parked; return the counts."""
        flow = renew_subscriptions.parked_redriver(self.clients)
        publisher = replace(flow.receiver.publisher, publish_events=self._publisher.publish)
        ends = self.time.now() + timedelta(minutes=1)
        return replace(flow, receiver=replace(flow.receiver, publisher=publisher)).run(ends)

    def certificate(self) -> Certificate:
        """Return the newest version of the encryption certificate."""
        return self.clients.certificate_versions(self.settings.encryption_certificate_name or "").current()

    def _publish(self, events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        self.published.extend(events)

    def receive(self, body: bytes, fetch: str | None) -> int:
        """Return the status for one of Graph's POSTs, as ReceiveNotification does."""
        deadline, received_at = Deadline.after(_BUDGET), self.time.now()
        whole = receiver(self.clients)
        publisher = replace(whole.publisher, publish_events=self._publisher.publish)
        park = whole.park if self.parks else _leaving_to_graph(whole.park)
        flow = replace(whole, publisher=publisher, quarantine=lambda *_: None, park=park)
        try:
            receipt = flow.receive(body, received_at=received_at, deadline=deadline, fetch=fetch)
        except Malformed:
            return 400
        except Problem as problem:
            _LOG.warning("refused for now: %s", problem)
            return 503
        self.receipts.append(receipt)
        return 202
