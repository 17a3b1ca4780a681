"""May one request create or renew a subscription? It stands or falls by these rules.

Sources: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions,
https://learn.microsoft.com/en-us/graph/api/subscription-update
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from sandbox.graph import request_body
from sandbox.graph.callers import Caller
from sandbox.graph.catalogue import find
from sandbox.graph.errors import from_teams, invalid
from sandbox.graph.matching import is_legal_filter
from sandbox.graph.paths import options, segments
from sandbox.graph.request_body import Body
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
    asked = request_body.read(body, allowed=request_body.OF_A_POST)
    change_type, resource = request_body.required(asked, "changeType"), request_body.required(asked, "resource")
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
        expires_at=_expiry(request_body.required(asked, "expirationDateTime"), row, lifecycle_url=urls[1], now=now),
        authorized_until=caller.token_expires_at,
        client_state=request_body.client_state(asked),
        certificate=certificate,
        certificate_id=certificate_id,
        latest_tls=request_body.tls_version(asked),
        token_audience=request_body.text(asked, "notificationUrlAppId") or caller.application_id,
        created_at=now,
    )


def renewed(subscription: Subscription, body: Any, caller: Caller, *, now: datetime) -> Subscription:
    """Return a subscription after a PATCH, which also reauthorizes it.

    The certificate may change together with the expiry or the URL: the two articles together allow nothing else.

    Raises:
        Refused: with 400 or 403.
    """
    asked = request_body.read(body, allowed=_CHANGEABLE)
    expiration, url = request_body.text(asked, "expirationDateTime"), request_body.text(asked, "notificationUrl")
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
        notification_url=subscription.notification_url
        if url is None
        else request_body.https_url(url, "notificationUrl"),
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
    if "filter" in found and not is_legal_filter(row.entity, found["filter"]):
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
    url = request_body.https_url(request_body.required(asked, "notificationUrl"), "notificationUrl")
    lifecycle_url = request_body.text(asked, "lifecycleNotificationUrl")
    if lifecycle_url is not None:
        request_body.https_url(lifecycle_url, "lifecycleNotificationUrl")
    return url, lifecycle_url


def _expiry(value: str, row: ResourceType, *, lifecycle_url: str | None, now: datetime) -> datetime:
    asked = request_body.moment(value, "expirationDateTime")
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
    if not request_body.flag(asked, "includeResourceData"):
        if row.rich_only:
            raise invalid(f"Subscriptions to {row.entity} only support rich notifications.")
        return None, request_body.text(asked, "encryptionCertificateId")
    if not row.rich:
        raise invalid(f"{row.entity} workload is not enabled for rich notifications.")
    return request_body.certificate(asked), request_body.certificate_id(asked)


def _rotation(asked: Body, subscription: Subscription) -> tuple[x509.Certificate | None, str | None]:
    given = {"encryptionCertificate", "encryptionCertificateId"} & asked.keys()
    if not given:
        return subscription.certificate, subscription.certificate_id
    if not subscription.is_rich:
        raise invalid("The subscription does not include resource data.")
    return request_body.certificate(asked), request_body.certificate_id(asked)
