"""What is to be watched, what is tracked and what lives at Graph, compared: the actions out that make them agree.

What Graph was asked for is read from the tracked row; whether it lives, from Graph's list.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from urllib.parse import urlsplit, urlunsplit

from shared.actions import Action, Create, Delete, Update, UpdateKind
from shared.desired import Desired
from shared.locations import ApiVersion
from shared.resources import canonical_path, find
from shared.subscription import Subscription
from shared.tracked import Gap, Observed, Tracked, key_of

# A lifetime over the maximum is refused, and two clocks rarely agree.
_MARGIN = timedelta(minutes=5)
# Two of Graph's operations on one subscription in less time leave it in an inconsistent state.
# Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#actions-to-take
_APART = timedelta(minutes=10)
# For so long Graph keeps a notification that it cannot deliver, be it that the endpoint or a valid token is missing.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_KEPT = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How subscriptions are kept.

    ``certificate_id`` is None where there is no encryption certificate, ``listed_at`` before Graph's first list.
    ``force``: renew everything, and heed no pause.
    """

    notification_url: str
    lifetime: timedelta
    renew_after: timedelta
    client_state_key_id: str
    certificate_id: str | None = None
    listed_at: datetime | None = None
    force: bool = False


def plan(
    desired: Iterable[Desired],
    tracked: Iterable[Tracked],
    actual: Iterable[Subscription],
    *,
    policy: Policy,
    now: datetime,
) -> Sequence[Action]:
    """Return the actions that turn an account's ``actual`` into ``desired``, urgent ones first; empty when settled.

    What nobody asked for is left alone: another deployment of the same app registration may own it.
    """
    rows = merged(desired, tracked)
    alive = {subscription.subscription_id: subscription for subscription in actual}
    strays = _strays(rows, alive, policy)
    actions = [
        action
        for row in rows
        if (action := _action(row, _of(row, alive) or strays.get(row.key), policy, now)) is not None
    ]
    return tuple(_making_room(actions, now))


def merged(desired: Iterable[Desired], tracked: Iterable[Tracked]) -> Sequence[Tracked]:
    """Return a row for all that is desired, and for all that is tracked; what is no more desired is not wanted."""
    wanted = {key_of(item): item for item in desired}
    known = {row.key: row for row in tracked}
    rows = [
        replace(known[key], desired=item, added_by="file", is_wanted=True) if key in known else Tracked(desired=item)
        for key, item in wanted.items()
    ]
    others = (row for key, row in known.items() if key not in wanted)
    return rows + [replace(row, is_wanted=row.is_wanted and row.added_by == "cli") for row in others]


def notification_url(desired: Desired, base: str) -> str:
    """Return where Graph is to post: ``base``, and with it whether to fetch, and from which version of Graph.

    Graph replays the query with every notification, so that nothing has to be looked up.
    """
    if not desired.fetch:
        return base
    row = find(desired.resource)
    parts = urlsplit(base)
    version = ApiVersion.BETA if row is not None and row.beta else ApiVersion.V1_0
    query = f"fetch={version}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


def _of(row: Tracked, alive: Mapping[str, Subscription]) -> Subscription | None:
    return alive.get(row.observed.subscription_id) if row.observed else None


def _strays(rows: Sequence[Tracked], alive: Mapping[str, Subscription], policy: Policy) -> Mapping[str, Subscription]:
    """Return what belongs to a row that does not know of it, by the row's key: made by a run that was cut short."""
    known = {row.observed.subscription_id for row in rows if row.observed}
    found = {_match(item, item.notification_url): item for id_, item in alive.items() if id_ not in known}
    if not found:
        return {}
    return {
        row.key: found[match]
        for row in rows
        if _of(row, alive) is None and (match := _match(row.desired, policy.notification_url)) in found
    }


def _match(asked: Desired | Subscription, url: str) -> tuple[str, frozenset[str], str]:
    """Return what a subscription at Graph has in common with the row that it was made for."""
    return (canonical_path(asked.resource), asked.change_types, url.partition("?")[0])


def _action(row: Tracked, subscription: Subscription | None, policy: Policy, now: datetime) -> Action | None:
    if row.failure is not None and now < row.failure.retry_at and not policy.force:
        return None
    if not row.is_wanted:
        return Delete(tracked=row, subscription=subscription)
    expiration = now + _lifetime(row.desired, policy)
    if subscription is None:
        return Create(tracked=row, expiration=expiration, gap=_lost(row, policy))
    if row.observed is None or row.observed.subscription_id != subscription.subscription_id:
        return _adoption(row, subscription, policy, expiration)
    return _upkeep(row, subscription, row.observed, policy, now)


def _lifetime(wanted: Desired, policy: Policy) -> timedelta:
    longest = _longest_lifetime(wanted.resource)
    return policy.lifetime if longest is None else min(policy.lifetime, longest - _MARGIN)


# Of each row it is asked several times in a row, and by several threads at once.
@lru_cache(maxsize=64)
def _longest_lifetime(resource: str) -> timedelta | None:
    row = find(resource)
    return None if row is None else row.max_lifetime


