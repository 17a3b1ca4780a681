"""Applies the actions of a plan: several at once, and what needs the endpoint once its verdict is there.

A renewal needs no handshake, so it never waits. A creation does, and a replacement deletes what lives before: with an
endpoint that does not answer, it would cost the subscription.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shared.errors import Conflict, Misconfigured, Problem, Unavailable
from shared.limits import RateLimiter
from shared.notifications.probe import Verdict
from shared.resources.paths import canonical_path
from shared.subscriptions.apply import Applier
from shared.subscriptions.plan import renewal_instead
from shared.subscriptions.tracked import Action, Create, Delete, Update, UpdateKind

_LOG = logging.getLogger(__name__)

# A renewal takes Graph a third of a second, so eight at once reach the rate limit.
_WRITES_AT_ONCE = 8
_FAILED = "failed"

type Progress = Callable[[int, int], None]
"""Called from any thread with the increase of actions done and the increase of actions planned."""

type Replacement = Sequence[Action]
"""What replaces living subscriptions: a recreation, or deletions with the creations that they make room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRun:
    """One account's actions in a run; ``verdict`` waits for that of the endpoint.

    ``is_replacement_dead``: an earlier replacement was deleted, and Graph has refused its successor since.
    """

    tenant_id: str
    applier: Applier
    limiter: RateLimiter
    progress: Progress
    verdict: Callable[[], Verdict]
    is_replacement_dead: bool
    now: Callable[[], datetime]

    def run(self, actions: Sequence[Action]) -> Counter[str]:
        """Apply all actions, but none after the run's time is up; return how many were created, renewed and so on."""
        self.progress(0, len(actions))
        replacements = _replacements(actions)
        replacing = {id(action) for replacement in replacements for action in replacement}
        others = [action for action in actions if id(action) not in replacing]
        creations = [action for action in others if isinstance(action, Create)]
        rest = [action for action in others if not isinstance(action, Create)]
        with ThreadPoolExecutor(1, thread_name_prefix="verdict") as pool:
            waiting = pool.submit(self._create_and_replace, creations, replacements)
            return self._attempt_all(rest) + waiting.result()

    def _create_and_replace(self, creations: Sequence[Action], replacements: Sequence[Replacement]) -> Counter[str]:
        if not creations and not replacements:
            return Counter()
        verdict = self.verdict()
        return self._create(creations, verdict) + self._replace(replacements, verdict)

    def _create(self, creations: Sequence[Action], verdict: Verdict) -> Counter[str]:
        """Create all; if the endpoint does not answer the app, only one unless Graph accepts it: Graph may reach it."""
        if verdict is Verdict.YES:
            return self._attempt_all(creations)
        outcomes = self._attempt_all(creations[:1])
        if outcomes[_FAILED]:
            return outcomes + self._postponed(creations[1:])
        return outcomes + self._attempt_all(creations[1:])

    def _replace(self, replacements: Sequence[Replacement], verdict: Verdict) -> Counter[str]:
        """Replace one subscription first, and no other if that fails.

        A wrong NOTIFICATION_URL would otherwise delete all subscriptions before Graph's handshake fails.
        """
        if not replacements:
            return Counter()
        if verdict is Verdict.NO or (verdict is Verdict.CANNOT_TELL and self.is_replacement_dead):
            message = "tenant %s: %d subscriptions are not replaced before NOTIFICATION_URL answers the app"
            _LOG.error(message, self.tenant_id, len(replacements))
            return self._postponed(action for replacement in replacements for action in replacement)
        outcomes = self._attempt_replacement(replacements[0])
        if outcomes[_FAILED]:
            rest = (action for replacement in replacements[1:] for action in replacement)
            return outcomes + self._postponed(rest)
        with ThreadPoolExecutor(_WRITES_AT_ONCE, thread_name_prefix="replace") as pool:
            return sum(pool.map(self._attempt_replacement, replacements[1:]), outcomes)

    def _postponed(self, actions: Iterable[Action]) -> Counter[str]:
        """Renew what is to be replaced later, if it is due: until then it stays alive."""
        found = list(actions)
        self.progress(-len(found), 0)
        updates = (action for action in found if isinstance(action, Update))
        instead = [renewal_instead(action, self.applier.policy, self.now()) for action in updates]
        renewals = [renewal for renewal in instead if renewal is not None]
        return Counter(postponed=len(found)) + self._attempt_all(renewals)

    def _attempt_all(self, actions: Sequence[Action]) -> Counter[str]:
        with ThreadPoolExecutor(_WRITES_AT_ONCE, thread_name_prefix="write") as pool:
            return Counter(pool.map(self._attempt, actions))

    def _attempt_replacement(self, replacement: Replacement) -> Counter[str]:
        if len(replacement) == 1:
            return Counter([self._attempt(replacement[0])])
        prepared = list[Action]()
        for action in replacement:
            # What the successor has missed is on record before its predecessor goes.
            problem = self._outcome(action, partial(self._prepare, action, prepared))
            if problem is not None:
                return Counter([problem])
        return Counter([self._attempt(action) for action in prepared])

    def _prepare(self, action: Action, prepared: list[Action]) -> None:
        prepared.append(self.applier.prepared(action) if isinstance(action, Create) else action)

    def _attempt(self, action: Action) -> str:
        outcome = self._outcome(action, partial(self.applier.apply_action, action))
        self.progress(1, 0)
        # "created", "renewed" and so on.
        return outcome or f"{action.verb.removesuffix('e')}ed"

    def _outcome(self, action: Action, apply: Callable[[], Problem | None]) -> str | None:
        """Return what became of an action that was not done; None if it was."""
        if self.limiter.is_over():
            return "postponed"
        try:
            problem = apply()
        except Conflict:
            return "left to another run"
        # Storage refuses the row: other than a refusal of Graph, this leaves no trace in it.
        except (Unavailable, Misconfigured) as failure:
            self._report(action, failure)
            return "postponed"
        if problem is None:
            return None
        self._report(action, problem)
        return _FAILED

    def _report(self, action: Action, problem: Problem) -> None:
        if isinstance(problem, Unavailable) and problem.retry_after is not None:
            self.limiter.pause_for(problem.retry_after)
        resource = action.tracked.desired.resource
        _LOG.error("tenant %s: %s of %s failed: %s", self.tenant_id, action.verb, resource, problem)


def _replacements(actions: Sequence[Action]) -> Sequence[Replacement]:
    """Return what replaces living subscriptions, a sequence for each."""
    deletions, creations = dict[str, list[Action]](), dict[str, list[Action]]()
    for action in actions:
        if isinstance(action, Delete) and action.subscription is not None:
            deletions.setdefault(_path(action), []).append(action)
        elif isinstance(action, Create):
            creations.setdefault(_path(action), []).append(action)
    paths = [path for path in deletions if path in creations]
    recreations = [(action,) for action in actions if action.verb == UpdateKind.RECREATE]
    return [*recreations, *((*deletions[path], *creations[path]) for path in paths)]


def _path(action: Action) -> str:
    return canonical_path(action.tracked.desired.resource)
