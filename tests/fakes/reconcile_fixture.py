"""Two tenants, what is wanted in both, and runs of the timer over them."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from shared.identity.certificates import Certificate
from shared.notifications.probe import Verdict
from shared.settings import ClientStateKey
from shared.subscriptions.delivery import EndpointAnswer
from shared.subscriptions.desired import DesiredSubscription, desired_from_json
from shared.subscriptions.reconcile import Account, Reconciler
from shared.subscriptions.tracked import TrackedSubscription
from tests.fakes.calls import Calls
from tests.fakes.clocks import SettableClock
from tests.fakes.graph_account import FakeGraphAccount
from tests.fakes.graph_sender import key_pair
from tests.fakes.subscription_table import InMemorySubscriptionTable
from tests.fakes.subscription_values import URL
from tests.sender import OTHER_TENANT, STATE_KEY, TENANT

RICH = {"resource": "/chats/getAllMessages", "changeType": "created,updated", "includeResourceData": True}
BASIC = {"resource": "/teams", "changeType": "created"}


@cache
def certificate(version: str = "c1") -> Certificate:
    key, public = key_pair()
    return Certificate(version=version, certificate=public, private_key=key)


class ReconcileFixture:
    """``after`` moves the clock before a run; ``certificate`` is what the vault answers, None without a certificate."""

    def __init__(self, *entries: Mapping[str, Any], tenants: Sequence[str] = (TENANT, OTHER_TENANT)) -> None:
        self.clock, self.calls = SettableClock(), Calls()
        self.graphs = {tenant: FakeGraphAccount(self.clock, self.calls) for tenant in tenants}
        self.table = InMemorySubscriptionTable(self.calls)
        self.desired: Sequence[DesiredSubscription] = ()
        self.key = STATE_KEY
        self.other_keys = list[ClientStateKey]()
        self.url = URL
        self.verdict = Verdict.YES
        self.certificate: Callable[[], Certificate] | None = certificate
        self._nonces = itertools.count()
        self.want(*entries)

    def want(self, *entries: Mapping[str, Any]) -> None:
        self.desired = desired_from_json({"subscriptions": list(entries)}, tenant_ids=list(self.graphs))

    def run(self, after: timedelta = timedelta(0), *, force: bool = False) -> Mapping[str, int]:
        self.clock.pass_by(after)
        return dict(self.reconciler().run(force=force))

    def reconciler(self) -> Reconciler:
        return Reconciler(
            desired=self.desired,
            accounts=[Account(tenant_id=id_, delegated=False, api=graph) for id_, graph in self.graphs.items()],
            subscription_table=self.table,
            client_state_key=self.key,
            notification_url=self.url,
            lifetime=timedelta(days=3),
            renew_after=timedelta(minutes=30),
            certificate=self.certificate,
            nonce=lambda: next(self._nonces).to_bytes(16),
            clock=self.clock,
            endpoint=lambda: EndpointAnswer(url=URL, verdict=self.verdict, asked_at=self.clock.now()),
            other_client_state_keys=self.other_keys,
        )

    @property
    def graph(self) -> FakeGraphAccount:
        """The first tenant's."""
        return self.graphs[TENANT]

    def sent(self) -> list[Mapping[str, Any]]:
        return [properties for graph in self.graphs.values() for properties in graph.sent]

    def row(self, resource: str, tenant_id: str = TENANT) -> TrackedSubscription:
        found = [row for row in self.table.tracked() if row.desired.resource == resource]
        return next(row for row in found if row.desired.tenant_id == tenant_id)

    def assert_settled(self) -> None:
        """Hold the table and Graph against what is wanted: each once at Graph, each known by its row."""
        for tenant_id, graph in self.graphs.items():
            wanted = [each for each in self.desired if each.tenant_id == tenant_id]
            rows = [row for row in self.table.tracked() if row.desired.tenant_id == tenant_id]
            assert graph.resources() == sorted(each.resource for each in wanted)
            assert sorted(row.desired.resource for row in rows) == graph.resources()
            assert {row.applied.subscription_id for row in rows if row.applied} == graph.stored.keys()
