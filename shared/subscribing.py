"""What Graph is asked for in one account, and what it made of it: properties out, an ``Observed`` back.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and subscription-update
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shared.authenticity import sign_client_state
from shared.actions import Update, UpdateKind
from shared.certificates import Certificate
from shared.desired import Desired
from shared.errors import Conflict, Misconfigured, NotFound, Problem
from shared.resources import is_beta
from shared.settings import ClientStateKey
from shared.subscription import Subscription
from shared.subscriptions import notification_url
from shared.tracked import Observed


class SubscriptionsApi(Protocol):
    """What is needed of Graph in one account; NotFound and Conflict stand for 404, and for 409 or 412."""

    def list_subscriptions(self) -> Iterable[Subscription]:
        """Return all subscriptions that the account sees."""
        ...

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> Subscription:
        """Subscribe."""
        ...

    def update_subscription(self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool) -> Subscription:
        """Renew."""
        ...

    def delete_subscription(self, subscription_id: str) -> None:
        """Unsubscribe."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Subscribes, renews and unsubscribes; all methods raise what the API raises.

    ``certificate`` is the current one, the problem with which it could not be had, or None where there is none.
    ``pace`` returns when Graph bears one more write, ``nonce`` 16 random bytes.
    """

    api: SubscriptionsApi
    notification_url: str
    client_state_key: ClientStateKey
    certificate: Certificate | Problem | None
    nonce: Callable[[], bytes]
    pace: Callable[[], None]
    now: Callable[[], datetime]

    def create(self, desired: Desired, expiration: datetime) -> Observed:
        """Subscribe.

        Raises:
            Misconfigured, Unavailable: also when the certificate that resource data need cannot be had.
        """
        certificate = self._required_certificate() if desired.include_resource_data else None
        properties = self._properties(desired) | _expiration(expiration) | _encryption(certificate)
        self.pace()
        made = self.api.create_subscription(properties, beta=is_beta(desired.resource))
        return self._observed(desired, made, certificate.version if certificate else None)

    def renew(self, action: Update) -> tuple[Observed, Problem | None]:
        """Extend a subscription; return the refusal of its certificate beside it, if that was all that was refused."""
        certificate, problem = self._certificate_for(action), None
        try:
            made = self._update(action, certificate)
        except (Misconfigured, Conflict) as refusal:
            if certificate is None:
                raise
            # A certificate that Graph refuses must not cost the subscription.
            certificate, problem = None, refusal
            made = self._update(action, None)
        version = certificate.version if certificate else _known_version(action)
        return self._observed(action.tracked.desired, made, version), problem

    def delete(self, subscription: Subscription | None) -> None:
        """Unsubscribe, if there is anything left to unsubscribe."""
        if subscription is not None:
            self.pace()
            with suppress(NotFound):
                self.api.delete_subscription(subscription.subscription_id)

    def _properties(self, desired: Desired) -> dict[str, Any]:
        return {
            "changeType": desired.change_type,
            "notificationUrl": notification_url(desired, self.notification_url),
            # Without it Graph refuses a lifetime over an hour, and it cannot be added later.
            "lifecycleNotificationUrl": self.notification_url,
            "resource": desired.resource,
            "clientState": sign_client_state(self.client_state_key, nonce=self.nonce(), tenant_id=desired.tenant_id),
            "includeResourceData": desired.include_resource_data,
        }

    def _update(self, action: Update, certificate: Certificate | None) -> Subscription:
        self.pace()
        return self.api.update_subscription(
            action.subscription.subscription_id,
            _expiration(action.expiration) | _encryption(certificate),
            beta=is_beta(action.tracked.desired.resource),
        )

    def _observed(self, desired: Desired, made: Subscription, certificate_id: str | None) -> Observed:
        return Observed(
            subscription_id=made.subscription_id,
            notification_url=notification_url(desired, self.notification_url),
            include_resource_data=desired.include_resource_data,
            certificate_id=certificate_id,
            renewed_at=self.now(),
            expiration=made.expiration,
        )

    def _certificate_for(self, action: Update) -> Certificate | None:
        wanted = action.tracked.desired.include_resource_data and action.kind is not UpdateKind.RENEW
        return self.certificate if wanted and isinstance(self.certificate, Certificate) else None

    def _required_certificate(self) -> Certificate:
        if isinstance(self.certificate, Problem):
            raise self.certificate
        if self.certificate is None:
            raise Misconfigured("includeResourceData needs KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME")
        return self.certificate


def _known_version(action: Update) -> str | None:
    observed = action.tracked.observed
    if observed is None or observed.subscription_id != action.subscription.subscription_id:
        return action.subscription.encryption_certificate_id
    return observed.certificate_id


def _expiration(moment: datetime) -> dict[str, Any]:
    return {"expirationDateTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _encryption(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    return {"encryptionCertificate": certificate.to_base64(), "encryptionCertificateId": certificate.version}
