"""What is to be watched and what is watched, compared: both in, the actions out that make them agree.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from shared.desired import Desired, split_change_types
from shared.errors import Misconfigured
from shared.resources import canonical_path, find

# A lifetime over the maximum is refused, and two clocks rarely agree.
_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as Graph lists it; times in UTC."""

    subscription_id: str
    resource: str
    change_types: frozenset[str]
    notification_url: str
    include_resource_data: bool
    encryption_certificate_id: str | None
    expiration: datetime

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the subscription in one of Graph's answers.

        Raises:
            Misconfigured: not a subscription.
        """
        try:
            return cls(
                subscription_id=_text(value["id"]),
                resource=_text(value["resource"]),
                change_types=split_change_types(_text(value["changeType"])),
                notification_url=_text(value["notificationUrl"]),
                include_resource_data=bool(value.get("includeResourceData") or value.get("encryptionCertificateId")),
                encryption_certificate_id=value.get("encryptionCertificateId") or None,
                expiration=_moment(_text(value["expirationDateTime"])),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            raise Misconfigured("Graph answered with something that is no subscription") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Subscribe to what nothing watches."""

    desired: Desired
    expiration: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """Extend a subscription, which reauthorizes it too; a rich one gets the current certificate with it."""

    subscription: Subscription
    expiration: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recreate:
    """Subscribe anew with or without resource data, which Graph cannot change, and refuses beside the old one (409)."""

    subscription: Subscription
    desired: Desired
    expiration: datetime


type Action = Create | Renew | Recreate


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How subscriptions are kept; ``certificate_id`` is None where there is no encryption certificate."""

    notification_url: str
    lifetime: timedelta
    renew_after: timedelta
    certificate_id: str | None


def plan(
    desired: Iterable[Desired], actual: Iterable[Subscription], *, policy: Policy, now: datetime
) -> Sequence[Action]:
    """Return the actions that turn one tenant's ``actual`` into ``desired``; empty when settled.

    What nobody asked for is left alone: another deployment of the same app registration may own it.
    """
    watched = {_key(item): item for item in actual if item.notification_url == policy.notification_url}
    actions: list[Action] = []
    for wanted in desired:
        subscription = watched.get((canonical_path(wanted.resource), wanted.change_types))
        lifetime = _lifetime(wanted, policy)
        if subscription is None:
            actions.append(Create(desired=wanted, expiration=now + lifetime))
        elif subscription.include_resource_data != wanted.include_resource_data:
            actions.append(Recreate(subscription=subscription, desired=wanted, expiration=now + lifetime))
        elif _is_due(subscription, lifetime, policy, now):
            actions.append(Renew(subscription=subscription, expiration=now + lifetime))
    return actions


def _lifetime(wanted: Desired, policy: Policy) -> timedelta:
    row = find(wanted.resource)
    return policy.lifetime if row is None else min(policy.lifetime, row.max_lifetime - _MARGIN)


def _is_due(subscription: Subscription, lifetime: timedelta, policy: Policy, now: datetime) -> bool:
    # The last renewal set the expiration, so its age can be read from there. What lives shortly is renewed halfway.
    renew_after = min(policy.renew_after, lifetime / 2)
    renewed_long_ago = subscription.expiration <= now + lifetime - renew_after
    return renewed_long_ago or (
        subscription.include_resource_data and subscription.encryption_certificate_id != policy.certificate_id
    )


def _key(subscription: Subscription) -> tuple[str, frozenset[str]]:
    """Return what no two subscriptions of an app may share."""
    return (canonical_path(subscription.resource), subscription.change_types)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its offset")
    return moment
