"""Clients of Graph and of the table that hand each call to an interceptor, and one that ends the process in a call."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from shared.errors import Unavailable
from shared.graph.subscription import GraphSubscription
from shared.subscriptions.ports import SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.tracked import AccountStatus, TenantState, TrackedSubscription
from tests.fakes.calls import Killed


class Interceptor(Protocol):
    """Returns what a call returns, or raises."""

    def __call__[T](self, call: Callable[[], T], /) -> T: ...


@dataclass(frozen=True, kw_only=True)
class InterceptedGraph:
    """A client of Graph's subscriptions."""

    graph: SubscriptionsApi
    intercept: Interceptor

    def token_expires_at(self) -> datetime:
        return self.graph.token_expires_at()

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        return self.intercept(lambda: list(self.graph.list_subscriptions()))

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        return self.intercept(lambda: self.graph.create_subscription(properties, beta=beta))

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        return self.intercept(lambda: self.graph.update_subscription(subscription_id, properties, beta=beta))

    def get_subscription(self, subscription_id: str, *, beta: bool) -> GraphSubscription:
        return self.intercept(lambda: self.graph.get_subscription(subscription_id, beta=beta))

    def delete_subscription(self, subscription_id: str) -> None:
        self.intercept(lambda: self.graph.delete_subscription(subscription_id))


@dataclass(frozen=True, kw_only=True)
class InterceptedTable:
    """A client of the table of subscriptions."""

    table: TrackedSubscriptions
    intercept: Interceptor

    def load(self, tenant_id: str) -> TenantState:
        return self.intercept(lambda: self.table.load(tenant_id))

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        return self.intercept(lambda: self.table.save(row))

    def delete(self, row: TrackedSubscription) -> None:
        self.intercept(lambda: self.table.delete(row))

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        self.intercept(lambda: self.table.delete_activity(tenant_id, subscription_id))


@dataclass(kw_only=True)
class LostAnswer:
    """Carries out the call with number ``at``, but loses its answer; if it ``kills``, the process ends there."""

    at: int
    kills: bool
    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def intercept[T](self, call: Callable[[], T], /) -> T:
        """Return what ``call`` returns.

        Raises:
            Killed: the process has ended.
            Unavailable: the answer is lost.
        """
        with self.lock:
            self.calls += 1
            number = self.calls
        if self.kills and number > self.at:
            raise Killed
        result = call()
        if number == self.at:
            raise Killed if self.kills else Unavailable("no answer")
        return result
