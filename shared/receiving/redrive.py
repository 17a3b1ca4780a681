"""Redrive: stored POSTs go through ``Receiver.receive`` again, oldest first, with longer pauses after each failure.

Each POST has its original time of receipt, so its tokens are checked and its events built as on the first delivery.
Each is claimed before it is processed: a POST that kills the process does not block the others.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.errors import Conflict, Problem, UnknownCertificate
from shared.limits import ConcurrencyLimiter
from shared.receiving.post_store import StoredPost
from shared.receiving.receive import Receipt, Receiver
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# Processing a POST is mostly waiting for storage.
AT_ONCE = 4
# While live POSTs are being processed, redrive one stored POST per second.
_GIVE_WAY_SECONDS = 1.0
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)
# Enough for thousands of items, or for one GET per second of a chat's messages.
_TIME_FOR_ONE = timedelta(minutes=1)
# An operator may restore a certificate version, or Key Vault replicate it, within a day.
_MAY_APPEAR = timedelta(hours=24)


class Outcome(StrEnum):
    """What became of one stored POST."""

    PUBLISHED = "published"
    POSTPONED = "put off"
    REFUSED = "refused"
    CLAIMED_BY_OTHER = "left to another run"


class StoredPosts(Protocol):
    """A container of stored POSTs; methods raise Unavailable, and Conflict if another run was faster."""

    def list(self) -> Iterator[StoredPost]:
        """Return all stored POSTs, oldest first."""
        ...

    def claim(self, post: StoredPost, until: datetime) -> StoredPost:
        """Return ``post`` with one more attempt counted and the next attempt due at ``until``."""
        ...

    def read(self, post: StoredPost) -> bytes:
        """Return the body."""
        ...

    def delete(self, post: StoredPost) -> None:
        """Delete a POST."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriver:
    """Redrives one container; both methods raise Unavailable if its storage fails.

    ``receiver`` does not park, and does not quarantine if the container is the quarantine. From there, only POSTs that
    wait for a certificate are redriven; each stays until all of it is published.
    """

    store: StoredPosts
    is_quarantine: bool
    receiver: Receiver
    now: Callable[[], datetime]

    def run(self, ends: datetime) -> Counter[str]:
        """Redrive the POSTs that are due, and start none after ``ends``; return the count of each outcome."""
        outcomes: Counter[str] = Counter()
        running: set[Future[Outcome]] = set()
        # Stored POSTs have slots of their own: they must not take those of live POSTs.
        redriver = replace(self, receiver=replace(self.receiver, limiter=ConcurrencyLimiter(AT_ONCE)))
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="redrive") as pool:
            for post in self.store.list():
                now = self.now()
                if now >= ends:
                    break
                if self._should_retry(post, now):
                    self.receiver.limiter.wait_until_quiet(_GIVE_WAY_SECONDS)
                    running.add(pool.submit(redriver.attempt, post))
                if len(running) == AT_ONCE:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    outcomes.update(each.result() for each in ended)
        outcomes.update(each.result() for each in running)
        return outcomes

    def _should_retry(self, post: StoredPost, now: datetime) -> bool:
        is_due = post.retry_at is None or post.retry_at <= now
        return is_due and (not self.is_quarantine or _waits_for_certificate(post, now))

    def attempt(self, post: StoredPost) -> Outcome:
        """Receive one stored POST again, whether or not it is due."""
        try:
            claimed = self.store.claim(post, self.now() + _pause(post.attempts))
            body = self.store.read(claimed)
        except Conflict:
            return Outcome.CLAIMED_BY_OTHER
        deadline = Deadline.after(_TIME_FOR_ONE)
        try:
            receipt = self.receiver.receive(body, received_at=post.received_at, deadline=deadline, fetch=post.fetch)
        except Problem as problem:
            _LOG.warning("stored POST %s is postponed: %s", post.name, problem)
            return Outcome.POSTPONED
        if not self._is_done(receipt):
            _LOG.warning("stored POST %s still fails: rejected %s", post.name, receipt.rejected)
            return Outcome.REFUSED
        self.store.delete(claimed)
        return Outcome.PUBLISHED

    def _is_done(self, receipt: Receipt) -> bool:
        """Return whether a stored POST can be deleted.

        Not if all its items are now dropped: an operator can restore their key in CLIENT_STATE_KEY_PREVIOUS.
        """
        if self.is_quarantine:
            return receipt.published > 0 and receipt.quarantined == 0
        return receipt.published + receipt.quarantined > 0


def _waits_for_certificate(post: StoredPost, now: datetime) -> bool:
    """Return whether a quarantined POST needs a certificate version that may still appear."""
    return post.reason == UnknownCertificate.reason and now - post.received_at < _MAY_APPEAR


def _pause(attempts: int) -> timedelta:
    return min(_FIRST_PAUSE * float(2 ** min(attempts, 10)), _LONGEST_PAUSE)
