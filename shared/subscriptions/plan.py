"""The plan: desired, tracked and listed subscriptions in, the actions that make them agree out.

The tracked row shows what Graph last accepted, by its id; Graph's list shows what no row names.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial

from shared.graph.subscription import GraphSubscription
from shared.resources.paths import canonical_path
from shared.resources.validation import find_resource_type
from shared.subscriptions.delivery import AFTER_OUTAGE
from shared.subscriptions.desired import DesiredSubscription, notification_url
from shared.subscriptions.lifecycle import (
    asks_for_renewal,
    is_removal_reported,
    missed_by,
    unrecorded_missed,
)
from shared.subscriptions.orphans import as_tracked, orphans_by_row, renewed_before, signing_key_id
from shared.subscriptions.successors import with_predecessors
from shared.subscriptions.tracked import (
    Action,
    AppliedSubscription,
    Create,
    Delete,
    MissedCause,
    MissedInterval,
    TrackedSubscription,
    Update,
    UpdateKind,
    subscription_key,
)

# Graph refuses a lifetime over its maximum, and its clock may differ from ours.
_MARGIN = timedelta(minutes=5)
# The next run after this moment still comes before the token expires.
_BEFORE_TOKEN_EXPIRES = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalPolicy:
    """The settings and state that decide how an account's subscriptions are renewed.

    ``client_state_key_id`` signs; the receiver accepts client states of ``other_key_ids``, too. ``certificate_id``: the
    current encryption certificate, if available. ``force``: renew everything, and ignore back-offs.
    """

    notification_url: str
    lifetime: timedelta
    renew_after: timedelta
    client_state_key_id: str
    other_key_ids: tuple[str, ...] = ()
    certificate_id: str | None = None
    force: bool = False


def plan(
    desired: Iterable[DesiredSubscription],
    tracked: Iterable[TrackedSubscription],
    actual: Iterable[GraphSubscription],
    *,
    policy: RenewalPolicy,
    now: datetime,
) -> Sequence[Action]:
    """Return the actions that turn an account's ``actual`` into ``desired``, urgent ones first; empty when settled.

    No action touches a subscription without a row: another deployment of this app registration may own it.
    """
    rows = join_desired_and_tracked(desired, tracked)
    listed = {subscription.subscription_id: subscription for subscription in actual}
    orphans = orphans_by_row(rows, listed, policy.notification_url, now)

    def subscription_of(row: TrackedSubscription) -> GraphSubscription | None:
        if (living := row.living(now)) is None:
            return orphans.get(row.key)
        return listed.get(living.subscription_id) or as_tracked(row, living)

    actions = [action for row in rows if (action := _action(row, subscription_of(row), policy, now)) is not None]
    return tuple(_deletions_first(list(with_predecessors(actions, rows))))


def join_desired_and_tracked(
    desired: Iterable[DesiredSubscription], tracked: Iterable[TrackedSubscription]
) -> Sequence[TrackedSubscription]:
    """Return a row for each desired and each tracked subscription; unwanted if its entry was removed from the file."""
    desired_by_key = {subscription_key(item): item for item in desired}
    tracked_by_key = {row.key: row for row in tracked}
    rows = [
        replace(
            tracked_by_key.get(key, TrackedSubscription(desired=item)), desired=item, added_by="file", is_wanted=True
        )
        for key, item in desired_by_key.items()
    ]
    others = (row for key, row in tracked_by_key.items() if key not in desired_by_key)
    return rows + [replace(row, is_wanted=row.is_wanted and row.added_by == "cli") for row in others]


def _action(
    row: TrackedSubscription, subscription: GraphSubscription | None, policy: RenewalPolicy, now: datetime
) -> Action | None:
    """Return the action for a row and the subscription that belongs to it, if there is one."""
    if row.failure is not None and now < row.failure.retry_at and not policy.force:
        return None
    if not row.is_wanted:
        return Delete(tracked=row, subscription=subscription)
    missed = unrecorded_missed(row, now)
    if missed is None:
        return _action_for_wanted(row, subscription, policy, now)
    # With ``force`` there always is an action, which records the interval.
    recorded = replace(row, recorded_missed=missed)
    action = _action_for_wanted(recorded, subscription, replace(policy, force=True), now)
    return action and replace(action, missed_interval=missed_by(row, missed).merged_with(action.missed_interval))


def _action_for_wanted(
    row: TrackedSubscription, subscription: GraphSubscription | None, policy: RenewalPolicy, now: datetime
) -> Create | Update | None:
    expiration = now + _lifetime(row.desired.resource, policy.lifetime)
    if subscription is None:
        return Create(tracked=row, expiration=expiration, missed_interval=_missed_since_proof(row))
    if (living := row.living(now)) is None:
        return _adopt_or_recreate(row, subscription, policy, expiration, now)
    return _action_for_live(row, subscription, living, policy, now)


# Cached because a row needs it several times.
@lru_cache(maxsize=64)
def _lifetime(resource: str, requested: timedelta) -> timedelta:
    """Return ``requested``, or the longest lifetime that Graph allows if that is shorter."""
    resource_type = find_resource_type(resource)
    return requested if resource_type is None else min(requested, resource_type.max_lifetime - _MARGIN)


def _adopt_or_recreate(
    row: TrackedSubscription,
    subscription: GraphSubscription,
    policy: RenewalPolicy,
    expiration: datetime,
    now: datetime,
) -> Update:
    key_ids = (policy.client_state_key_id, *policy.other_key_ids)
    key_id = signing_key_id(subscription, row.desired, policy.notification_url, key_ids)
    # Graph lists a subscription as it was requested. Compare what a PATCH cannot change, such as the lifecycle URL.
    fits = (
        key_id is not None
        and subscription.lifecycle_notification_url == policy.notification_url
        and subscription.include_resource_data == row.desired.include_resource_data
    )
    update = partial(Update, subscription=subscription, expiration=expiration)
    missed = _missed_since_proof(row)
    if row.etag is None:
        # The row was lost, and its proof with it.
        missed = MissedInterval(since=renewed_before(subscription, now))
    if fits:
        return update(kind=UpdateKind.ADOPT, tracked=replace(row, client_state_key_id=key_id), missed_interval=missed)
    # Its notifications may be signed with a key that is unknown here, or come without content.
    missed = missed or MissedInterval(since=renewed_before(subscription, now))
    return update(kind=UpdateKind.RECREATE, tracked=row, missed_interval=missed)


def _missed_since_proof(row: TrackedSubscription) -> MissedInterval | None:
    """Return the interval since the row's subscription was last known to deliver; None if it never had one."""
    return None if row.applied is None else MissedInterval(since=row.applied.proven_at)


