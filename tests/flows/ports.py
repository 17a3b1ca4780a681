"""What a test puts between a run and Graph: the real client, and something that happens in the middle of the run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.graph.subscription import GraphSubscription
from shared.subscriptions.apply import SubscriptionsApi


@dataclass(frozen=True, kw_only=True)
class AfterListing:
    """Graph, where ``happens`` after each list of subscriptions, which is then out of date."""

    graph: SubscriptionsApi
    happens: Callable[[], None]

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        listed = list(self.graph.list_subscriptions())
        self.happens()
        return listed

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        return self.graph.create_subscription(properties, beta=beta)

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        return self.graph.update_subscription(subscription_id, properties, beta=beta)

    def delete_subscription(self, subscription_id: str) -> None:
        self.graph.delete_subscription(subscription_id)
