"""What becomes of a tenant that has left TENANT_IDS: nothing for a day, then it is cleaned up.

A typo in the setting is corrected by then, and what was parked meanwhile is published. Nothing is renewed in that time.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched
from typing import Protocol

from shared.app.clients import Clients
from shared.app.deployments import deployment
from shared.audit.audit_table import TABLE as AUDITS
from shared.errors import Misconfigured, NotFound, Problem, TenantNotServed
from shared.gaps.gap_table import TABLE as GAPS
from shared.gaps.snapshot_table import TABLE as SNAPSHOT
from shared.limits import OutOfTime
from shared.receiving.post_store import MAX_DELETIONS, PARKED, StoredPost
from shared.subscriptions.deployment_status import DeploymentStatus
from shared.subscriptions.ports import SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.subscription_table import TABLE as SUBSCRIPTIONS
from shared.table import Table

_LOG = logging.getLogger(__name__)

STAYS_FOR = timedelta(hours=24)


class ParkedPosts(Protocol):
    """The container ``parked``; raises Unavailable or Misconfigured if storage fails."""

    def list(self) -> Iterator[StoredPost]:
        """Return all stored POSTs."""
        ...

    def delete(self, posts: Sequence[StoredPost]) -> Mapping[str, Problem]:
        """Delete at most ``MAX_DELETIONS``, none that another run has claimed since; return why some stay, by name."""
        ...


@dataclass(slots=True, kw_only=True)
class DepartedTenants:
    """The step of one run. ``departed``: when each tenant left; ``graph``: Graph in a tenant, called as the app.

    ``forget_rows``: for each table, deletes the rows of a tenant and returns how many; ``end``: the tenant is gone.
    """

    departed: Mapping[str, datetime]
    notification_url: str
    graph: Callable[[str], SubscriptionsApi]
    subscription_table: TrackedSubscriptions
    parked: ParkedPosts
    forget_rows: Sequence[Callable[[str], int]]
    end: Callable[[str], None]
    now: Callable[[], datetime]
    _ended: set[str] = field(default_factory=set, init=False)

    def run(self, ends: datetime) -> Counter[str]:
        """Clean up after tenants that left a day ago, until ``ends``; return the counts of what was deleted."""
        counts: Counter[str] = Counter()
        due = [tenant_id for tenant_id, left_at in self.departed.items() if self.now() - left_at >= STAYS_FOR]
        for tenant_id in due:
            if tenant_id not in self._ended:
                self._clean_up(tenant_id, counts, ends)
        return counts

    def _clean_up(self, tenant_id: str, counts: Counter[str], ends: datetime) -> None:
        try:
            self._delete_subscriptions(tenant_id, counts, ends)
            self._delete_parked(tenant_id, counts, ends)
            # The rows go last: they say which subscriptions are the app's.
            counts["rows"] += sum(forget(tenant_id) for forget in self.forget_rows)
            self.end(tenant_id)
        except OutOfTime:
            return
        except Problem as problem:
            _LOG.warning("tenant %s left TENANT_IDS, and is not cleaned up yet: %s", tenant_id, problem)
            counts["failed"] += 1
            return
        self._ended.add(tenant_id)
        counts["tenants"] += 1
        _LOG.warning("tenant %s left TENANT_IDS a day ago: what was stored for it is deleted", tenant_id)

    def _delete_subscriptions(self, tenant_id: str, counts: Counter[str], ends: datetime) -> None:
        rows = self.subscription_table.load(tenant_id).tracked
        tracked = {row.applied.subscription_id for row in rows if row.applied}
        graph = self.graph(tenant_id)
        try:
            # Another deployment of this app registration may have subscriptions there, too.
            ours = [
                each.subscription_id
                for each in graph.list_subscriptions()
                if each.subscription_id in tracked or _without_query(each.notification_url) == self._url
            ]
            for subscription_id in ours:
                self._delete_subscription(graph, subscription_id, ends)
                counts["subscriptions"] += 1
        except Misconfigured as refusal:
            # Most tenants leave by withdrawing their consent.
            _LOG.warning(
                "tenant %s left TENANT_IDS; its subscriptions cannot be deleted, and end within three days: %s",
                tenant_id,
                refusal,
            )

    def _delete_subscription(self, graph: SubscriptionsApi, subscription_id: str, ends: datetime) -> None:
        self._raise_if_over(ends)
        try:
            graph.delete_subscription(subscription_id)
        except NotFound:
            return

    def _delete_parked(self, tenant_id: str, counts: Counter[str], ends: datetime) -> None:
        reason = TenantNotServed.reason
        posts = (post for post in self.parked.list() if (post.tenant_id, post.reason) == (tenant_id, reason))
        for some in batched(posts, MAX_DELETIONS, strict=False):
            self._raise_if_over(ends)
            kept = self.parked.delete(some)
            counts["parked"] += len(some) - len(kept)
            for problem in kept.values():
                raise problem

    def _raise_if_over(self, ends: datetime) -> None:
        if self.now() >= ends:
            raise OutOfTime("the rest is left to the next turn")

    @property
    def _url(self) -> str:
        return _without_query(self.notification_url)


def _without_query(url: str) -> str:
    return url.partition("?")[0]


def departed_tenants(clients: Clients, departed: Mapping[str, datetime]) -> DepartedTenants:
    """Return the flow that cleans up after tenants that have left TENANT_IDS."""
    tables = [Table(clients.tables(), name) for name in (AUDITS, GAPS, SNAPSHOT, SUBSCRIPTIONS)]

    def end(tenant_id: str) -> None:
        def without(row: DeploymentStatus) -> DeploymentStatus:
            return replace(row, departed={id_: at for id_, at in row.departed.items() if id_ != tenant_id})

        deployment(clients).change(without)

    return DepartedTenants(
        departed=departed,
        notification_url=clients.settings.notification_url,
        graph=clients.graph_for_tenant,
        subscription_table=clients.subscription_table(),
        parked=clients.post_store(PARKED),
        forget_rows=[table.delete_tenant for table in tables],
        end=end,
        now=clients.clock.now,
    )
