"""Finds the subscription at Graph that belongs to a row which does not name it, and judges what is known of it.

An interrupted run may have created it without recording it, or the table was lost. Graph's list shows no client state.

Source: https://learn.microsoft.com/graph/api/subscription-list
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from shared.graph.subscription import GraphSubscription
from shared.resources.paths import canonical_path
from shared.resources.validation import find_resource_type
from shared.subscriptions.desired import DesiredSubscription, notification_url
from shared.subscriptions.tracked import AppliedSubscription, TrackedSubscription

# An untracked subscription counts as renewed at least so long ago, for the sake of clocks, and at most so long ago.
_MIN_UNTRACKED, _MAX_UNTRACKED = timedelta(hours=1), timedelta(days=3)


def orphans_by_row(
    rows: Sequence[TrackedSubscription], listed: Mapping[str, GraphSubscription], url: str, now: datetime
) -> Mapping[str, GraphSubscription]:
    """Return the listed subscriptions that no row names, by the keys of rows that have none; ``url``: this app's."""
    living = {applied.subscription_id for row in rows if (applied := row.living(now))}
    orphans = {_match(item, item.notification_url): item for id_, item in listed.items() if id_ not in living}
    if not orphans:
        return {}
    lost = (row for row in rows if row.living(now) is None)
    return {row.key: orphans[m] for row in lost if (m := _match(row.desired, url)) in orphans}


def _match(subscription: DesiredSubscription | GraphSubscription, url: str) -> tuple[str, frozenset[str], str]:
    """Return what a subscription has in common with the row that it was created for."""
    return (canonical_path(subscription.resource), subscription.change_types, url.partition("?")[0])


def added_before(
    listed: Iterable[GraphSubscription],
    desired: Iterable[DesiredSubscription],
    tenant_id: str,
    url: str,
    key_ids: Collection[str],
) -> Sequence[TrackedSubscription]:
    """Return rows for the listed subscriptions with this app's URL and key that no entry names: an operator added them.

    Only right after the table was lost: later, Graph's list may still show what was deleted.
    """
    known = {_match(each, url) for each in desired}
    others = [item for item in listed if _match(item, item.notification_url) not in known]
    rows = [TrackedSubscription(desired=_as_desired(item, tenant_id), added_by="cli") for item in others]
    pairs = zip(others, rows, strict=True)
    return [row for item, row in pairs if signing_key_id(item, row.desired, url, key_ids) is not None]


def _as_desired(subscription: GraphSubscription, tenant_id: str) -> DesiredSubscription:
    return DesiredSubscription(
        tenant_id=tenant_id,
        resource=f"/{subscription.resource.lstrip('/')}",
        change_types=subscription.change_types,
        include_resource_data=subscription.include_resource_data,
        fetch="fetch" in parse_qs(urlsplit(subscription.notification_url).query),
    )


def signing_key_id(
    subscription: GraphSubscription, desired: DesiredSubscription, url: str, key_ids: Iterable[str]
) -> str | None:
    """Return which of the keys signed the client state of a listed subscription, if any did, by its URL."""
    fitting = (id_ for id_ in key_ids if subscription.notification_url == notification_url(desired, url, id_))
    return next(fitting, None)


def renewed_before(subscription: GraphSubscription, now: datetime) -> datetime:
    """Return a time by which a subscription without a row had been renewed, judged by its expiration."""
    resource_type = find_resource_type(subscription.resource)
    left = subscription.expiration - now
    age = timedelta(0) if resource_type is None else resource_type.max_lifetime - left
    return now - min(max(age, _MIN_UNTRACKED), _MAX_UNTRACKED)


def as_tracked(row: TrackedSubscription, applied: AppliedSubscription) -> GraphSubscription:
    """Return a subscription that Graph's list does not show, as it was last accepted."""
    return GraphSubscription(
        subscription_id=applied.subscription_id,
        resource=row.desired.resource,
        change_types=row.desired.change_types,
        notification_url=applied.notification_url,
        lifecycle_notification_url=None,
        include_resource_data=applied.include_resource_data,
        encryption_certificate_id=applied.certificate_id,
        expiration=applied.expiration,
    )
