"""Redrive: stored items go through ``Receiver.process`` again, with longer pauses after each failure.

Tenants and reasons take turns, the oldest POST first in each, so that what is hopeless does not block the rest. Each
POST keeps its time of receipt, so its tokens are checked and its events built as on the first delivery. Each is claimed
before it is processed: a POST that kills the process does not block the others.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.errors import Conflict, Expired, Problem, Rejected
from shared.limits import ConcurrencyLimiter
from shared.receiving.item_publisher import ItemProblem, Post
from shared.receiving.post_store import MAX_DELETIONS, StoredPost
from shared.receiving.receive import Receiver
from shared.receiving.storing import counts_by_reason, parked_groups, quarantined_items
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# Processing a POST is mostly waiting for storage: with fewer, its latency would bound the rate.
AT_ONCE = 16
# While live POSTs are being processed, redrive one stored POST per second.
_GIVE_WAY_SECONDS = 1.0
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)
# Enough for thousands of items, or for one GET per second of a chat's messages. What is not done by then is stored
# again by itself, so the next attempt continues.
_TIME_FOR_ONE = timedelta(minutes=1)
_TIME_TO_STORE = timedelta(seconds=30)
# An operator has a week to grant a permission or to restore a certificate version.
_WORTH_TRYING_FOR = timedelta(days=7)
_WORTH_TRYING = 20


class Outcome(StrEnum):
    """What became of one stored POST."""

    PUBLISHED = "published"
    POSTPONED = "put off"
    REFUSED = "refused"
    EXPIRED = "expired"
    CLAIMED_BY_OTHER = "left to another run"


class StoredPosts(Protocol):
    """A container of stored POSTs; methods raise Unavailable, and Conflict if another run was faster."""

    def list(self) -> Iterator[StoredPost]:
        """Return all stored POSTs."""
        ...

    def claim(self, post: StoredPost, until: datetime) -> StoredPost:
        """Return ``post`` with one more attempt counted and the next attempt due at ``until``."""
        ...

    def read(self, post: StoredPost) -> bytes:
        """Return the body."""
        ...

    def delete(self, posts: Sequence[StoredPost]) -> Mapping[str, Problem]:
        """Delete at most ``MAX_DELETIONS``, none that another run has claimed since; return why some stay, by name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of one stored POST; ``done`` is to be deleted, and until then it counts as postponed."""

    outcome: Outcome
    done: StoredPost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriver:
    """Redrives one container.

    ``receiver`` processes the items, and stores again those that still cannot be published. In the quarantine
    (``is_quarantine``), a POST stays as it is until all of it is published.
    """

    store: StoredPosts
    is_quarantine: bool
    receiver: Receiver
    now: Callable[[], datetime]

    def run(self, ends: datetime) -> Counter[str]:
        """Redrive the POSTs that are due, and start none after ``ends``; return the count of each outcome.

        Raises:
            Unavailable: the container cannot be listed.
        """
        outcomes: Counter[str] = Counter()
        attempts: list[Attempt] = []
        try:
            for attempt in self._attempts(ends):
                attempts.append(attempt)
                # What is not deleted before the process dies is a repetition in the next run.
                if len(attempts) == MAX_DELETIONS:
                    outcomes.update(self._settled(attempts))
                    attempts = []
        finally:
            outcomes.update(self._settled(attempts))
        return outcomes

    def _attempts(self, ends: datetime) -> Iterator[Attempt]:
        running: set[Future[Attempt]] = set()
        # Stored POSTs have slots of their own, enough for each thread: they must not take those of live POSTs.
        redriver = replace(self, receiver=replace(self.receiver, limiter=ConcurrencyLimiter(2 * AT_ONCE)))
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="redrive") as pool:
            for post in _in_turns(post for post in self.store.list() if _is_due(post, self.now())):
                if self.now() >= ends:
                    break
                self.receiver.limiter.wait_until_quiet(_GIVE_WAY_SECONDS)
                running.add(pool.submit(redriver.process, post))
                if len(running) == AT_ONCE:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (each.result() for each in ended)
        yield from (each.result() for each in running)

    def attempt(self, post: StoredPost) -> Outcome:
        """Process one stored POST again, whether or not it is due."""
        [outcome] = self._settled([self.process(post)])
        return outcome

    def process(self, post: StoredPost) -> Attempt:
        """Process one stored POST again, and leave it to the caller to delete it if that is ``done``."""
        try:
            claimed = self.store.claim(post, self.now() + _pause(post.attempts))
            return self._redrive(claimed, self.store.read(claimed))
        except Conflict:
            return Attempt(outcome=Outcome.CLAIMED_BY_OTHER)
        except Problem as problem:
            _LOG.warning("stored POST %s is postponed: %s", post.name, problem)
            return Attempt(outcome=Outcome.POSTPONED)

    def _settled(self, attempts: Sequence[Attempt]) -> Sequence[Outcome]:
        """Delete what is done, up to ``MAX_DELETIONS``; return the outcomes."""
        done = [attempt.done for attempt in attempts if attempt.done]
        try:
            kept = self.store.delete(done)
        except Problem as problem:
            kept = {post.name: problem for post in done}
        if kept:
            problems = "; ".join({str(problem) for problem in kept.values()})
            _LOG.warning("%d stored POSTs are done and cannot be deleted: %s", len(kept), problems)
        return [
            Outcome.POSTPONED if attempt.done and attempt.done.name in kept else attempt.outcome for attempt in attempts
        ]

    def _redrive(self, claimed: StoredPost, body: bytes) -> Attempt:
        age = self.now() - claimed.received_at
        _, post = self.receiver.open(body, received_at=claimed.received_at, fetch=claimed.fetch, age=age)
        if not post.items:
            # An operator can restore the key in CLIENT_STATE_KEY_PREVIOUS.
            _LOG.warning("stored POST %s: CLIENT_STATE_KEY and its predecessor signed none of it", claimed.name)
            return Attempt(outcome=Outcome.REFUSED)
        problems = self.receiver.process(post, Deadline.after(_TIME_FOR_ONE))
        if problems:
            _LOG.warning("stored POST %s: %s", claimed.name, "; ".join({str(problem) for problem in problems.values()}))
        if self.is_quarantine:
            return self._settle_quarantined(claimed, problems)
        return self._settle_parked(claimed, post, problems, age)

    def _settle_quarantined(self, claimed: StoredPost, problems: Mapping[int, ItemProblem]) -> Attempt:
        if problems:
            return Attempt(outcome=Outcome.REFUSED)
        return Attempt(outcome=Outcome.PUBLISHED, done=claimed)

    def _settle_parked(
        self, claimed: StoredPost, post: Post, problems: Mapping[int, ItemProblem], age: timedelta
    ) -> Attempt:
        """Store what cannot be published where it belongs now; then the stored POST is done."""
        is_hopeless = age >= _WORTH_TRYING_FOR and claimed.attempts >= _WORTH_TRYING
        if is_hopeless and any(not isinstance(problem, Rejected) for problem in problems.values()):
            _LOG.error("stored POST %s goes to the quarantine after %d attempts", claimed.name, claimed.attempts)
            problems = {at: _expired(problem) for at, problem in problems.items()}
        pending = counts_by_reason(problems, rejected=False)
        if len(problems) == len(post.items) and pending == {claimed.reason: len(problems)}:
            return Attempt(outcome=Outcome.POSTPONED)
        deadline = Deadline.after(_TIME_TO_STORE)
        groups = _with_attempts_of(claimed, parked_groups(post, problems))
        self.receiver.store(groups, quarantined_items(post, problems), deadline)
        if pending:
            return Attempt(outcome=Outcome.POSTPONED, done=claimed)
        return Attempt(outcome=Outcome.EXPIRED if is_hopeless and problems else Outcome.PUBLISHED, done=claimed)


def _expired(problem: ItemProblem) -> Rejected:
    return problem if isinstance(problem, Rejected) else Expired(str(problem))


def _with_attempts_of(
    claimed: StoredPost, groups: Sequence[tuple[StoredPost, bytes]]
) -> Sequence[tuple[StoredPost, bytes]]:
    return [(replace(post, attempts=claimed.attempts, retry_at=claimed.retry_at), body) for post, body in groups]


def _is_due(post: StoredPost, now: datetime) -> bool:
    return post.retry_at is None or post.retry_at <= now


def _in_turns(posts: Iterable[StoredPost]) -> Iterator[StoredPost]:
    """Yield the POSTs of each tenant and reason in turn, the oldest first."""
    groups: dict[tuple[str, str], deque[StoredPost]] = {}
    for post in sorted(posts, key=lambda post: post.received_at):
        groups.setdefault((post.tenant_id, post.reason), deque()).append(post)
    turns = deque(groups.values())
    while turns:
        group = turns.popleft()
        yield group.popleft()
        if group:
            turns.append(group)


def _pause(attempts: int) -> timedelta:
    return min(_FIRST_PAUSE * float(2 ** min(attempts, 10)), _LONGEST_PAUSE)
