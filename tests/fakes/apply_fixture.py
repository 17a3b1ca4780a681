"""One account, its table and one subscription, to apply actions to."""

from dataclasses import replace
from datetime import timedelta

from shared.errors import Problem
from shared.graph.subscription import GraphSubscription
from shared.identity.certificates import Certificate
from shared.subscriptions.apply import Applier
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.requests import SubscriptionRequests
from shared.subscriptions.tracked import (
    Action,
    AppliedSubscription,
    Create,
    Delete,
    MissedInterval,
    TrackedSubscription,
    Update,
    UpdateKind,
)
from tests.fakes.calls import Calls
from tests.fakes.clocks import SettableClock
from tests.fakes.graph_account import FakeGraphAccount
from tests.fakes.subscription_table import InMemorySubscriptionTable
from tests.fakes.subscription_values import HOUR, NOW, POLICY, WANTED
from tests.sender import NONCE, STATE_KEY

EXPIRATION = NOW + timedelta(days=2)
BASIC = replace(WANTED, resource="/teams", include_resource_data=False)


def creation(desired: DesiredSubscription = BASIC, gap: MissedInterval | None = None) -> Create:
    return Create(tracked=TrackedSubscription(desired=desired), expiration=EXPIRATION, missed_interval=gap)


class ApplyFixture:
    """``certificate`` is the current one; ``paced`` counts the writes that waited for the rate limit."""

    def __init__(self, certificate: Certificate | Problem | None = None) -> None:
        self.clock, self.calls, self.paced = SettableClock(), Calls(), 0
        self.graph, self.table = FakeGraphAccount(self.clock, self.calls), InMemorySubscriptionTable(self.calls)
        policy = replace(POLICY, client_state_key_id=STATE_KEY.key_id, other_key_ids=(), certificate_id=None)
        self.requests = SubscriptionRequests(
            api=self.graph,
            policy=policy,
            client_state_key=STATE_KEY,
            certificate=certificate,
            nonce=lambda: NONCE,
            wait_to_write=self._pace,
            now=self.clock.now,
        )
        self.applier = Applier(
            requests=self.requests,
            subscription_table=self.table,
            policy=policy,
            list_again=self.graph.list_subscriptions,
            now=self.clock.now,
        )

    def _pace(self) -> None:
        self.paced += 1

    def apply(self, action: Action, *, certificate: Certificate | Problem | None = None) -> Problem | None:
        """Apply an action, with another certificate if there is one."""
        requests = replace(self.requests, certificate=certificate or self.requests.certificate)
        return replace(self.applier, requests=requests).apply_action(action)

    @property
    def row(self) -> TrackedSubscription:
        (row,) = self.table.tracked()
        return row

    @property
    def observed(self) -> AppliedSubscription:
        assert self.row.applied is not None
        return self.row.applied

    @property
    def listed(self) -> GraphSubscription:
        (listed,) = self.graph.list_subscriptions()
        return listed

    def created(self, desired: DesiredSubscription = BASIC) -> TrackedSubscription:
        assert self.apply(creation(desired)) is None
        self.calls.made.clear()
        return self.row

    def update(self, kind: UpdateKind = UpdateKind.RENEW) -> Update:
        listed = self.listed
        self.calls.made.clear()
        return Update(kind=kind, tracked=self.row, subscription=listed, expiration=EXPIRATION + HOUR)

    def deletion(self) -> Delete:
        update = self.update()
        return Delete(tracked=update.tracked, subscription=update.subscription)
