"""One run of the timer: makes the subscriptions of each account at Graph match the desired ones.

Level-triggered: every run compares the desired, tracked and listed subscriptions, so a run that fails or is interrupted
loses nothing.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import groupby

from shared.errors import Conflict, Misconfigured, Problem, Unavailable
from shared.graph.subscription import GraphSubscription
from shared.identity.certificates import Certificate
from shared.limits import WRITES, RateLimiter
from shared.settings import ClientStateKey
from shared.subscriptions.apply import Applier, SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.tracked import AccountStatus, Action, Delete, UpdateKind
from shared.timing import Backoff, Clock

_LOG = logging.getLogger(__name__)

# Four tenants, each at its own rate limit, use up Graph's limit for an app across all tenants.
# Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits (2,000 and 500 in 20 seconds)
_TENANTS_AT_ONCE = 4
# A renewal takes Graph a third of a second, so eight at once reach the rate limit.
_WRITES_AT_ONCE = 8
# After this time a run starts no further action: the host ends it after ten minutes.
_TIME_LIMIT = timedelta(minutes=8)

type Progress = Callable[[int, int], None]
"""Called from any thread with the increase of actions done and the increase of actions planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An owner of subscriptions: the app in a tenant, or the user who signed in there."""

    tenant_id: str
    delegated: bool
    api: SubscriptionsApi

    def owns(self, desired: DesiredSubscription) -> bool:
        """Return whether the subscription belongs to the account."""
        return (desired.tenant_id, desired.delegated) == (self.tenant_id, self.delegated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """The settings and ports of a run; ``certificate`` fetches the current one, ``nonce`` returns 16 random bytes."""

    desired: Sequence[DesiredSubscription]
    accounts: Sequence[Account]
    subscription_table: TrackedSubscriptions
    client_state_key: ClientStateKey
    notification_url: str
    lifetime: timedelta
    renew_after: timedelta
    certificate: Callable[[], Certificate] | None
    nonce: Callable[[], bytes]
    clock: Clock

    def policy(
        self, account_status: AccountStatus, certificate: Certificate | Problem | None, *, force: bool = False
    ) -> RenewalPolicy:
        """Return the policy for the subscriptions of an account, with the certificate if it is available."""
        return RenewalPolicy(
            notification_url=self.notification_url,
            lifetime=self.lifetime,
            renew_after=self.renew_after,
            client_state_key_id=self.client_state_key.key_id,
            certificate_id=certificate.version if isinstance(certificate, Certificate) else None,
            listed_at=account_status.listed_at,
            force=force,
        )

    def run(self, *, force: bool = False, progress: Progress = lambda _done, _planned: None) -> Mapping[str, int]:
        """Reconcile every account; return how many subscriptions were created, renewed and so on, or failed.

        ``force``: renew everything, no matter when it was last renewed, and ignore back-offs.
        """
        certificate = self._current_certificate()
        run_of = partial(_AccountRun, reconciler=self, certificate=certificate, force=force, progress=progress)

        def counts(account: Account) -> Counter[str]:
            limiter = RateLimiter(self.clock, WRITES, ends=self.clock.now() + _TIME_LIMIT)
            return run_of(account=account, limiter=limiter).counts()

        with ThreadPoolExecutor(_TENANTS_AT_ONCE, thread_name_prefix="tenant") as pool:
            return sum(pool.map(counts, self.accounts), Counter())

    def _current_certificate(self) -> Certificate | Problem | None:
        try:
            return self.certificate() if self.certificate else None
        except Problem as problem:
            _LOG.error("the encryption certificate is unavailable: %s", problem)
            return problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _AccountRun:
    """The part of a run for one account: several actions at once, until time is up."""

    reconciler: Reconciler
    account: Account
    certificate: Certificate | Problem | None
    force: bool
    progress: Progress
    limiter: RateLimiter

    def counts(self) -> Counter[str]:
        try:
            return self._reconcile()
        except Problem as problem:
            _LOG.error("tenant %s: its subscriptions cannot be reconciled: %s", self.account.tenant_id, problem)
            return Counter(failed=1)

    def _reconcile(self) -> Counter[str]:
        account, table, started_at = self.account, self.reconciler.subscription_table, self.reconciler.clock.now()
        state = table.load(account.tenant_id)
        desired = [item for item in self.reconciler.desired if account.owns(item)]
        tracked = state.tracked_by(delegated=account.delegated)
        account_status = state.account(account.tenant_id, delegated=account.delegated)
        if not desired and not tracked:
            return Counter()
        if account_status.failure is not None and started_at < account_status.failure.retry_at and not self.force:
            return Counter(postponed=1)
        policy = self.reconciler.policy(account_status, self.certificate, force=self.force)
        # Graph's list for the app includes the subscriptions of signed-in users.
        others = state.tracked_by(delegated=not account.delegated)
        other_ids = {row.applied.subscription_id for row in others if row.applied}
        actual = [item for item in self._list(account_status) if item.subscription_id not in other_ids]
        counts = self._run_actions(plan(desired, tracked, actual, policy=policy, now=started_at), self._applier(policy))
        # If actions were postponed, keep the previous time: the next run finds those subscriptions missing since then.
        listed_at = account_status.listed_at if counts["postponed"] else started_at
        with suppress(Conflict):
            table.save(replace(account_status, listed_at=listed_at, failure=None))
        return counts

    def _list(self, account_status: AccountStatus) -> Sequence[GraphSubscription]:
        try:
            return list(self.account.api.list_subscriptions())
        except Problem as problem:
            failure = Backoff.next(account_status.failure, problem, self.reconciler.clock.now())
            self.reconciler.subscription_table.save(replace(account_status, failure=failure))
            raise

    def _applier(self, policy: RenewalPolicy) -> Applier:
        return Applier(
            api=self.account.api,
            subscription_table=self.reconciler.subscription_table,
            policy=policy,
            client_state_key=self.reconciler.client_state_key,
            certificate=self.certificate,
            nonce=self.reconciler.nonce,
            wait_to_write=self.limiter.wait,
            now=self.reconciler.clock.now,
        )

    def _run_actions(self, actions: Sequence[Action], applier: Applier) -> Counter[str]:
        attempt = partial(self._attempt, applier)
        counts = Counter[str]()
        self.progress(0, len(actions))
        with ThreadPoolExecutor(_WRITES_AT_ONCE, thread_name_prefix="write") as pool:
            # A creation waits for the deletions that make room for it.
            for _, group in groupby(actions, lambda action: isinstance(action, Delete)):
                outcomes, rest = self._canary_first(tuple(group), attempt)
                counts.update(outcomes)
                counts.update(pool.map(attempt, rest))
        return counts

    def _canary_first(
        self, actions: Sequence[Action], attempt: Callable[[Action], str]
    ) -> tuple[Counter[str], Sequence[Action]]:
        """Recreate one subscription first, and no other if it fails; return the outcomes and the remaining actions.

        A wrong NOTIFICATION_URL would otherwise delete all subscriptions before Graph's handshake fails.
        """
        recreations = [action for action in actions if action.verb == UpdateKind.RECREATE]
        if len(recreations) <= 1:
            return Counter(), actions
        canary, postponed = recreations[0], len(recreations) - 1
        outcome = attempt(canary)
        if outcome != "failed":
            return Counter([outcome]), [action for action in actions if action is not canary]
        self.progress(postponed, 0)
        rest = [action for action in actions if action.verb != UpdateKind.RECREATE]
        return Counter(failed=1, postponed=postponed), rest

    def _attempt(self, applier: Applier, action: Action) -> str:
        outcome = self._outcome(applier, action)
        self.progress(1, 0)
        return outcome

    def _outcome(self, applier: Applier, action: Action) -> str:
        if self.limiter.is_over():
            return "postponed"
        try:
            problem = applier.apply_action(action)
        except Conflict:
            return "left to another run"
        # Storage refuses the row: other than a refusal of Graph, this leaves no trace in it.
        except (Unavailable, Misconfigured) as failure:
            self._report(action, failure)
            return "postponed"
        if problem is not None:
            self._report(action, problem)
            return "failed"
        # "created", "renewed" and so on.
        return f"{action.verb.removesuffix('e')}ed"

    def _report(self, action: Action, problem: Problem) -> None:
        if isinstance(problem, Unavailable) and problem.retry_after is not None:
            self.limiter.pause_for(problem.retry_after)
        desired = action.tracked.desired
        _LOG.error("tenant %s: %s of %s failed: %s", desired.tenant_id, action.verb, desired.resource, problem)