def _lost(row: Tracked, policy: Policy) -> Gap | None:
    """Return the gap that a subscription leaves which Graph no longer has."""
    if row.observed is None:
        return None
    seen_alive = row.observed.renewed_at
    # While a row is in its pause, Graph's lists come and go without anybody looking for its subscription in them.
    if row.failure is None and policy.listed_at is not None:
        seen_alive = max(seen_alive, policy.listed_at)
    return Gap(since=min(seen_alive, row.observed.expiration))


def _adoption(row: Tracked, subscription: Subscription, policy: Policy, expiration: datetime) -> Update:
    # Graph tells what it was asked for, if for the last time: a lifecycle URL cannot be added later.
    fits = (
        subscription.notification_url == notification_url(row.desired, policy.notification_url)
        and subscription.lifecycle_notification_url == policy.notification_url
        and subscription.include_resource_data == row.desired.include_resource_data
        and row.client_state_key_id in {None, policy.client_state_key_id}
    )
    kind = UpdateKind.ADOPT if fits else UpdateKind.RECREATE
    return Update(kind=kind, tracked=row, subscription=subscription, expiration=expiration, gap=_lost(row, policy))


def _upkeep(
    row: Tracked, subscription: Subscription, observed: Observed, policy: Policy, now: datetime
) -> Update | None:
    update = partial(Update, tracked=row, subscription=subscription, expiration=now + _lifetime(row.desired, policy))
    if _since(row.heard.removed_at, observed):
        # Graph still lists it, so a list does not tell since when.
        return update(kind=UpdateKind.RECREATE, gap=Gap(since=observed.renewed_at))
    if _outdated(row, observed, policy):
        return update(kind=UpdateKind.RECREATE, gap=Gap(since=now))
    gap = _missed(row, observed, policy, now)
    if _rotated(observed, policy):
        return update(kind=UpdateKind.ROTATE, gap=gap)
    if gap is not None or _is_due(row, observed, subscription, policy, now):
        return update(kind=UpdateKind.RENEW, gap=gap)
    return None


def _since(moment: datetime | None, observed: Observed) -> bool:
    """Return whether something has been heard since the last renewal."""
    return moment is not None and moment > observed.renewed_at


def _outdated(row: Tracked, observed: Observed, policy: Policy) -> bool:
    """Return whether the subscription differs in what a PATCH cannot change, or not for both URLs."""
    return (
        observed.notification_url != notification_url(row.desired, policy.notification_url)
        or observed.include_resource_data != row.desired.include_resource_data
        or row.client_state_key_id not in {None, policy.client_state_key_id}
    )


def _rotated(observed: Observed, policy: Policy) -> bool:
    current = policy.certificate_id
    return observed.include_resource_data and current is not None and observed.certificate_id != current


def _missed(row: Tracked, observed: Observed, policy: Policy, now: datetime) -> Gap | None:
    """Return the time for which notifications may have been given up, although the subscription lives."""
    missed_at = row.heard.missed_at
    if missed_at is not None and missed_at > observed.renewed_at:
        return Gap(since=missed_at - _KEPT, until=missed_at)
    # Without a renewal the token lapses that Graph holds, and delivery stops.
    if now - observed.renewed_at > max(_KEPT, 2 * policy.renew_after):
        return Gap(since=observed.renewed_at, until=now)
    return None


def _is_due(row: Tracked, observed: Observed, subscription: Subscription, policy: Policy, now: datetime) -> bool:
    age = now - observed.renewed_at
    # What lives shortly is renewed halfway.
    renew_after = min(policy.renew_after, _lifetime(row.desired, policy) / 2)
    asked = _since(row.heard.reauthorization_required_at, observed) and age >= _APART
    return policy.force or asked or age >= renew_after or subscription.expiration - now <= renew_after


def _making_room(actions: Sequence[Action], now: datetime) -> Iterator[Action]:
    """Yield ``actions``, deletions first where something else is created on the same path, for which there is a quota.

    Source: https://learn.microsoft.com/graph/change-notifications-overview#subscription-quotas
    """
    created = {_path(action) for action in actions if isinstance(action, Create)}
    deleted = {_path(action) for action in actions if isinstance(action, Delete) and action.subscription is not None}
    yield from (action for action in actions if isinstance(action, Delete) and _path(action) in created)
    for action in sorted((each for each in actions if not isinstance(each, Delete)), key=_urgency):
        if isinstance(action, Create) and _path(action) in deleted:
            yield replace(action, gap=Gap(since=now).joined(action.gap))
        else:
            yield action
    yield from (action for action in actions if isinstance(action, Delete) and _path(action) not in created)


def _path(action: Action) -> str:
    return canonical_path(action.tracked.desired.resource)


def _urgency(action: Create | Update) -> tuple[bool, datetime]:
    """Return what comes first when time is short: what delivers nothing, then what ends soonest."""
    if isinstance(action, Create):
        return (False, action.expiration)
    return (True, action.subscription.expiration)
