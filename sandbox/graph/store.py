"""Which subscriptions are live, and is there room for one more? Of all applications together.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-overview
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.graph.callers import Caller
from sandbox.graph.errors import Refused, from_teams, gone
from sandbox.graph.subscription import Subscription

# All subscriptions to Teams resources of a tenant, of all its apps together.
TENANT_POOL = 10_000
# A reauthorization and a renewal of one subscription within this time leave the real service in an inconsistent state.
# Source: https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
_APART = timedelta(minutes=10)


class Subscriptions:
    """Subscriptions by id, and by what they watch; an expired one is as good as deleted."""

    def __init__(self, clock: Clock) -> None:
        self.hasty: list[str] = []
        """Ids of subscriptions that were both reauthorized and renewed within ten minutes."""
        self.asked_again: list[Subscription] = []
        """Live subscriptions whose like their own app has asked for, as they were then."""
        self._clock = clock
        self._by_id: dict[str, Subscription] = {}
        self._by_key: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)

    def live(self) -> tuple[Subscription, ...]:
        """Return every subscription that has not expired, the oldest first."""
        now = self._clock.now()
        for expired in [each for each in self._by_id.values() if each.expires_at <= now]:
            self.remove(expired.id)
        return tuple(self._by_id.values())

    def find(self, subscription_id: str) -> Subscription | None:
        """Return a live subscription."""
        found = self._by_id.get(subscription_id)
        return found if found is not None and found.expires_at > self._clock.now() else None

    def get(self, subscription_id: str, who: Caller) -> Subscription:
        """Return a live subscription that the caller can see.

        Raises:
            Refused: with 404, there is no such subscription.
        """
        found = self.find(subscription_id)
        if found is None or not who.sees(found):
            raise gone()
        return found

    def watching(self, tenant_id: str, keys: Iterable[str]) -> list[Subscription]:
        """Return the live subscriptions to any of the paths."""
        ids = [subscription_id for key in keys for subscription_id in self._by_key.get((tenant_id, key), ())]
        return [found for found in map(self.find, ids) if found is not None]

    def check(self, wanted: Subscription) -> None:
        """Look whether there is room for one more.

        Raises:
            Refused: with 409, the app has the very subscription; with 403, a quota is used up.
        """
        same_path = self.watching(wanted.tenant_id, [wanted.key])
        own = [each for each in same_path if each.application_id == wanted.application_id]
        for each in own:
            if _same(each, wanted):
                self.asked_again.append(each)
                raise from_teams(409, f"Subscription Id {each.id} already exists for the requested combination")
        self._check_quotas(wanted, of_app=len(own), of_path=len(same_path))

    def add(self, subscription: Subscription) -> None:
        """Keep a subscription.

        Raises:
            Refused: see ``check``; another request may have been faster while the endpoint was being validated.
        """
        self.check(subscription)
        self._by_id[subscription.id] = subscription
        self._by_key[subscription.tenant_id, subscription.key][subscription.id] = None

    def replace(self, subscription: Subscription) -> None:
        """Keep a changed subscription instead of what it was.

        Raises:
            Refused: with 404, it has gone in the meantime.
        """
        if self.find(subscription.id) is None:
            raise gone()
        self._by_id[subscription.id] = subscription
        if _within(subscription.renewed_at, subscription.reauthorized_at, _APART):
            self.hasty.append(subscription.id)

    def remove(self, subscription_id: str) -> None:
        """Forget a subscription."""
        subscription = self._by_id.pop(subscription_id)
        del self._by_key[subscription.tenant_id, subscription.key][subscription_id]

    def _check_quotas(self, wanted: Subscription, *, of_app: int, of_path: int) -> None:
        row = wanted.resource_type
        if row.per_app is not None and of_app >= row.per_app:
            raise _full(f"{row.per_app} per app on {wanted.key}")
        if row.per_path is not None and of_path >= row.per_path:
            raise _full(f"{row.per_path} on {wanted.key}")
        if row.per_user is not None and self._of_user(wanted) >= row.per_user:
            raise _full(f"{row.per_user} per app and user for {row.entity}")
        # Counting what has expired first would cost time that a tenant far from the limit need not spend.
        if len(self._by_id) >= TENANT_POOL and self._of_tenant(wanted.tenant_id) >= TENANT_POOL:
            raise _full(f"{TENANT_POOL} per tenant for Teams resources")

    def _of_user(self, wanted: Subscription) -> int:
        whose, entity = (wanted.tenant_id, wanted.application_id, wanted.user_id), wanted.resource_type.entity
        return sum(
            (each.tenant_id, each.application_id, each.user_id) == whose and each.resource_type.entity == entity
            for each in self.live()
        )

    def _of_tenant(self, tenant_id: str) -> int:
        return sum(each.tenant_id == tenant_id for each in self.live())


def _same(one: Subscription, other: Subscription) -> bool:
    asked = [(each.user_id, each.change_types, each.options) for each in (one, other)]
    return asked[0] == asked[1]


def _full(limit: str) -> Refused:
    return from_teams(403, f"The subscription limit has been reached: {limit}.")


def _within(one: datetime | None, other: datetime | None, span: timedelta) -> bool:
    return one is not None and other is not None and abs(one - other) < span