def _action_for_live(
    row: TrackedSubscription,
    subscription: GraphSubscription,
    applied: AppliedSubscription,
    policy: RenewalPolicy,
    now: datetime,
) -> Update | None:
    lifetime = _lifetime(row.desired.resource, policy.lifetime)
    update = partial(Update, tracked=row, subscription=subscription, expiration=now + lifetime)
    if not is_as_desired(applied, row.desired, policy):
        # Graph may have removed it since then, and told nobody.
        return update(kind=UpdateKind.RECREATE, missed_interval=MissedInterval(since=applied.proven_at))
    missed_interval = _missed_while_silent(applied, now)
    if applied.include_resource_data and policy.certificate_id not in {None, applied.certificate_id}:
        return update(kind=UpdateKind.ROTATE, missed_interval=missed_interval)
    if missed_interval is not None or _is_due(row, applied, policy, now):
        return update(kind=UpdateKind.RENEW, missed_interval=missed_interval)
    # A renewal by id would show it, too.
    return update(kind=UpdateKind.CHECK) if is_removal_reported(row) else None


def is_as_desired(applied: AppliedSubscription, desired: DesiredSubscription, policy: RenewalPolicy) -> bool:
    """Return whether a subscription is as desired in what a PATCH cannot update; of the two URLs, it can update one."""
    # The URL names the key that signed the client state, which a PATCH cannot update either.
    wanted_url = notification_url(desired, policy.notification_url, policy.client_state_key_id)
    return (applied.notification_url, applied.include_resource_data) == (wanted_url, desired.include_resource_data)


def renewal_instead(action: Update, policy: RenewalPolicy, now: datetime) -> Update | None:
    """Return the renewal, if one is due, of a living subscription that cannot be recreated now; it proves nothing."""
    row = action.tracked
    if (applied := row.living(now)) is None or not _is_due(row, applied, policy, now):
        return None
    return replace(action, kind=UpdateKind.RENEW, missed_interval=_missed_while_silent(applied, now))


def _missed_while_silent(applied: AppliedSubscription, now: datetime) -> MissedInterval | None:
    """Return the interval in which a live subscription may have lost notifications for want of a renewal."""
    # Graph stops delivering when the token of the last renewal has expired.
    if now <= applied.token_expires_at - _MARGIN:
        return None
    return MissedInterval(since=applied.proven_at, until=now + AFTER_OUTAGE, cause=MissedCause.LAPSED)


def _is_due(row: TrackedSubscription, applied: AppliedSubscription, policy: RenewalPolicy, now: datetime) -> bool:
    # A short-lived subscription is renewed halfway through its lifetime.
    renew_after = min(policy.renew_after, _lifetime(row.desired.resource, policy.lifetime) / 2)
    return (
        policy.force
        or asks_for_renewal(row, applied, now)
        or now - applied.renewed_at >= renew_after
        or applied.expiration - now <= renew_after
        or applied.token_expires_at - now <= _BEFORE_TOKEN_EXPIRES
    )


def _deletions_first(actions: Sequence[Action]) -> Iterator[Action]:
    """Yield urgent actions first, but a deletion before a creation on its path, because Graph has a quota per path.

    Source: https://learn.microsoft.com/graph/change-notifications-overview#subscription-quotas
    """
    created = {_path(action) for action in actions if isinstance(action, Create)}
    yield from (action for action in actions if isinstance(action, Delete) and _path(action) in created)
    yield from sorted((each for each in actions if not isinstance(each, Delete)), key=_urgency)
    yield from (action for action in actions if isinstance(action, Delete) and _path(action) not in created)


def _path(action: Action) -> str:
    return canonical_path(action.tracked.desired.resource)


def _urgency(action: Create | Update) -> tuple[bool, datetime]:
    """Return a sort key: creations first, then updates of the subscriptions that expire soonest."""
    if isinstance(action, Create):
        return (False, action.expiration)
    return (True, action.subscription.expiration)
