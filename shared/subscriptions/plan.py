"""The plan: desired, tracked and listed subscriptions in, the actions that make them agree out.

The tracked row shows what Graph was last asked for; Graph's list shows which subscriptions are alive.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial

from shared.graph.subscription import GraphSubscription
from shared.resources.paths import canonical_path
from shared.resources.validation import find_resource_type
from shared.subscriptions.desired import DesiredSubscription, notification_url
from shared.subscriptions.tracked import (
    Action,
    AppliedSubscription,
    Create,
    Delete,
    MissedInterval,
    TrackedSubscription,
    Update,
    UpdateKind,
    subscription_key,
)

# Graph refuses a lifetime over its maximum, and its clock may differ from ours.
_MARGIN = timedelta(minutes=5)
# Two operations on one subscription in less time may leave it in an inconsistent state.
# Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#actions-to-take
_MIN_INTERVAL = timedelta(minutes=10)
# How long Graph retries a notification while the endpoint fails or the subscription's token has expired.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_RETRIED_FOR = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalPolicy:
    """The settings and state that decide how an account's subscriptions are renewed.

    ``certificate_id``: the current encryption certificate, if available. ``listed_at``: when Graph last listed the
    account, if ever. ``force``: renew everything, and ignore back-offs.
    """

    notification_url: str
    lifetime: timedelta
    renew_after: timedelta
    client_state_key_id: str
    certificate_id: str | None = None
    listed_at: datetime | None = None
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
    live = {subscription.subscription_id: subscription for subscription in actual}
    orphans = _orphans(rows, live, policy)
    found = ((row, live.get(_tracked_id(row)) or orphans.get(row.key)) for row in rows)
    actions = [action for row, subscription in found if (action := _action(row, subscription, policy, now)) is not None]
    return tuple(_deletions_first(actions, now))


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


def _tracked_id(row: TrackedSubscription) -> str:
    return row.applied.subscription_id if row.applied else ""


def _orphans(
    rows: Sequence[TrackedSubscription], live: Mapping[str, GraphSubscription], policy: RenewalPolicy
) -> Mapping[str, GraphSubscription]:
    """Return the listed subscriptions that an interrupted run created but did not record, by their rows' keys."""
    tracked = {_tracked_id(row) for row in rows}
    orphans = {_match(item, item.notification_url): item for id_, item in live.items() if id_ not in tracked}
    if not orphans:
        return {}
    lost = (row for row in rows if _tracked_id(row) not in live)
    return {row.key: orphans[m] for row in lost if (m := _match(row.desired, policy.notification_url)) in orphans}


def _match(subscription: DesiredSubscription | GraphSubscription, url: str) -> tuple[str, frozenset[str], str]:
    """Return what a subscription has in common with the row that it was created for."""
    return (canonical_path(subscription.resource), subscription.change_types, url.partition("?")[0])


def _action(
    row: TrackedSubscription, subscription: GraphSubscription | None, policy: RenewalPolicy, now: datetime
) -> Action | None:
    if row.failure is not None and now < row.failure.retry_at and not policy.force:
        return None
    if not row.is_wanted:
        return Delete(tracked=row, subscription=subscription)
    expiration = now + _lifetime(row.desired.resource, policy.lifetime)
    if subscription is None:
        return Create(tracked=row, expiration=expiration, missed_interval=_missed_since_seen(row, policy))
    if row.applied is None or row.applied.subscription_id != subscription.subscription_id:
        return _adopt_or_recreate(row, subscription, policy, expiration)
    return _action_for_live(row, subscription, row.applied, policy, now)


# Cached because a row needs it several times.
@lru_cache(maxsize=64)
def _lifetime(resource: str, requested: timedelta) -> timedelta:
    """Return ``requested``, or the longest lifetime that Graph allows if that is shorter."""
    resource_type = find_resource_type(resource)
    return requested if resource_type is None else min(requested, resource_type.max_lifetime - _MARGIN)


def _missed_since_seen(row: TrackedSubscription, policy: RenewalPolicy) -> MissedInterval | None:
    """Return the interval since the row's subscription was last seen alive; None if it never had one."""
    if row.applied is None:
        return None
    last_seen = row.applied.renewed_at
    # During a back-off the lists are not checked for this subscription, so ``listed_at`` says nothing about it.
    if row.failure is None and policy.listed_at is not None:
        last_seen = max(last_seen, policy.listed_at)
    return MissedInterval(since=min(last_seen, row.applied.expiration))


