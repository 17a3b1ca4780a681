"""What is known of each subscription that the app keeps alive, and the actions that can be taken on it.

Times are in UTC. A value is replaced, never changed: ``shared.subscriptions.plan.subscription_table`` stores the last
one. ``expiration`` is what Graph is to be asked for, ``gap`` a time to be recorded in which changes may have been
missed.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from shared.graph.subscription import GraphSubscription
from shared.resources.paths import canonical_path
from shared.subscriptions.desired import DesiredSubscription
from shared.timing import Backoff


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedInterval:
    """A time in which changes may have gone unnoticed; ``until`` is None while it lasts."""

    since: datetime
    until: datetime | None = None

    def merged_with(self, other: "MissedInterval | None") -> "MissedInterval":
        """Return the shortest gap that holds both."""
        if other is None:
            return self
        is_open = self.until is None or other.until is None
        until = None if is_open else max(self.until or self.since, other.until or other.since)
        return MissedInterval(since=min(self.since, other.since), until=until)

    def with_end(self, at: datetime) -> "MissedInterval":
        """Return the gap when changes are noticed again from ``at`` on."""
        return self if self.until is not None else MissedInterval(since=self.since, until=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedSubscription:
    """A subscription as Graph was last asked for it, with success.

    Whether it lives is Graph's to say; what it was asked for stands here, because Graph does not repeat all of it.
    """

    subscription_id: str
    notification_url: str
    include_resource_data: bool
    certificate_id: str | None
    renewed_at: datetime
    expiration: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """When the receiving side last heard of a subscription: a change, or one of Graph's lifecycle notifications.

    Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
    """

    notification_at: datetime | None = None
    reauthorization_required_at: datetime | None = None
    removed_at: datetime | None = None
    missed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedSubscription:
    """One subscription: what is wanted, and what came of it.

    ``client_state_key_id`` names the key that its client state was signed with, as far as is known. ``etag`` is None in
    a row that has not been saved.
    """

    desired: DesiredSubscription
    added_by: Literal["file", "cli"] = "file"
    is_wanted: bool = True
    applied: AppliedSubscription | None = None
    client_state_key_id: str | None = None
    failure: Backoff | None = None
    missed_interval: MissedInterval | None = None
    activity: Activity = Activity()
    etag: str | None = None

    @property
    def key(self) -> str:
        """What tells it from the others of its tenant, in 32 hex digits."""
        return subscription_key(self.desired)


def subscription_key(desired: DesiredSubscription) -> str:
    """Return a hash of what no two subscriptions of a tenant may share: who watches which changes of which resource."""
    account = "user" if desired.delegated else "app"
    text = "\n".join((account, desired.change_type, canonical_path(desired.resource)))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """When Graph last listed the subscriptions that an account sees: the app's in a tenant, or its signed-in user's."""

    tenant_id: str
    delegated: bool
    listed_at: datetime | None = None
    failure: Backoff | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantState:
    """All that is known in a tenant."""

    tracked: tuple[TrackedSubscription, ...] = ()
    accounts: tuple[AccountStatus, ...] = ()

    def tracked_by(self, *, delegated: bool) -> tuple[TrackedSubscription, ...]:
        """Return the subscriptions that one account sees: the signed-in user's, or the app's own."""
        return tuple([row for row in self.tracked if row.desired.delegated == delegated])

    def account(self, tenant_id: str, *, delegated: bool) -> AccountStatus:
        """Return the row of an account's list, or a fresh one."""
        rows = (row for row in self.accounts if row.delegated == delegated)
        return next(rows, AccountStatus(tenant_id=tenant_id, delegated=delegated))


class UpdateKind(StrEnum):
    """What becomes of a subscription that Graph lists."""

    ADOPT = "adopt"  # renew one of this deployment that its row does not know
    RENEW = "renew"  # extend it, which also reauthorizes it
    ROTATE = "rotate"  # renew one with resource data, with the current certificate
    RECREATE = "recreate"  # delete, then create: for what a PATCH cannot change; Graph refuses a duplicate (409)


# The words for an action: logs, counts, the command line and its documents all use these.
type Verb = Literal["create", "delete"] | UpdateKind

@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Subscribe."""

    verb: ClassVar[Verb] = "create"

    tracked: TrackedSubscription
    expiration: datetime
    missed_interval: MissedInterval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Renew a subscription, or replace it."""

    kind: UpdateKind
    tracked: TrackedSubscription
    subscription: GraphSubscription
    expiration: datetime
    missed_interval: MissedInterval | None = None

    @property
    def verb(self) -> Verb:
        """Return what is done."""
        return self.kind

@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Unsubscribe, if Graph still lists a subscription, and delete the row."""

    verb: ClassVar[Verb] = "delete"

    tracked: TrackedSubscription
    subscription: GraphSubscription | None


type Action = Create | Update | Delete
