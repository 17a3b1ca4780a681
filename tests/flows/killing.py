"""A run that is killed right after one of its calls to the outside, or that never hears the answer to one of them."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.errors import Unavailable
from shared.graph.subscription import GraphSubscription
from shared.subscriptions.apply import SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.tracked import AccountStatus, TenantState, TrackedSubscription


class Killed(BaseException):
    """The process has ended; nothing in the app may catch it."""


@dataclass(kw_only=True)
class Fate:
    """Strikes at a run's n-th call: it is carried out, but its answer is not heard.

    With ``kills`` the run ends there, as the host ends one at the end of its patience; else it goes on.
    """

    strikes_at: int
    kills: bool
    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def calling[T](self, call: Callable[[], T]) -> T:
        """Return what ``call`` does.

        Raises:
            Killed: the run is over.
            Unavailable: the answer is lost.
        """
        with self.lock:
            self.calls += 1
            number = self.calls
        if self.kills and number > self.strikes_at:
            raise Killed
        result = call()
        if number == self.strikes_at:
            raise Killed if self.kills else Unavailable("no answer")
        return result


@dataclass(frozen=True, kw_only=True)
class FatedGraph:
    """A client of Graph in a run that has a fate."""

    graph: SubscriptionsApi
    fate: Fate

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        return self.fate.calling(lambda: list(self.graph.list_subscriptions()))

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        return self.fate.calling(lambda: self.graph.create_subscription(properties, beta=beta))

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        return self.fate.calling(lambda: self.graph.update_subscription(subscription_id, properties, beta=beta))

    def delete_subscription(self, subscription_id: str) -> None:
        self.fate.calling(lambda: self.graph.delete_subscription(subscription_id))


@dataclass(frozen=True, kw_only=True)
class FatedTable:
    """A client of the table in a run that has a fate."""

    table: TrackedSubscriptions
    fate: Fate

    def load(self, tenant_id: str) -> TenantState:
        return self.fate.calling(lambda: self.table.load(tenant_id))

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        return self.fate.calling(lambda: self.table.save(row))

    def delete(self, row: TrackedSubscription) -> None:
        self.fate.calling(lambda: self.table.delete(row))

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        self.fate.calling(lambda: self.table.delete_activity(tenant_id, subscription_id))
