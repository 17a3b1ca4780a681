"""The values of this package: tracked subscriptions, an account's status, and the actions of a plan.

Times are in UTC. A value is replaced, never changed. In an action, ``expiration`` is what to ask Graph for, and
``missed_interval`` what to record in the row.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from shared.graph.subscription import GraphSubscription
from shared.resources.paths import canonical_path
from shared.subscriptions.desired import DesiredSubscription
from shared.timing import Backoff


class MissedCause(StrEnum):
    """Why a subscription may have missed changes; of two causes, the first one here stands for both."""

    OUTAGE = "outage"
    """The endpoint took no POSTs."""
    REPLACED = "replaced"
    """It was gone, or was replaced."""
    LAPSED = "lapsed"
    """The token of its last renewal had expired, so Graph had stopped delivering."""
    MISSED = "missed"
    """Graph said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedInterval:
    """An interval in which changes may have been missed; ``until`` is None until the subscription delivers again."""

    since: datetime
    until: datetime | None = None
    cause: MissedCause = MissedCause.REPLACED

    def merged_with(self, other: "MissedInterval | None") -> "MissedInterval":
        """Return the shortest interval that contains both."""
        if other is None:
            return self
        is_open = self.until is None or other.until is None
        until = None if is_open else max(self.until or self.since, other.until or other.since)
        cause = next(cause for cause in MissedCause if cause in {self.cause, other.cause})
        return MissedInterval(since=min(self.since, other.since), until=until, cause=cause)

    def with_end(self, at: datetime) -> "MissedInterval":
        """Return the interval with ``at`` as its end, unless it already has one."""
        return self if self.until is not None else replace(self, until=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedSubscription:
    """A subscription as Graph last accepted it; stored because Graph's list does not return all of its properties.

    ``created_at``: when the app created it, or found it at Graph; nothing is known of changes before.
    ``proven_at``: when it last was created or renewed while it was as desired, so that changes before it are not lost.
    ``token_expires_at``: when the token of the last renewal expires, with which Graph stops delivering.
    """

    subscription_id: str
    notification_url: str
    include_resource_data: bool
    certificate_id: str | None
    created_at: datetime
    renewed_at: datetime
    proven_at: datetime
    token_expires_at: datetime
    expiration: datetime

    def ended(self, at: datetime) -> "AppliedSubscription":
        """Return the subscription as one that ended at this time: its id still names what it has missed since."""
        return replace(self, expiration=min(self.expiration, at))


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedNotification:
    """A lifecycle notification ``missed``: when it arrived, and the expiration that it named, if any."""

    at: datetime
    expiration: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """When the last notification of each kind arrived for a subscription, and which expiration it named.

    Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
    """

    notification_at: datetime | None = None
    reauthorization_required_at: datetime | None = None
    reauthorization_required_expiration: datetime | None = None
    removed_at: datetime | None = None
    removed_expiration: datetime | None = None
    missed_at: datetime | None = None
    missed_expiration: datetime | None = None

    @property
    def missed(self) -> MissedNotification | None:
        """Return the last notification ``missed``."""
        return (
            None if self.missed_at is None else MissedNotification(at=self.missed_at, expiration=self.missed_expiration)
        )

    @property
    def last_at(self) -> datetime | None:
        """Return when the last notification of any kind arrived."""
        times = (self.notification_at, self.reauthorization_required_at, self.removed_at, self.missed_at)
        return max((at for at in times if at is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedSubscription:
    """A row of the table: a subscription as desired, as last applied at Graph, and what happened since.

    ``client_state_key_id``: the key that signed its client state, if known. ``recorded_missed``: the last notification
    ``missed`` whose interval was recorded. ``etag``: None until the row is saved.
    """

    desired: DesiredSubscription
    added_by: Literal["file", "cli"] = "file"
    is_wanted: bool = True
    applied: AppliedSubscription | None = None
    client_state_key_id: str | None = None
    failure: Backoff | None = None
    missed_interval: MissedInterval | None = None
    recorded_missed: MissedNotification | None = None
    activity: Activity = Activity()
    etag: str | None = None

    @property
    def key(self) -> str:
        """Return the row's key in its tenant."""
        return subscription_key(self.desired)

    def living(self, now: datetime) -> AppliedSubscription | None:
        """Return its subscription unless it has expired; that Graph's list does not show it means nothing.

        Graph's list may be empty or out of date for hours. Only a 404 to its id shows that a subscription is gone.
        """
        return self.applied if self.applied is not None and self.applied.expiration > now else None


def subscription_key(desired: DesiredSubscription) -> str:
    """Return a hash of account, change types and resource, in 32 hex digits: unique among a tenant's subscriptions."""
    account = "user" if desired.delegated else "app"
    text = "\n".join((account, desired.change_type, canonical_path(desired.resource)))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """When Graph last listed an account's subscriptions: those of the app in a tenant, or of its signed-in user.

    ``failure``: why the last attempt failed; ``is_refused``: Graph, or Entra ID, refused the account.
    ``endpoint_proven_at``: when the app's public URL, ``proven_url``, last took a POST, so that nothing sent before it
    is lost.
    """

    tenant_id: str
    delegated: bool
    listed_at: datetime | None = None
    endpoint_proven_at: datetime | None = None
    proven_url: str | None = None
    failure: Backoff | None = None
    is_refused: bool = False
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantState:
    """All rows of a tenant; ``former_activity`` is that of subscriptions which no row names, by their ids."""

    tracked: tuple[TrackedSubscription, ...] = ()
    accounts: tuple[AccountStatus, ...] = ()
    former_activity: Mapping[str, Activity] = field(default_factory=dict)

    def tracked_by(self, *, delegated: bool) -> tuple[TrackedSubscription, ...]:
        """Return the subscriptions of one account: the signed-in user's, or the app's own."""
        return tuple([row for row in self.tracked if row.desired.delegated == delegated])

    def account(self, tenant_id: str, *, delegated: bool) -> AccountStatus:
        """Return the status of an account, or an empty one."""
        rows = (row for row in self.accounts if row.delegated == delegated)
        return next(rows, AccountStatus(tenant_id=tenant_id, delegated=delegated))


class UpdateKind(StrEnum):
    """How to update a subscription at Graph, which is tracked or was found in Graph's list."""

    ADOPT = "adopt"  # renew it, and record its id, which the row lacks
    RENEW = "renew"  # extend it, which also reauthorizes it
    ROTATE = "rotate"  # renew it with the current certificate, because it has resource data
    CHECK = "check"  # ask Graph for it by its id, because a notification reports that it was removed
    RECREATE = "recreate"  # delete, then create it: a PATCH cannot change everything; Graph refuses a duplicate (409)


# Logs, counts, the command line and its JSON all use these words.
type Verb = Literal["create", "delete"] | UpdateKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Create a subscription."""

    verb: ClassVar[Verb] = "create"
    tracked: TrackedSubscription
    expiration: datetime
    missed_interval: MissedInterval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Renew, check or recreate a subscription."""

    kind: UpdateKind
    tracked: TrackedSubscription
    subscription: GraphSubscription
    expiration: datetime
    missed_interval: MissedInterval | None = None

    @property
    def verb(self) -> Verb:
        """Return the kind."""
        return self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete a row, and its subscription if it has one."""

    verb: ClassVar[Verb] = "delete"
    tracked: TrackedSubscription
    subscription: GraphSubscription | None


type Action = Create | Update | Delete
