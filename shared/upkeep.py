"""One action on one subscription carried out: at Graph, and in the table.

What is made or deleted at Graph is announced in the table first, so that of two runs one does it, and a run that is cut
short leaves a trace for the next. What fails is recorded in the row, with a pause before the next attempt.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from dataclasses import dataclass, replace
from typing import Protocol

from shared.actions import Action, Create, Delete, Update, UpdateKind
from shared.desired import Desired
from shared.errors import Conflict, NotFound, Problem, Unavailable
from shared.limits import OutOfTime
from shared.subscribing import Subscriber
from shared.subscriptions import Policy, plan
from shared.timing import Backoff
from shared.tracked import Gap, Listing, Observed, Rows, Tracked


class TrackingTable(Protocol):
    """What is needed of the table; Conflict is raised for a row that somebody else has changed."""

    def load(self, tenant_id: str) -> Rows:
        """Return all that is known in a tenant."""
        ...

    def save[Row: (Tracked, Listing)](self, row: Row) -> Row:
        """Return the row as it is kept."""
        ...

    def remove(self, row: Tracked) -> None:
        """Delete a row."""
        ...

    def forget(self, tenant_id: str, subscription_id: str) -> None:
        """Delete what was heard of a subscription."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What actions on one account's subscriptions need."""

    subscriber: Subscriber
    tracking: TrackingTable
    policy: Policy

    def perform(self, action: Action, *, again: bool = True) -> Problem | None:
        """Carry the action out; return what kept it from success, once that stands in the row.

        Graph's answer may show that its list was out of date: then, once, another action takes the place of this one.

        Raises:
            Conflict: another run has the row in hand.
            Unavailable: the table does not answer, or there is no time left.
        """
        row = self._announced(action)
        try:
            if isinstance(action, Update) and action.kind is UpdateKind.RECREATE:
                self.subscriber.delete(action.subscription)
                # Not before: until then the row tells which key the subscription at Graph was signed with.
                row = self._to_be_signed(row)
            observed, problem = self._ask(action, row.desired)
        except OutOfTime:
            raise
        except Problem as refusal:
            instead = self._instead(action, row, refusal) if again else None
            return self._failed(row, refusal) if instead is None else self.perform(instead, again=False)
        self._record(row, observed, problem)
        former = action.tracked.observed
        if former is not None and (observed is None or former.subscription_id != observed.subscription_id):
            self.tracking.forget(row.desired.tenant_id, former.subscription_id)
        return problem

    def _announced(self, action: Action) -> Tracked:
        """Return the row with what can be said before Graph is asked; saved, where only one run may ask."""
        row = action.tracked
        if isinstance(action, Delete):
            return row if action.subscription is None else self.tracking.save(row)
        row = replace(row, gap=action.gap.joined(row.gap) if action.gap else row.gap)
        match action:
            case Create():
                return self._to_be_signed(row)
            case Update(kind=UpdateKind.RECREATE):
                return self.tracking.save(row)
            case Update(kind=UpdateKind.ADOPT) if row.client_state_key_id is None:
                # Nobody can tell. Left open, it would not be recreated when the key is rotated.
                return replace(row, client_state_key_id=self.policy.client_state_key_id)
            case _:
                return row

    def _to_be_signed(self, row: Tracked) -> Tracked:
        return self.tracking.save(replace(row, client_state_key_id=self.policy.client_state_key_id))

    def _ask(self, action: Action, desired: Desired) -> tuple[Observed | None, Problem | None]:
        match action:
            case Delete():
                self.subscriber.delete(action.subscription)
                return None, None
            case Create() | Update(kind=UpdateKind.RECREATE):
                return self.subscriber.create(desired, action.expiration), None
            case Update():
                return self.subscriber.renew(action)

    def _instead(self, action: Action, row: Tracked, refusal: Problem) -> Action | None:
        """Return what to do where Graph's list did not show that a subscription exists, or has gone."""
        match action, refusal:
            case Create(), Conflict():
                return self._adoption(row)
            case Update(kind=UpdateKind.ADOPT | UpdateKind.RENEW | UpdateKind.ROTATE), NotFound():
                gap = Gap(since=row.observed.renewed_at) if row.observed else None
                return Create(tracked=row, expiration=action.expiration, gap=gap)
            case _:
                return None

    def _adoption(self, row: Tracked) -> Action | None:
        try:
            actual = list(self.subscriber.api.list_subscriptions())
        except Problem:
            return None
        # One that an operator has added must not look as if a file asked for it.
        desired = [row.desired] if row.added_by == "file" else []
        actions = plan(desired, [row], actual, policy=self.policy, now=self.subscriber.now())
        return next((action for action in actions if action.verb in {UpdateKind.ADOPT, UpdateKind.RECREATE}), None)

    def _failed(self, row: Tracked, problem: Problem) -> Problem:
        now = self.subscriber.now()
        failure = Backoff.next(row.failure, problem, now)
        told_when = isinstance(problem, Unavailable) and problem.retry_after is not None
        if row.observed is not None and now < row.observed.expiration and not told_when:
            # What lives shortly must not lapse during a pause.
            failure = failure.capped_at(now + (row.observed.expiration - now) / 2)
        self.tracking.save(replace(row, failure=failure))
        return problem

    def _record(self, row: Tracked, observed: Observed | None, problem: Problem | None) -> None:
        if observed is None:
            self.tracking.remove(row)
            return
        now = self.subscriber.now()
        failure = Backoff.next(row.failure, problem, now) if problem else None
        if failure is not None:
            # What lives all the same is renewed in time, or Graph holds back what it has for want of a living token.
            due = now + min(self.policy.renew_after, (observed.expiration - now) / 2)
            failure = failure.capped_at(due)
        gap = row.gap.ended(now) if row.gap else None
        self.tracking.save(replace(row, observed=observed, failure=failure, gap=gap))
