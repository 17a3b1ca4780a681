"""What is to be watched and what is watched, compared: both in, the actions out that make them agree.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from shared.errors import Misconfigured
from shared.resources import canonical_path, faults, find

# A lifetime over the maximum is refused, and two clocks rarely agree.
_MARGIN = timedelta(minutes=5)

_CHANGE_TYPES = frozenset({"created", "updated", "deleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """An entry of ``subscriptions.json``, for one tenant."""

    tenant_id: str
    resource: str
    change_types: frozenset[str]
    include_resource_data: bool

    @property
    def change_type(self) -> str:
        """Return the change types as Graph takes them: in one text, with commas."""
        return ",".join(sorted(self.change_types))


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
                change_types=_change_types(_text(value["changeType"])),
                notification_url=_text(value["notificationUrl"]),
                include_resource_data=bool(value.get("includeResourceData")),
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


type Action = Create | Renew


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
        subscription = watched.get(_wanted_key(wanted))
        lifetime = _lifetime(wanted, policy)
        if subscription is None:
            actions.append(Create(desired=wanted, expiration=now + lifetime))
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


def _key(subscription: Subscription) -> tuple[str, frozenset[str], bool]:
    return (canonical_path(subscription.resource), subscription.change_types, subscription.include_resource_data)


def _wanted_key(wanted: Desired) -> tuple[str, frozenset[str], bool]:
    return (canonical_path(wanted.resource), wanted.change_types, wanted.include_resource_data)


def desired_from_json(document: Any, *, tenant_ids: Sequence[str]) -> Sequence[Desired]:
    """Return the entries of ``subscriptions.json``; one without ``tenantId`` stands for every tenant served.

    Raises:
        Misconfigured: names the entry and what is wrong with it.
    """
    entries = document.get("subscriptions") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise Misconfigured('subscriptions.json is not {"subscriptions": [...]}')
    wanted: dict[tuple[str, ...], Desired] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"subscriptions.json, entry {number}"
        for desired in _entry(entry, tenant_ids, where):
            # Graph answers 409 to a second subscription of the same resource and changes.
            key = (desired.tenant_id, canonical_path(desired.resource), desired.change_type)
            if wanted.setdefault(key, desired) is not desired:
                raise Misconfigured(f"{where}: an entry before it has the same resource and changeType")
    return tuple(wanted.values())


def _entry(entry: Any, tenant_ids: Sequence[str], where: str) -> Sequence[Desired]:
    if not isinstance(entry, dict):
        raise Misconfigured(f"{where}: not an object")
    resource, change_type = entry.get("resource"), entry.get("changeType")
    if not isinstance(resource, str) or not resource.strip("/"):
        raise Misconfigured(f'{where}: "resource" is missing, such as "/chats/getAllMessages"')
    if not isinstance(change_type, str) or not _change_types(change_type) <= _CHANGE_TYPES:
        raise Misconfigured(f'{where}: "changeType" lists created, updated, deleted, with commas')
    tenant_id, include_resource_data = entry.get("tenantId"), entry.get("includeResourceData", False)
    if tenant_id is not None and str(tenant_id).lower() not in tenant_ids:
        raise Misconfigured(f'{where}: "tenantId" is none of TENANT_IDS')
    if not isinstance(include_resource_data, bool):
        raise Misconfigured(f'{where}: "includeResourceData" is true or false')
    change_types = _change_types(change_type)
    refusals = list(faults(resource, change_types=change_types, include_resource_data=include_resource_data))
    if refusals:
        raise Misconfigured(f"{where}: {'; '.join(refusals)}")
    return [
        Desired(
            tenant_id=each,
            resource=resource,
            change_types=change_types,
            include_resource_data=include_resource_data,
        )
        for each in ([str(tenant_id).lower()] if tenant_id else tenant_ids)
    ]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its offset")
    return moment


def _change_types(text: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in text.split(","))
