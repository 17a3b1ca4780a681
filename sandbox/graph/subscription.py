"""What does Graph keep of a subscription, and what does it show? The client state stays with Graph.

Source: https://learn.microsoft.com/en-us/graph/api/resources/subscription
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from sandbox.graph.resource_type import ResourceType


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription of an application in a tenant."""

    id: str
    tenant_id: str
    application_id: str
    creator_id: str
    resource: str
    """As the app wrote it."""
    resource_type: ResourceType = field(repr=False)
    key: str = field(repr=False)
    """The resource without query options, in its one spelling."""
    options: Mapping[str, str]
    change_type: str
    """As the app wrote it: a comma-separated list."""
    notification_url: str
    lifecycle_notification_url: str | None
    expires_at: datetime
    authorized_until: datetime
    """When the access token of the last creation, renewal or reauthorization ends; nothing is delivered after it."""
    client_state: str | None = field(repr=False)
    certificate: x509.Certificate | None = field(repr=False)
    """None for a subscription without resource data."""
    certificate_id: str | None
    latest_tls: str
    token_audience: str
    """The app id that validation tokens are made out to: notificationUrlAppId, or the application's own."""
    created_at: datetime | None = None
    """None for one that no request has asked for."""
    renewed_at: datetime | None = None
    reauthorized_at: datetime | None = None
    user_id: str | None = None
    """The signed-in user whom the app acted for; None for an app on its own behalf."""

    @property
    def change_types(self) -> frozenset[str]:
        """The kinds of changes that are reported."""
        return frozenset(self.change_type.replace(" ", "").split(","))

    @property
    def is_rich(self) -> bool:
        """Whether notifications carry the resource, encrypted."""
        return self.certificate is not None

    def as_json(self) -> dict[str, Any]:
        """Return the resource as Graph answers it: the client state and the certificate stay with Graph."""
        return {
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.application_id,
            "changeType": self.change_type,
            "clientState": None,
            "notificationUrl": self.notification_url,
            "notificationQueryOptions": None,
            "lifecycleNotificationUrl": self.lifecycle_notification_url,
            "expirationDateTime": timestamp(self.expires_at),
            "creatorId": self.creator_id,
            "includeResourceData": self.is_rich,
            "latestSupportedTlsVersion": self.latest_tls,
            "encryptionCertificate": None,
            "encryptionCertificateId": self.certificate_id,
            "notificationUrlAppId": None if self.token_audience == self.application_id else self.token_audience,
        }


def timestamp(when: datetime) -> str:
    """Return a time as Graph writes subscriptions' times: UTC, seven digits of a second, ``Z``."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
