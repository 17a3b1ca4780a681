"""One run of the timer: makes the subscriptions of each account at Graph match the desired ones.

Level-triggered: every run compares the desired, tracked and listed subscriptions, so a run that fails or is interrupted
loses nothing. What is tracked is renewed by its id, beside Graph's list and without it; nothing is created without it.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from shared.errors import Misconfigured, Problem
from shared.graph.subscription import GraphSubscription
from shared.identity.certificates import Certificate
from shared.limits import WRITES, RateLimiter
from shared.settings import ClientStateKey
from shared.subscriptions.action_run import ActionRun, Progress
from shared.subscriptions.apply import Applier
from shared.subscriptions.delivery import EndpointAnswer, is_dead_replacement
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.early_renewals import EarlyRenewals
from shared.subscriptions.former_activity import forget_former
from shared.subscriptions.lifecycle import has_copy
from shared.subscriptions.listed_once import ListedOnce
from shared.subscriptions.orphans import added_before
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.ports import SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.requests import SubscriptionRequests
from shared.subscriptions.tracked import AccountStatus, Action, Create, TrackedSubscription
from shared.timing import Backoff, Clock

_LOG = logging.getLogger(__name__)

# Four tenants, each at its own rate limit, use up Graph's limit for an app across all tenants.
# Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits (2,000 and 500 in 20 seconds)
_TENANTS_AT_ONCE = 4
# After this time a run starts nothing more, unless it is told when it ends.
_TIME_LIMIT = timedelta(minutes=8)


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
    """The settings and ports of a run; ``certificate`` fetches the current one, ``nonce`` returns 16 random bytes.

    ``endpoint`` waits for this run's call of the app's own URL. ``client_state_key`` signs; the receiver accepts what
    ``other_client_state_keys`` have signed, too.
    """

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
    endpoint: Callable[[], EndpointAnswer]
    other_client_state_keys: Sequence[ClientStateKey] = ()

    def policy(self, certificate: Certificate | Problem | None, *, force: bool = False) -> RenewalPolicy:
        """Return the policy for the subscriptions of every account, with the certificate if it is available."""
        return RenewalPolicy(
            notification_url=self.notification_url,
            lifetime=self.lifetime,
            renew_after=self.renew_after,
            client_state_key_id=self.client_state_key.key_id,
            other_key_ids=tuple([key.key_id for key in self.other_client_state_keys]),
            certificate_id=certificate.version if isinstance(certificate, Certificate) else None,
            force=force,
        )

    def run(
        self, *, force: bool = False, progress: Progress = lambda _done, _planned: None, ends: datetime | None = None
    ) -> Mapping[str, int]:
        """Reconcile every account, starting nothing after ``ends``; return the counts.

        ``force``: renew everything, and ignore back-offs.
        """
        # The same moment for all: an account that waits for its turn has no more time than the others.
        ends = ends or self.clock.now() + _TIME_LIMIT
        run_of = partial(
            _AccountRun, reconciler=self, certificate=self._current_certificate(), force=force, progress=progress
        )

        def counts(account: Account) -> Counter[str]:
            limiter = RateLimiter(self.clock, WRITES, ends=ends)
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
        account = self.account
        state = self.reconciler.subscription_table.load(account.tenant_id)
        if not account.delegated:
            forget_former(self.reconciler.subscription_table, account.tenant_id, state, self.reconciler.clock.now())
        desired = [item for item in self.reconciler.desired if account.owns(item)]
        tracked = state.tracked_by(delegated=account.delegated)
        status = state.account(account.tenant_id, delegated=account.delegated)
        is_new = status.listed_at is None and not account.delegated
        if not desired and not tracked and not is_new:
            return Counter()
        # Graph's list for the app includes the subscriptions of signed-in users.
        others = state.tracked_by(delegated=not account.delegated)
        list_own = partial(self._list, {row.applied.subscription_id for row in others if row.applied})
        run = self._action_run(tracked, list_own)
        early = EarlyRenewals(self._plan(desired, tracked, None), run.run)
        listed, actual, counts = self._listed(status, lambda: list(early.beside(list_own())))
        if not is_new or actual is None:
            self._save(listed)
        if listed.is_refused:
            return counts + early.counts()
        if is_new and actual is not None:
            tracked = (*tracked, *self._added_before(actual, desired, tracked))
        counts.update(lifecycle_copies=sum(map(has_copy, tracked)))
        counts += run.run(early.without(self._plan(desired, tracked, actual))) + early.counts()
        if is_new and actual is not None:
            # Not before what was found is in the table: a run that is killed in between finds it again.
            self._save(listed)
        return counts

    def _added_before(
        self,
        actual: Sequence[GraphSubscription],
        desired: Sequence[DesiredSubscription],
        tracked: Sequence[TrackedSubscription],
    ) -> Sequence[TrackedSubscription]:
        """Return rows for what an operator had added before the table was lost, if it was."""
        policy = self.reconciler.policy(self.certificate)
        known = [*desired, *(row.desired for row in tracked)]
        key_ids = (policy.client_state_key_id, *policy.other_key_ids)
        return added_before(actual, known, self.account.tenant_id, policy.notification_url, key_ids)

    def _plan(
        self,
        desired: Sequence[DesiredSubscription],
        tracked: Sequence[TrackedSubscription],
        actual: Sequence[GraphSubscription] | None,
    ) -> Sequence[Action]:
        policy = self.reconciler.policy(self.certificate, force=self.force)
        actions = plan(desired, tracked, actual or (), policy=policy, now=self.reconciler.clock.now())
        # Without the list, what an interrupted run created would be created twice.
        return actions if actual is not None else [action for action in actions if not isinstance(action, Create)]

    def _action_run(
        self, tracked: Sequence[TrackedSubscription], list_own: Callable[[], Iterable[GraphSubscription]]
    ) -> ActionRun:
        now = self.reconciler.clock.now
        policy = self.reconciler.policy(self.certificate, force=self.force)
        return ActionRun(
            tenant_id=self.account.tenant_id,
            applier=self._applier(policy, ListedOnce(lambda: list(list_own()))),
            limiter=self.limiter,
            progress=self.progress,
            verdict=lambda: self.reconciler.endpoint().for_account(tracked),
            is_replacement_dead=any(is_dead_replacement(row, now()) for row in tracked),
            now=now,
        )

    def _listed(
        self, status: AccountStatus, list_own: Callable[[], Sequence[GraphSubscription]]
    ) -> tuple[AccountStatus, Sequence[GraphSubscription] | None, Counter[str]]:
        """Return the account's new status and Graph's list, or None and what to count if it is unavailable."""
        now = self.reconciler.clock.now()
        if status.failure is not None and now < status.failure.retry_at and not self.force:
            return status, None, Counter(postponed=1)
        actual, counts = None, Counter[str]()
        try:
            actual = list_own()
            status = replace(status, listed_at=now, failure=None, is_refused=False)
        except Problem as problem:
            _LOG.error("tenant %s: its subscriptions cannot be listed: %s", self.account.tenant_id, problem)
            failure = Backoff.next(status.failure, problem, self.reconciler.clock.now())
            status = replace(status, failure=failure, is_refused=isinstance(problem, Misconfigured))
            counts = Counter(failed=1)
        return status, actual, counts

    def _save(self, status: AccountStatus) -> None:
        # What people see of the account must not cost a renewal.
        with suppress(Problem):
            self.reconciler.subscription_table.save(status)

    def _list(self, other_ids: Collection[str]) -> Iterator[GraphSubscription]:
        return (item for item in self.account.api.list_subscriptions() if item.subscription_id not in other_ids)

    def _applier(self, policy: RenewalPolicy, list_again: Callable[[], Sequence[GraphSubscription]]) -> Applier:
        requests = SubscriptionRequests(
            api=self.account.api,
            policy=policy,
            client_state_key=self.reconciler.client_state_key,
            certificate=self.certificate,
            nonce=self.reconciler.nonce,
            wait_to_write=self.limiter.wait,
            now=self.reconciler.clock.now,
        )
        return Applier(
            requests=requests,
            subscription_table=self.reconciler.subscription_table,
            policy=policy,
            list_again=list_again,
            now=self.reconciler.clock.now,
        )
