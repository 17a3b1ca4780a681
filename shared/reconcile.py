"""One run of the timer: look at what each tenant's subscriptions are, and make them what they should be.

Level-triggered: every run starts from what Graph says, so a run that is cut short or fails loses nothing.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from shared.authenticity import sign_client_state
from shared.certificates import Certificate
from shared.desired import Desired
from shared.errors import Misconfigured, Problem
from shared.resources import is_beta
from shared.settings import ClientStateKey
from shared.subscriptions import Action, Policy, Recreate, Renew, Subscription, plan

_LOG = logging.getLogger(__name__)


class SubscriptionsApi(Protocol):
    """What a run needs of Graph in one tenant."""

    def list_subscriptions(self) -> Iterable[Subscription]:
        """Return all subscriptions of the app."""
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
class Reconciler:
    """What a run needs; ``certificate`` fetches the current one, ``nonce`` returns 16 random bytes."""

    desired: Sequence[Desired]
    tenants: Mapping[str, SubscriptionsApi]
    client_state_key: ClientStateKey
    notification_url: str
    lifetime: timedelta
    renew_after: timedelta
    certificate: Callable[[], Certificate] | None
    nonce: Callable[[], bytes]


def reconcile(reconciler: Reconciler, *, now: datetime) -> Mapping[str, int]:
    """Return how many subscriptions were created, renewed and failed; one that fails never stops the rest.

    Raises:
        Unavailable: the encryption certificate cannot be had now.
        UnknownCertificate, Misconfigured: there is none, though resource data is wanted.
    """
    certificate = _certificate(reconciler)
    done = Counter(created=0, renewed=0, failed=0)
    for tenant_id, api in reconciler.tenants.items():
        desired = [item for item in reconciler.desired if item.tenant_id == tenant_id]
        run = _TenantRun(reconciler=reconciler, api=api, tenant_id=tenant_id, certificate=certificate)
        done.update(run.settle(desired, now))
    return done


def _certificate(reconciler: Reconciler) -> Certificate | None:
    if not any(item.include_resource_data for item in reconciler.desired):
        return None
    if reconciler.certificate is None:
        raise Misconfigured("includeResourceData needs KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME")
    return reconciler.certificate()


@dataclass(frozen=True, slots=True, kw_only=True)
class _TenantRun:
    reconciler: Reconciler
    api: SubscriptionsApi
    tenant_id: str
    certificate: Certificate | None

    def settle(self, desired: Sequence[Desired], now: datetime) -> Counter[str]:
        try:
            actual = list(self.api.list_subscriptions())
        except Problem as problem:
            _LOG.error("tenant %s: subscriptions cannot be listed: %s", self.tenant_id, problem)
            return Counter(failed=len(desired))
        return Counter(self._attempt(action) for action in plan(desired, actual, policy=self._policy(), now=now))

    def _policy(self) -> Policy:
        return Policy(
            notification_url=self.reconciler.notification_url,
            lifetime=self.reconciler.lifetime,
            renew_after=self.reconciler.renew_after,
            certificate_id=self.certificate.version if self.certificate else None,
        )

    def _attempt(self, action: Action) -> str:
        try:
            return self._perform(action)
        except Problem as problem:
            what = action.subscription.resource if isinstance(action, Renew) else action.desired.resource
            _LOG.error("tenant %s: %s of %s failed: %s", self.tenant_id, type(action).__name__, what, problem)
            return "failed"

    def _perform(self, action: Action) -> str:
        if isinstance(action, Renew):
            self._renew(action.subscription, action.expiration)
            return "renewed"
        if isinstance(action, Recreate):
            self.api.delete_subscription(action.subscription.subscription_id)
        self._create(action.desired, action.expiration)
        return "created"

    def _create(self, desired: Desired, expiration: datetime) -> None:
        properties = self._properties(desired, expiration)
        made = self.api.create_subscription(properties, beta=is_beta(desired.resource))
        _LOG.info("tenant %s: created %s for %s", self.tenant_id, made.subscription_id, desired.resource)

    def _renew(self, subscription: Subscription, expiration: datetime) -> None:
        changes = _expiration(expiration) | self._encryption(needed=subscription.include_resource_data)
        self.api.update_subscription(subscription.subscription_id, changes, beta=is_beta(subscription.resource))

    def _properties(self, desired: Desired, expiration: datetime) -> dict[str, Any]:
        url = self.reconciler.notification_url
        properties = {
            "changeType": desired.change_type,
            "notificationUrl": url,
            # Without it Graph refuses a lifetime over an hour, and it cannot be added later.
            "lifecycleNotificationUrl": url,
            "resource": desired.resource,
            "clientState": sign_client_state(
                self.reconciler.client_state_key, nonce=self.reconciler.nonce(), tenant_id=self.tenant_id
            ),
            "includeResourceData": desired.include_resource_data,
        }
        return properties | _expiration(expiration) | self._encryption(needed=desired.include_resource_data)

    def _encryption(self, *, needed: bool) -> dict[str, Any]:
        if not needed or self.certificate is None:
            return {}
        return {
            "encryptionCertificate": self.certificate.to_base64(),
            "encryptionCertificateId": self.certificate.version,
        }


def _expiration(moment: datetime) -> dict[str, Any]:
    return {"expirationDateTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
