"""The requests for one account's subscriptions: what is sent to Graph, and what its answer says of the subscription.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and subscription-update
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.errors import Conflict, Misconfigured, NotFound, Problem
from shared.graph.subscription import GraphSubscription
from shared.identity.certificates import Certificate
from shared.notifications.client_state import sign_client_state
from shared.resources.validation import is_beta
from shared.settings import ClientStateKey
from shared.subscriptions.desired import DesiredSubscription, notification_url
from shared.subscriptions.plan import RenewalPolicy, is_as_desired
from shared.subscriptions.ports import SubscriptionsApi
from shared.subscriptions.tracked import AppliedSubscription, Create, Update, UpdateKind

# Of Graph's text when the endpoint has not answered the handshake, which a renewal may cause, too.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
_ENDPOINT_REFUSED = "Subscription validation request"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRequests:
    """Creates, renews, reads and deletes subscriptions; raises as ``SubscriptionsApi`` does.

    ``certificate``: the current one, the problem that makes it unavailable, or None if none is configured.
    ``nonce`` returns 16 random bytes; ``wait_to_write`` returns when Graph allows one more request.
    """

    api: SubscriptionsApi
    policy: RenewalPolicy
    client_state_key: ClientStateKey
    certificate: Certificate | Problem | None
    nonce: Callable[[], bytes]
    wait_to_write: Callable[[], None]
    now: Callable[[], datetime]

    def create(self, action: Create | Update) -> AppliedSubscription:
        """Return the subscription that Graph created for an action."""
        desired = action.tracked.desired
        certificate = self._required_certificate() if desired.include_resource_data else None
        properties = self._properties(desired) | _expiration(action.expiration) | _encryption(certificate)
        self.wait_to_write()
        token_expires_at = self.api.token_expires_at()
        created = self.api.create_subscription(properties, beta=is_beta(desired.resource))
        now = self.now()
        return AppliedSubscription(
            subscription_id=created.subscription_id,
            notification_url=properties["notificationUrl"],
            include_resource_data=desired.include_resource_data,
            certificate_id=certificate.version if certificate else None,
            created_at=now,
            renewed_at=now,
            proven_at=now,
            token_expires_at=token_expires_at,
            expiration=created.expiration,
        )

    def renew(self, action: Update) -> tuple[AppliedSubscription, Problem | None]:
        """Return the renewed subscription, and Graph's refusal if it refused only the certificate."""
        certificate = self._certificate_for(action)
        try:
            return self._update(action, certificate), None
        except (Misconfigured, Conflict) as refusal:
            if certificate is None or _ENDPOINT_REFUSED in str(refusal):
                raise
            # A refused certificate must not let the subscription expire.
            return self._update(action, None), refusal

    def _update(self, action: Update, certificate: Certificate | None) -> AppliedSubscription:
        desired, before = action.tracked.desired, self._before(action)
        self.wait_to_write()
        token_expires_at = self.api.token_expires_at()
        updated = self.api.update_subscription(
            action.subscription.subscription_id,
            _expiration(action.expiration) | _encryption(certificate),
            beta=is_beta(desired.resource),
        )
        now = self.now()
        return replace(
            before,
            certificate_id=certificate.version if certificate else before.certificate_id,
            renewed_at=now,
            # What waits to be replaced stays alive, but does not deliver as desired.
            proven_at=now if is_as_desired(before, desired, self.policy) else before.proven_at,
            token_expires_at=token_expires_at,
            expiration=updated.expiration,
        )

    def _before(self, action: Update) -> AppliedSubscription:
        """Return a subscription as it is before its renewal: as the row knows it, or as Graph lists it."""
        applied, subscription = action.tracked.applied, action.subscription
        if applied is not None and applied.subscription_id == subscription.subscription_id:
            return applied
        now = self.now()
        return AppliedSubscription(
            subscription_id=subscription.subscription_id,
            notification_url=subscription.notification_url,
            include_resource_data=subscription.include_resource_data,
            certificate_id=subscription.encryption_certificate_id,
            created_at=now,
            renewed_at=now,
            proven_at=now,
            token_expires_at=now,
            expiration=subscription.expiration,
        )

    def check(self, action: Update) -> None:
        """Return if Graph has the subscription; raise NotFound if it does not."""
        self.wait_to_write()
        self.api.get_subscription(action.subscription.subscription_id, beta=is_beta(action.tracked.desired.resource))

    def delete(self, subscription: GraphSubscription | None) -> None:
        """Delete a subscription if there is one."""
        if subscription is not None:
            self.wait_to_write()
            with suppress(NotFound):
                self.api.delete_subscription(subscription.subscription_id)

    def _properties(self, desired: DesiredSubscription) -> dict[str, Any]:
        client_state = sign_client_state(self.client_state_key, nonce=self.nonce(), tenant_id=desired.tenant_id)
        return {
            "changeType": desired.change_type,
            "notificationUrl": notification_url(desired, self.policy.notification_url, self.client_state_key.key_id),
            # Graph requires it for a lifetime over an hour, and it cannot be added later.
            "lifecycleNotificationUrl": self.policy.notification_url,
            "resource": desired.resource,
            "clientState": client_state,
            "includeResourceData": desired.include_resource_data,
        }

    def _certificate_for(self, action: Update) -> Certificate | None:
        is_sent = action.tracked.desired.include_resource_data and action.kind is not UpdateKind.RENEW
        return self.certificate if is_sent and isinstance(self.certificate, Certificate) else None

    def _required_certificate(self) -> Certificate:
        if isinstance(self.certificate, Problem):
            raise self.certificate
        if self.certificate is None:
            raise Misconfigured("includeResourceData needs KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME")
        return self.certificate


def _expiration(time: datetime) -> dict[str, Any]:
    return {"expirationDateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _encryption(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    return {"encryptionCertificate": certificate.to_base64(), "encryptionCertificateId": certificate.version}