def _adopt_or_recreate(
    row: TrackedSubscription, subscription: GraphSubscription, policy: RenewalPolicy, expiration: datetime
) -> Update:
    # Graph lists a subscription as it was requested. Compare what a PATCH cannot change, such as the lifecycle URL.
    fits = (
        subscription.notification_url == notification_url(row.desired, policy.notification_url)
        and subscription.lifecycle_notification_url == policy.notification_url
        and subscription.include_resource_data == row.desired.include_resource_data
        and row.client_state_key_id in {None, policy.client_state_key_id}
    )
    kind = UpdateKind.ADOPT if fits else UpdateKind.RECREATE
    missed = _missed_since_seen(row, policy)
    return Update(kind=kind, tracked=row, subscription=subscription, expiration=expiration, missed_interval=missed)


def _action_for_live(
    row: TrackedSubscription,
    subscription: GraphSubscription,
    applied: AppliedSubscription,
    policy: RenewalPolicy,
    now: datetime,
) -> Update | None:
    lifetime = _lifetime(row.desired.resource, policy.lifetime)
    update = partial(Update, tracked=row, subscription=subscription, expiration=now + lifetime)
    if _after_renewal(row.activity.removed_at, applied):
        # Graph still lists the subscription, so the list does not show when it was removed.
        return update(kind=UpdateKind.RECREATE, missed_interval=MissedInterval(since=applied.renewed_at))
    if _needs_recreation(row, applied, policy):
        return update(kind=UpdateKind.RECREATE, missed_interval=MissedInterval(since=now))
    missed_interval = _missed_interval(row, applied, policy, now)
    if applied.include_resource_data and policy.certificate_id not in {None, applied.certificate_id}:
        return update(kind=UpdateKind.ROTATE, missed_interval=missed_interval)
    if missed_interval is not None or _is_due(row, applied, subscription, policy, now):
        return update(kind=UpdateKind.RENEW, missed_interval=missed_interval)
    return None


def _after_renewal(time: datetime | None, applied: AppliedSubscription) -> bool:
    """Return whether a lifecycle event came after the last renewal, which settles earlier ones."""
    return time is not None and time > applied.renewed_at


def _needs_recreation(row: TrackedSubscription, applied: AppliedSubscription, policy: RenewalPolicy) -> bool:
    """Return whether something changed that a PATCH cannot update; of the two URLs, it can update only one."""
    return (
        applied.notification_url != notification_url(row.desired, policy.notification_url)
        or applied.include_resource_data != row.desired.include_resource_data
        or row.client_state_key_id not in {None, policy.client_state_key_id}
    )


def _missed_interval(
    row: TrackedSubscription, applied: AppliedSubscription, policy: RenewalPolicy, now: datetime
) -> MissedInterval | None:
    """Return the interval in which a live subscription may have lost notifications."""
    missed_at = row.activity.missed_at
    if missed_at is not None and missed_at > applied.renewed_at:
        return MissedInterval(since=missed_at - _RETRIED_FOR, until=missed_at)
    # The token used for the last renewal has expired, so Graph has stopped delivering.
    if now - applied.renewed_at > max(_RETRIED_FOR, 2 * policy.renew_after):
        return MissedInterval(since=applied.renewed_at, until=now)
    return None


def _is_due(
    row: TrackedSubscription,
    applied: AppliedSubscription,
    subscription: GraphSubscription,
    policy: RenewalPolicy,
    now: datetime,
) -> bool:
    age = now - applied.renewed_at
    # A short-lived subscription is renewed halfway through its lifetime.
    renew_after = min(policy.renew_after, _lifetime(row.desired.resource, policy.lifetime) / 2)
    reauthorize = _after_renewal(row.activity.reauthorization_required_at, applied) and age >= _MIN_INTERVAL
    return policy.force or reauthorize or age >= renew_after or subscription.expiration - now <= renew_after


def _deletions_first(actions: Sequence[Action], now: datetime) -> Iterator[Action]:
    """Yield urgent actions first, but a deletion before a creation on its path, because Graph has a quota per path.

    Source: https://learn.microsoft.com/graph/change-notifications-overview#subscription-quotas
    """
    created = {_path(action) for action in actions if isinstance(action, Create)}
    deleted = {_path(action) for action in actions if isinstance(action, Delete) and action.subscription is not None}
    yield from (action for action in actions if isinstance(action, Delete) and _path(action) in created)
    for action in sorted((each for each in actions if not isinstance(each, Delete)), key=_urgency):
        if isinstance(action, Create) and _path(action) in deleted:
            yield replace(action, missed_interval=MissedInterval(since=now).merged_with(action.missed_interval))
        else:
            yield action
    yield from (action for action in actions if isinstance(action, Delete) and _path(action) not in created)


def _path(action: Action) -> str:
    return canonical_path(action.tracked.desired.resource)


def _urgency(action: Create | Update) -> tuple[bool, datetime]:
    """Return a sort key: creations first, then updates of the subscriptions that expire soonest."""
    if isinstance(action, Create):
        return (False, action.expiration)
    return (True, action.subscription.expiration)
