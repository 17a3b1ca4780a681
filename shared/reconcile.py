"""One run of the timer: look at what each account's subscriptions are, and make them what they should be.

Level-triggered: every run compares what is wanted, what is tracked and what Graph lists, so a run that is cut short or
fails loses nothing.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from shared.actions import Action, Delete, UpdateKind
from shared.certificates import Certificate
from shared.desired import Desired
from shared.errors import Conflict, Problem, Unavailable
from shared.limits import WRITES, RateLimiter
from shared.settings import ClientStateKey
from shared.subscribing import Subscriber, SubscriptionsApi
from shared.subscription import Subscription
from shared.subscriptions import Policy, plan
from shared.timing import Backoff, Clock
from shared.tracked import Listing
from shared.upkeep import TrackingTable, Upkeep

_LOG = logging.getLogger(__name__)

# The pace of four tenants is what Graph bears of an app in all of them.
# Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits (2,000 and 500 in 20 seconds)
_TENANTS_AT_ONCE = 4
# A renewal takes Graph a third of a second: so many at once keep up with the pace.
_WRITES_AT_ONCE = 8
# A run begins nothing after this while: the host ends it after ten minutes, and there is more to do than this.
_TIME = timedelta(minutes=4)

# Called, by any thread, with how many more subscriptions are done, and how many more are to be.
type Progress = Callable[[int, int], None]


def _untold(_done: int, _to_do: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose subscriptions are looked after: the app's own in a tenant, or those of the user who signed in there."""

    tenant_id: str
    delegated: bool
    api: SubscriptionsApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """What a run needs; ``certificate`` fetches the current one, ``nonce`` returns 16 random bytes."""

    desired: Sequence[Desired]
    accounts: Sequence[Account]
    tracking: TrackingTable
    client_state_key: ClientStateKey
    notification_url: str
    lifetime: timedelta
    renew_after: timedelta
    certificate: Callable[[], Certificate] | None
    nonce: Callable[[], bytes]
    clock: Clock

    def policy(self, listing: Listing, certificate: Certificate | Problem | None, *, force: bool = False) -> Policy:
        """Return how the subscriptions of an account are kept, with the certificate that could be had."""
        return Policy(
            notification_url=self.notification_url,
            lifetime=self.lifetime,
            renew_after=self.renew_after,
            client_state_key_id=self.client_state_key.key_id,
            certificate_id=certificate.version if isinstance(certificate, Certificate) else None,
            listed_at=listing.listed_at,
            force=force,
        )


def reconcile(reconciler: Reconciler, *, force: bool = False, progress: Progress = _untold) -> Mapping[str, int]:
    """Return how many subscriptions were created, renewed and so on; one that fails never stops the rest.

    ``force``: renew everything, whenever it was renewed last, and heed no pause after failures.
    """
    run = _Run(reconciler=reconciler, force=force, progress=progress, certificate=_certificate(reconciler))
    with ThreadPoolExecutor(_TENANTS_AT_ONCE, thread_name_prefix="tenant") as pool:
        return sum(pool.map(run.settle, reconciler.accounts), Counter())


