"""The other side of a run of the timer, in a few lines each: Graph in one account, the table, and a clock.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and subscription-update
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Conflict, Misconfigured, NotFound, Problem
from shared.graph.subscription import GraphSubscription
from shared.resources.paths import canonical_path
from shared.subscriptions.tracked import AccountStatus, Activity, TenantState, TrackedSubscription
from tests.shared.tracked_values import NOW

_CHANGEABLE = {"expirationDateTime", "encryptionCertificate", "encryptionCertificateId"}


class Killed(BaseException):
    """The process has ended: nothing that it would do next happens."""


class SettableClock:
    """Stands still until it is set, or until somebody sleeps."""

    def __init__(self, moment: datetime = NOW) -> None:
        self._moment = moment
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._moment

    def sleep_until(self, moment: datetime) -> None:
        with self._lock:
            self._moment = max(self._moment, moment)

    def pass_by(self, time: timedelta) -> None:
        with self._lock:
            self._moment += time


@dataclass(eq=False, kw_only=True)
class Calls:
    """The calls to the outside, in their order; ``before`` and ``after`` each may raise what they like."""

    made: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _call: None
    after: Callable[[str], None] = lambda _call: None

    def of[T](self, name: str, call: Callable[[], T]) -> T:
        self.made.append(name)
        self.before(name)
        result = call()
        self.after(name)
        return result


class FakeGraphAccount:
    """Keeps subscriptions as the reference describes them.

    ``refused`` maps a resource to what is raised when it is subscribed to or renewed; ``bad_certificates`` are ids that
    are refused; what is ``unlisted`` exists but is not in the list yet.
    """

    def __init__(self, clock: SettableClock, calls: Calls) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.sent: list[Mapping[str, Any]] = []
        self.refused: dict[str, Problem] = {}
        self.bad_certificates: set[str] = set()
        self.unlisted: set[str] = set()
        self.down: Problem | None = None
        self._clock, self._calls = clock, calls
        self._lock = threading.RLock()
        self._ids = itertools.count()

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        return self._calls.of("list", self._listed)

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        assert beta is False
        return self._calls.of("create", lambda: self._created(properties))

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        assert beta is False
        assert set(properties) <= _CHANGEABLE
        return self._calls.of("update", lambda: self._updated(subscription_id, properties))

    def delete_subscription(self, subscription_id: str) -> None:
        self._calls.of("delete", lambda: self._deleted(subscription_id))

    def resources(self) -> list[str]:
        """Return what is subscribed to, in order."""
        return sorted(kept["resource"] for kept in self.kept.values())

    def _listed(self) -> list[GraphSubscription]:
        if self.down is not None:
            raise self.down
        with self._lock:
            self._end_what_has_expired()
            # A client state is never told again.
            return [
                GraphSubscription.from_json(kept | {"clientState": None})
                for id_, kept in self.kept.items()
                if id_ not in self.unlisted
            ]

    def _created(self, properties: Mapping[str, Any]) -> GraphSubscription:
        with self._lock:
            self._end_what_has_expired()
            self._check(properties, properties)
            if any(_combination(properties) == _combination(kept) for kept in self.kept.values()):
                raise Conflict("Graph answered 409: Subscription Id <> already exists for the requested combination")
            made = dict(properties) | {"id": f"s{next(self._ids)}"}
            self.kept[made["id"]] = made
            return GraphSubscription.from_json(made)

    def _updated(self, subscription_id: str, properties: Mapping[str, Any]) -> GraphSubscription:
        with self._lock:
            self._end_what_has_expired()
            if subscription_id not in self.kept:
                raise NotFound("Graph answered 404")
            self._check(self.kept[subscription_id], properties)
            self.kept[subscription_id] |= properties
            return GraphSubscription.from_json(self.kept[subscription_id])

    def _deleted(self, subscription_id: str) -> None:
        with self._lock:
            if self.kept.pop(subscription_id, None) is None:
                raise NotFound("Graph answered 404")

    def _end_what_has_expired(self) -> None:
        now = self._clock.now()
        ended = [id_ for id_, kept in self.kept.items() if datetime.fromisoformat(kept["expirationDateTime"]) <= now]
        for id_ in ended:
            del self.kept[id_]

    def _check(self, subscription: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        if subscription["resource"] in self.refused:
            raise self.refused[subscription["resource"]]
        if properties.get("encryptionCertificateId") in self.bad_certificates:
            raise Misconfigured("Graph answered 400: the certificate is invalid")
        self.sent.append(properties)


def _combination(properties: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    return (canonical_path(properties["resource"]), frozenset(properties["changeType"].split(",")))


class InMemorySubscriptionTable:
    """Keeps the contract of ``shared.subscriptions.subscription_table``: an ETag for each version of a row, Conflict
    for a stale one.
    """

    def __init__(self, calls: Calls) -> None:
        self.rows: dict[tuple[str, str], TrackedSubscription | AccountStatus] = {}
        self.heard: dict[tuple[str, str], Activity] = {}
        self.down: Problem | None = None
        self._calls = calls
        self._lock = threading.RLock()
        self._etags = itertools.count()

    def load(self, tenant_id: str) -> TenantState:
        return self._calls.of("load", lambda: self._loaded(tenant_id))

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        return self._calls.of("save", lambda: self._saved(row))

    def delete(self, row: TrackedSubscription) -> None:
        self._calls.of("remove", lambda: self._removed(row))

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        self._calls.of("forget", lambda: self.heard.pop((tenant_id, subscription_id), None))

    def tracked(self) -> list[TrackedSubscription]:
        """Return the rows of all tenants, by resource."""
        rows = [row for row in self.rows.values() if isinstance(row, TrackedSubscription)]
        return sorted(rows, key=lambda row: (row.desired.resource, row.desired.tenant_id))

    def _loaded(self, tenant_id: str) -> TenantState:
        if self.down is not None:
            raise self.down
        with self._lock:
            kept = [row for (tenant, _), row in self.rows.items() if tenant == tenant_id]
        return TenantState(
            tracked=tuple(
                replace(row, activity=self._heard(row)) for row in kept if isinstance(row, TrackedSubscription)
            ),
            accounts=tuple(row for row in kept if isinstance(row, AccountStatus)),
        )

    def _heard(self, row: TrackedSubscription) -> Activity:
        id_ = row.applied.subscription_id if row.applied else ""
        return self.heard.get((row.desired.tenant_id, id_), Activity())

    def _saved[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        if self.down is not None:
            raise self.down
        with self._lock:
            self._check(row)
            kept = replace(row, etag=f"e{next(self._etags)}")
            self.rows[_keys(row)] = kept
        return kept

    def _removed(self, row: TrackedSubscription) -> None:
        with self._lock:
            if _keys(row) in self.rows:
                self._check(row)
                del self.rows[_keys(row)]

    def _check(self, row: TrackedSubscription | AccountStatus) -> None:
        known = self.rows.get(_keys(row))
        if (known.etag if known else None) != row.etag:
            raise Conflict("another run has changed the row of the subscription")


def _keys(row: TrackedSubscription | AccountStatus) -> tuple[str, str]:
    if isinstance(row, TrackedSubscription):
        return (row.desired.tenant_id, row.key)
    return (row.tenant_id, f"listing-{row.delegated}")
