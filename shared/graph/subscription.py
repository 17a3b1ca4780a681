"""A subscription as Graph returns it, parsed from JSON.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from shared.errors import Misconfigured
from shared.timing import utc_time

# Ids are GUIDs.
_MAX_ID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSubscription:
    """A subscription as Graph lists it; times in UTC."""

    subscription_id: str
    resource: str
    change_types: frozenset[str]
    notification_url: str
    lifecycle_notification_url: str | None
    include_resource_data: bool
    encryption_certificate_id: str | None
    expiration: datetime

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the subscription in one of Graph's responses.

        Raises:
            Misconfigured: not a subscription.
        """
        try:
            return cls(
                subscription_id=_text(value["id"]),
                resource=_text(value["resource"]),
                change_types=split_change_types(_text(value["changeType"])),
                notification_url=_text(value["notificationUrl"]),
                lifecycle_notification_url=value.get("lifecycleNotificationUrl") or None,
                include_resource_data=bool(value.get("includeResourceData") or value.get("encryptionCertificateId")),
                encryption_certificate_id=value.get("encryptionCertificateId") or None,
                expiration=utc_time(value["expirationDateTime"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            name = value.get("id") if isinstance(value, dict) else None
            which = f" ({name[:_MAX_ID]})" if isinstance(name, str) else ""
            raise Misconfigured(f"Graph's response is not a subscription{which}") from exc


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def split_change_types(text: str) -> frozenset[str]:
    """Return the comma-separated change types in ``text``, in lower case."""
    return frozenset(part.strip().lower() for part in text.split(","))