def _certificate(reconciler: Reconciler) -> Certificate | Problem | None:
    try:
        return reconciler.certificate() if reconciler.certificate else None
    except Problem as problem:
        _LOG.error("the encryption certificate cannot be had: %s", problem)
        return problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    reconciler: Reconciler
    force: bool
    progress: Progress
    certificate: Certificate | Problem | None

    def settle(self, account: Account) -> Counter[str]:
        try:
            return self._settle(account)
        except Problem as problem:
            _LOG.error("tenant %s: its subscriptions cannot be looked after: %s", account.tenant_id, problem)
            return Counter(failed=1)

    def _settle(self, account: Account) -> Counter[str]:
        began = self.reconciler.clock.now()
        rows = self.reconciler.tracking.load(account.tenant_id)
        desired = [item for item in self.reconciler.desired if _is_of(account, item)]
        tracked = rows.of(delegated=account.delegated)
        listing = rows.listing(account.tenant_id, delegated=account.delegated)
        if not desired and not tracked:
            return Counter()
        if listing.failure is not None and began < listing.failure.retry_at and not self.force:
            return Counter(postponed=1)
        policy = self.reconciler.policy(listing, self.certificate, force=self.force)
        # The list for an app is also of what is watched in the name of users.
        others = {row.observed.subscription_id for row in rows.of(delegated=not account.delegated) if row.observed}
        actual = [item for item in self._list(account, listing) if item.subscription_id not in others]
        actions = plan(desired, tracked, actual, policy=policy, now=began)
        done = self._performance(account, policy, began).of(actions)
        # What has gone and was not attended to is found missing by the next run: since this one's predecessor.
        listed_at = listing.listed_at if done["postponed"] else began
        with suppress(Conflict):
            self.reconciler.tracking.save(replace(listing, listed_at=listed_at, failure=None))
        return done

    def _list(self, account: Account, listing: Listing) -> Sequence[Subscription]:
        try:
            return list(account.api.list_subscriptions())
        except Problem as problem:
            failure = Backoff.next(listing.failure, problem, self.reconciler.clock.now())
            self.reconciler.tracking.save(replace(listing, failure=failure))
            raise

    def _performance(self, account: Account, policy: Policy, began: datetime) -> "_Performance":
        pacer = RateLimiter(self.reconciler.clock, WRITES, ends=began + _TIME)
        subscriber = Subscriber(
            api=account.api,
            notification_url=policy.notification_url,
            client_state_key=self.reconciler.client_state_key,
            certificate=self.certificate,
            nonce=self.reconciler.nonce,
            pace=pacer.wait,
            now=self.reconciler.clock.now,
        )
        upkeep = Upkeep(subscriber=subscriber, tracking=self.reconciler.tracking, policy=policy)
        return _Performance(upkeep=upkeep, pacer=pacer, progress=self.progress)


def _is_of(account: Account, desired: Desired) -> bool:
    return (desired.tenant_id, desired.delegated) == (account.tenant_id, account.delegated)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Performance:
    """The actions on one account's subscriptions, several at once, as long as there is time."""

    upkeep: Upkeep
    pacer: RateLimiter
    progress: Progress

    def of(self, actions: Sequence[Action]) -> Counter[str]:
        done: Counter[str] = Counter()
        self.progress(0, len(actions))
        with ThreadPoolExecutor(_WRITES_AT_ONCE, thread_name_prefix="write") as pool:
            # Deletions that make room for something have ended before it begins.
            for _, group in groupby(actions, lambda action: isinstance(action, Delete)):
                done.update(pool.map(self._counted, self._after_a_trial(tuple(group), done)))
        return done

    def _after_a_trial(self, actions: Sequence[Action], done: Counter[str]) -> Sequence[Action]:
        """Return what is left to do once one of several subscriptions was made anew; if that failed, not the others.

        A slip in NOTIFICATION_URL would otherwise cost them all, before Graph's handshake shows it.
        """
        anew = [action for action in actions if action.verb == UpdateKind.RECREATE]
        if len(anew) <= 1:
            return actions
        outcome = self._counted(anew[0])
        done[outcome] += 1
        if outcome != "failed":
            return [action for action in actions if action is not anew[0]]
        done["postponed"] += len(anew) - 1
        self.progress(len(anew) - 1, 0)
        return [action for action in actions if action.verb != UpdateKind.RECREATE]

    def _counted(self, action: Action) -> str:
        outcome = self._attempt(action)
        self.progress(1, 0)
        return outcome

    def _attempt(self, action: Action) -> str:
        if self.pacer.is_over():
            return "postponed"
        try:
            problem = self.upkeep.perform(action)
        except Conflict:
            return "left to another run"
        except Unavailable as unavailable:
            self._told(action, unavailable)
            return "postponed"
        if problem is None:
            # "created", "renewed" and so on.
            return f"{action.verb.removesuffix('e')}ed"
        self._told(action, problem)
        return "failed"

    def _told(self, action: Action, problem: Problem) -> None:
        if isinstance(problem, Unavailable) and problem.retry_after is not None:
            self.pacer.pause_for(problem.retry_after)
        desired = action.tracked.desired
        _LOG.error("tenant %s: %s of %s failed: %s", desired.tenant_id, action.verb, desired.resource, problem)
