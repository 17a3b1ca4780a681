"""The rules by which one request to create or renew a subscription stands or falls.

Sources: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions,
https://learn.microsoft.com/en-us/graph/api/subscription-update
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from sandbox.graph import certificates, properties
from sandbox.graph.callers import Caller
from sandbox.graph.catalogue import find
from sandbox.graph.errors import from_teams, invalid
from sandbox.graph.filters import is_legal
from sandbox.graph.paths import options, segments
from sandbox.graph.properties import Body
from sandbox.graph.resource_type import ResourceType
from sandbox.graph.subscription import Subscription

MIN_LIFETIME = timedelta(minutes=45)
_WITHOUT_LIFECYCLE_URL = timedelta(hours=1)
_CHANGEABLE = frozenset({"expirationDateTime", "notificationUrl", "encryptionCertificate", "encryptionCertificateId"})


def created(body: Any, caller: Caller, *, version: str, now: datetime) -> Subscription:
    """Return the subscription that a POST asks for.

    Raises:
        Refused: with 400 or 403; the endpoints and the other subscriptions are still to be looked at.
    """
    asked = properties.read(body, allowed=properties.OF_A_POST)
    change_type, resource = properties.required(asked, "changeType"), properties.required(asked, "resource")
    urls, (row, key) = _urls(asked), _resource(resource, version=version)
    _check_change_type(change_type, row)
    authorize(caller, row)
    certificate, certificate_id = _encryption(asked, row)
    return Subscription(
        id=str(uuid.uuid4()),
        tenant_id=caller.tenant_id,
        application_id=caller.application_id,
        creator_id=caller.object_id,
        user_id=caller.user_id,
        resource=resource,
        resource_type=row,
        key=key,
        options=_options(resource, row),
        change_type=change_type,
        notification_url=urls[0],
        lifecycle_notification_url=urls[1],
        expires_at=_expiry(properties.required(asked, "expirationDateTime"), row, lifecycle_url=urls[1], now=now),
        authorized_until=caller.token_expires_at,
        client_state=properties.client_state(asked),
        certificate=certificate,
        certificate_id=certificate_id,
        latest_tls=properties.tls_version(asked),
        token_audience=properties.text(asked, "notificationUrlAppId") or caller.application_id,
    )


def renewed(subscription: Subscription, body: Any, caller: Caller, *, now: datetime) -> Subscription:
    """Return a subscription after a PATCH, which also reauthorizes it.

    The certificate may change together with the expiry or the URL: the two articles, taken together, allow no more.

    Raises:
        Refused: with 400 or 403.
    """
    asked = properties.read(body, allowed=_CHANGEABLE)
    expiration, url = properties.text(asked, "expirationDateTime"), properties.text(asked, "notificationUrl")
    if expiration is None and url is None:
        raise invalid("The request must contain expirationDateTime or notificationUrl.")
    row = subscription.resource_type
    authorize(caller, row)
    certificate, certificate_id = _rotation(asked, subscription)
    lifecycle_url = subscription.lifecycle_notification_url
    return replace(
        subscription,
        expires_at=_expiry(expiration, row, lifecycle_url=lifecycle_url, now=now)
        if expiration is not None
        else subscription.expires_at,
        notification_url=subscription.notification_url if url is None else properties.https_url(url, "notificationUrl"),
        certificate=certificate,
        certificate_id=certificate_id,
        authorized_until=caller.token_expires_at,
        renewed_at=now,
    )


def authorize(caller: Caller, row: ResourceType) -> None:
    """Look whether the caller may subscribe to a resource.

    Raises:
        Refused: with 403, the token holds none of the permissions.
    """
    permissions = row.permissions if caller.user_id is None else row.delegated
    if not caller.may(permissions):
        names = ",".join(permissions)
        raise from_teams(
            403, f"Required permissions to access {row.template} subscription one of ('{names}') is missing."
        )


def _resource(resource: str, *, version: str) -> tuple[ResourceType, str]:
    path = resource.partition("?")[0]
    found = None if "://" in path else find(segments(path))
    if found is None or (found[0].beta_only and version != "beta"):
        raise invalid(f"Resource '{resource}' is not supported for subscriptions in {version}.")
    return found


def _options(resource: str, row: ResourceType) -> dict[str, str]:
    found = options(resource.partition("?")[2])
    for name in found:
        if name not in row.options:
            raise invalid(f"The query option '{name}' is not supported for {row.template}.")
    if "filter" in found and not is_legal(row.entity, found["filter"]):
        raise invalid(f"The filter is not supported for subscriptions to {row.entity}.")
    if row.filter_required and "filter" not in found:
        raise invalid(f"A filter is required for subscriptions to {row.template}.")
    # Since 25 August 2025 nothing is metered: the model is accepted and means nothing.
    return {name: value for name, value in found.items() if name != "model"}


def _check_change_type(change_type: str, row: ResourceType) -> None:
    asked = change_type.replace(" ", "").split(",")
    unknown = [each for each in asked if each not in {"created", "updated", "deleted"}]
    if unknown or len(set(asked)) != len(asked):
        raise invalid(f"The value '{change_type}' of 'changeType' is invalid.")
    unsupported = [each for each in asked if each not in row.change_types]
    if unsupported:
        raise invalid(f"The change type '{unsupported[0]}' is not supported for {row.template}.")


def _urls(asked: Body) -> tuple[str, str | None]:
    url = properties.https_url(properties.required(asked, "notificationUrl"), "notificationUrl")
    lifecycle_url = properties.text(asked, "lifecycleNotificationUrl")
    if lifecycle_url is not None:
        properties.https_url(lifecycle_url, "lifecycleNotificationUrl")
    return url, lifecycle_url


def _expiry(value: str, row: ResourceType, *, lifecycle_url: str | None, now: datetime) -> datetime:
    asked = properties.moment(value, "expirationDateTime")
    if asked <= now:
        raise invalid("Subscription expiration must be in the future.")
    if asked > now + row.max_lifetime:
        minutes = row.max_lifetime // timedelta(minutes=1)
        raise invalid(f"Subscription expiration can only be {minutes} minutes in the future.")
    if asked > now + _WITHOUT_LIFECYCLE_URL and lifecycle_url is None:
        raise invalid(
            "lifecycleNotificationUrl is a required property for subscription creation on this resource when the "
            "expirationDateTime value is set to greater than 1 hour"
        )
    return max(asked, now + MIN_LIFETIME)


def _encryption(asked: Body, row: ResourceType) -> tuple[x509.Certificate | None, str | None]:
    if not properties.flag(asked, "includeResourceData"):
        if row.rich_only:
            raise invalid(f"Subscriptions to {row.entity} only support rich notifications.")
        return None, properties.text(asked, "encryptionCertificateId")
    if not row.rich:
        raise invalid(f"{row.entity} workload is not enabled for rich notifications.")
    certificate = certificates.read(asked.get("encryptionCertificate"))
    return certificate, certificates.read_id(asked.get("encryptionCertificateId"))


def _rotation(asked: Body, subscription: Subscription) -> tuple[x509.Certificate | None, str | None]:
    given = {"encryptionCertificate", "encryptionCertificateId"} & asked.keys()
    if not given:
        return subscription.certificate, subscription.certificate_id
    if not subscription.is_rich:
        raise invalid("The subscription does not include resource data.")
    certificate = certificates.read(asked.get("encryptionCertificate"))
    return certificate, certificates.read_id(asked.get("encryptionCertificateId"))
