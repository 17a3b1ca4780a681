"""Applies one action of a plan: records the intent in the row, calls Graph, records the outcome in the row.

The row's ETag guards the intent: of two concurrent runs only one calls Graph, and an interrupted run leaves a trace.
A failure is recorded with a back-off before the next attempt.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and subscription-update
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.errors import Conflict, Misconfigured, NotFound, Problem, Unavailable
from shared.graph.subscription import GraphSubscription
from shared.identity.certificates import Certificate
from shared.limits import OutOfTime
from shared.notifications.client_state import sign_client_state
from shared.resources.validation import is_beta
from shared.settings import ClientStateKey
from shared.subscriptions.desired import DesiredSubscription, notification_url
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.ports import SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.tracked import (
    Action,
    AppliedSubscription,
    Create,
    Delete,
    MissedInterval,
    TrackedSubscription,
    Update,
    UpdateKind,
)
from shared.timing import Backoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Applier:
    """Applies actions to the subscriptions of one account.

    ``certificate``: the current one, the problem that makes it unavailable, or None if none is configured.
    ``nonce`` returns 16 random bytes; ``wait_to_write`` returns when Graph allows one more request. ``list_again``
    returns Graph's list as of the first conflict of the run.
    """

    api: SubscriptionsApi
    subscription_table: TrackedSubscriptions
    policy: RenewalPolicy
    client_state_key: ClientStateKey
    certificate: Certificate | Problem | None
    nonce: Callable[[], bytes]
    wait_to_write: Callable[[], None]
    list_again: Callable[[], Iterable[GraphSubscription]]
    now: Callable[[], datetime]

    def apply_action(self, action: Action, *, may_substitute: bool = True) -> Problem | None:
        """Apply the action; if it fails, record the problem in the row and return it.

        If Graph's answer shows that its list was out of date, apply a substitute action, once.

        Raises:
            Conflict: another run is changing the row.
            Unavailable: the table does not answer, or no time is left.
        """
        if isinstance(action, Update) and action.kind is UpdateKind.CHECK:
            return self._check(action)
        row = self._record_intent(action)
        try:
            if isinstance(action, Update) and action.kind is UpdateKind.RECREATE:
                self._delete(action.subscription)
                # Not before the deletion: until then the row names the key of the old subscription.
                row = self._save_signing_key(replace(row, applied=None))
            applied, problem = self._call_graph(action)
        except OutOfTime:
            raise
        except Problem as refusal:
            substitute = self._substitute(action, row, refusal) if may_substitute else None
            if substitute is None:
                return self._record_failure(row, refusal)
            return self.apply_action(substitute, may_substitute=False)
        self._record_outcome(row, applied, problem)
        previous = action.tracked.applied
        if previous is not None and (applied is None or previous.subscription_id != applied.subscription_id):
            self.subscription_table.delete_activity(row.desired.tenant_id, previous.subscription_id)
        return problem

    def _record_intent(self, action: Action) -> TrackedSubscription:
        """Return the row with the intent; save it if only one of two runs may make the call."""
        row = action.tracked
        if isinstance(action, Delete):
            return row if action.subscription is None else self.subscription_table.save(row)
        if action.missed_interval is not None:
            row = replace(row, missed_interval=action.missed_interval.merged_with(row.missed_interval))
        match action:
            case Create():
                return self._save_signing_key(row)
            case Update(kind=UpdateKind.RECREATE):
                return self.subscription_table.save(row)
            case _:
                return row

    def _save_signing_key(self, row: TrackedSubscription) -> TrackedSubscription:
        return self.subscription_table.save(replace(row, client_state_key_id=self.policy.client_state_key_id))

    def _check(self, action: Update) -> Problem | None:
        """Recreate a subscription that Graph does not have any more; a copy of a notification can cause no more.

        If Graph has it, or does not answer, nothing is recorded: no renewal moves, and none is postponed.
        """
        self.wait_to_write()
        beta = is_beta(action.tracked.desired.resource)
        try:
            self.api.get_subscription(action.subscription.subscription_id, beta=beta)
        except NotFound:
            return self.apply_action(self._replacement(action, action.tracked), may_substitute=False)
        except Problem as problem:
            return problem
        return None

    def _replacement(self, action: Update, row: TrackedSubscription) -> Create:
        """Return the creation that follows a 404; the row then names the subscription no longer."""
        if (applied := row.applied) is not None:
            missed_interval = MissedInterval(since=applied.renewed_at).merged_with(row.missed_interval)
            row = self.subscription_table.save(replace(row, applied=None, missed_interval=missed_interval))
            self.subscription_table.delete_activity(row.desired.tenant_id, applied.subscription_id)
        return Create(tracked=row, expiration=action.expiration)

    def _call_graph(self, action: Action) -> tuple[AppliedSubscription | None, Problem | None]:
        match action:
            case Create() | Update(kind=UpdateKind.RECREATE):
                return self._create(action), None
            case Update():
                return self._renew(action)
            case Delete():
                self._delete(action.subscription)
                return None, None

    def _create(self, action: Create | Update) -> AppliedSubscription:
        desired = action.tracked.desired
        certificate = self._required_certificate() if desired.include_resource_data else None
        properties = self._properties(desired) | _expiration(action.expiration) | _encryption(certificate)
        self.wait_to_write()
        created = self.api.create_subscription(properties, beta=is_beta(desired.resource))
        url = properties["notificationUrl"]
        return self._applied(desired, created, certificate.version if certificate else None, notification_url=url)

    def _renew(self, action: Update) -> tuple[AppliedSubscription, Problem | None]:
        """Return the renewed subscription, and Graph's refusal if it refused only the certificate."""
        certificate = self._certificate_for(action)
        try:
            return self._update(action, certificate), None
        except (Misconfigured, Conflict) as refusal:
            if certificate is None:
                raise
            # A refused certificate must not let the subscription expire.
            return self._update(action, None), refusal

    def _update(self, action: Update, certificate: Certificate | None) -> AppliedSubscription:
        desired = action.tracked.desired
        self.wait_to_write()
        updated = self.api.update_subscription(
            action.subscription.subscription_id,
            _expiration(action.expiration) | _encryption(certificate),
            beta=is_beta(desired.resource),
        )
        certificate_id = certificate.version if certificate else _applied_certificate_id(action)
        return self._applied(desired, updated, certificate_id, notification_url=_applied_url(action))

    def _delete(self, subscription: GraphSubscription | None) -> None:
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

    def _applied(
        self,
        desired: DesiredSubscription,
        answer: GraphSubscription,
        certificate_id: str | None,
        *,
        notification_url: str,
    ) -> AppliedSubscription:
        return AppliedSubscription(
            subscription_id=answer.subscription_id,
            notification_url=notification_url,
            include_resource_data=desired.include_resource_data,
            certificate_id=certificate_id,
            renewed_at=self.now(),
            expiration=answer.expiration,
        )

    def _certificate_for(self, action: Update) -> Certificate | None:
        is_sent = action.tracked.desired.include_resource_data and action.kind is not UpdateKind.RENEW
        return self.certificate if is_sent and isinstance(self.certificate, Certificate) else None

    def _required_certificate(self) -> Certificate:
        if isinstance(self.certificate, Problem):
            raise self.certificate
        if self.certificate is None:
            raise Misconfigured("includeResourceData needs KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME")
        return self.certificate

    def _substitute(self, action: Action, row: TrackedSubscription, refusal: Problem) -> Action | None:
        """Return the action to apply instead if the list missed a new subscription, or showed a deleted one."""
        match action, refusal:
            case Create(), Conflict():
                return self._adoption(row)
            case Update(kind=UpdateKind.ADOPT | UpdateKind.RENEW | UpdateKind.ROTATE), NotFound():
                return self._replacement(action, row)
            case _:
                return None

    def _adoption(self, row: TrackedSubscription) -> Action | None:
        try:
            actual = self.list_again()
        except Problem:
            return None
        # ``plan`` marks desired rows as coming from the file. A row that an operator added does not.
        desired = [row.desired] if row.added_by == "file" else []
        actions = plan(desired, [row], actual, policy=self.policy, now=self.now())
        return next((action for action in actions if action.verb in {UpdateKind.ADOPT, UpdateKind.RECREATE}), None)

    def _record_failure(self, row: TrackedSubscription, problem: Problem) -> Problem:
        now = self.now()
        failure = Backoff.next(row.failure, problem, now)
        has_retry_after = isinstance(problem, Unavailable) and problem.retry_after is not None
        if row.applied is not None and now < row.applied.expiration and not has_retry_after:
            # A short-lived subscription must not expire during its back-off.
            failure = failure.capped_at(now + (row.applied.expiration - now) / 2)
        self.subscription_table.save(replace(row, failure=failure))
        return problem

    def _record_outcome(
        self, row: TrackedSubscription, applied: AppliedSubscription | None, problem: Problem | None
    ) -> None:
        if applied is None:
            self.subscription_table.delete(row)
            return
        now = self.now()
        failure = Backoff.next(row.failure, problem, now) if problem else None
        if failure is not None:
            # Renew before the token used for the last renewal expires, or Graph stops delivering.
            failure = failure.capped_at(now + min(self.policy.renew_after, (applied.expiration - now) / 2))
        missed_interval = row.missed_interval.with_end(now) if row.missed_interval else None
        self.subscription_table.save(replace(row, applied=applied, failure=failure, missed_interval=missed_interval))


def _applied_certificate_id(action: Update) -> str | None:
    applied = action.tracked.applied
    if applied is None or applied.subscription_id != action.subscription.subscription_id:
        return action.subscription.encryption_certificate_id
    return applied.certificate_id


def _applied_url(action: Update) -> str:
    applied = action.tracked.applied
    if applied is None or action.kind is UpdateKind.ADOPT:
        return action.subscription.notification_url
    return applied.notification_url


def _expiration(time: datetime) -> dict[str, Any]:
    return {"expirationDateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _encryption(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    return {"encryptionCertificate": certificate.to_base64(), "encryptionCertificateId": certificate.version}
