"""Applies one action of a plan: records the intent in the row, calls Graph, records the outcome in the row.

The row's ETag guards the intent: of two concurrent runs only one calls Graph, and an interrupted run leaves a trace.
A failure is recorded with a back-off before the next attempt.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and subscription-update
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import Conflict, NotFound, Problem, Unavailable
from shared.graph.subscription import GraphSubscription
from shared.limits import OutOfTime
from shared.subscriptions.delivery import AFTER_OUTAGE
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.ports import TrackedSubscriptions
from shared.subscriptions.requests import SubscriptionRequests
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

    ``list_again`` returns Graph's list as of the first conflict of the run.
    """

    requests: SubscriptionRequests
    subscription_table: TrackedSubscriptions
    policy: RenewalPolicy
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
                self.requests.delete(action.subscription)
                # Not before the deletion: until then the row names the key of the old subscription.
                row = self._save_signing_key(self._ended(row))
            applied, problem = self._call_graph(action)
        except OutOfTime:
            raise
        except Problem as refusal:
            if _is_guess(action):
                # It was only listed. What is gone must not come back.
                return None if isinstance(refusal, NotFound) else refusal
            substitute = self._substitute(action, row, refusal) if may_substitute else None
            if substitute is None:
                return self._record_failure(row, refusal)
            return self.apply_action(substitute, may_substitute=False)
        self._record_outcome(row, applied, problem)
        previous = action.tracked.applied
        if previous is not None and (applied is None or previous.subscription_id != applied.subscription_id):
            self.subscription_table.delete_activity(row.desired.tenant_id, previous.subscription_id)
        return problem

    def prepared(self, creation: Create) -> Create:
        """Return a creation whose row is saved with what it misses, before what makes room for it is deleted.

        Raises:
            Conflict, Unavailable, Misconfigured: as ``apply_action``.
        """
        return replace(creation, tracked=self._record_intent(creation), missed_interval=None)

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
        try:
            self.requests.check(action)
        except NotFound:
            return self.apply_action(self._replacement(action, action.tracked), may_substitute=False)
        except Problem as problem:
            return problem
        return None

    def _replacement(self, action: Update, row: TrackedSubscription) -> Create:
        """Return the creation that follows a 404; the row then names the subscription no longer."""
        if (applied := row.applied) is not None:
            missed_interval = MissedInterval(since=applied.proven_at).merged_with(row.missed_interval)
            row = self.subscription_table.save(replace(self._ended(row), missed_interval=missed_interval))
        return Create(tracked=row, expiration=action.expiration)

    def _ended(self, row: TrackedSubscription) -> TrackedSubscription:
        return row if row.applied is None else replace(row, applied=row.applied.ended(self.now()))

    def _call_graph(self, action: Action) -> tuple[AppliedSubscription | None, Problem | None]:
        match action:
            case Create() | Update(kind=UpdateKind.RECREATE):
                return self.requests.create(action), None
            case Update():
                return self.requests.renew(action)
            case Delete():
                self.requests.delete(action.subscription)
                return None, None

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
        missed_interval = row.missed_interval.with_end(now + AFTER_OUTAGE) if row.missed_interval else None
        self.subscription_table.save(replace(row, applied=applied, failure=failure, missed_interval=missed_interval))


def _is_guess(action: Action) -> bool:
    """Return whether an action adopts what no entry and no row names."""
    return isinstance(action, Update) and action.tracked.etag is None and action.tracked.added_by == "cli"
