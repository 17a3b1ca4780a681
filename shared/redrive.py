"""What was kept, received again: the oldest first, some at once, with pauses between attempts, while there is time.

The same flow receives it, as of the moment at which it came, so that it is judged and published just as then. A body is
put off before it is worked on: one that brings the run down does not stand in the way of the others.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.errors import Conflict, Problem, UnknownCertificate
from shared.kept import Kept
from shared.limits import ConcurrencyLimiter
from shared.receive import Receipt, receive
from shared.receiver import Receiver
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# Most of a body's time is waiting for storage.
AT_ONCE = 4
# While Graph waits for answers, one body follows the other after so long.
_GIVE_WAY_SECONDS = 1.0
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)
# Enough for thousands of items, or for a GET a second of one chat's messages.
_TIME_FOR_ONE = timedelta(minutes=1)
# A version of the certificate may be restored, or be replicated, within a day.
_MAY_APPEAR = timedelta(hours=24)


class KeptBodies(Protocol):
    """A container of kept bodies; all raise Unavailable, and Conflict where another run was faster."""

    def all(self) -> Iterator[Kept]:
        """Return everything that is kept, the oldest first."""
        ...

    def body(self, kept: Kept) -> bytes:
        """Return the body."""
        ...

    def put_off(self, kept: Kept, until: datetime) -> Kept:
        """Return ``kept`` with one more attempt noted."""
        ...

    def discard(self, kept: Kept) -> None:
        """Delete a body."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriver:
    """What redriving one container needs; ``receiver`` parks nothing, ``may_open`` tells what is worth an attempt."""

    bodies: KeptBodies
    receiver: Receiver
    may_open: Callable[[Kept, datetime], bool]
    now: Callable[[], datetime]


def always(_kept: Kept, _now: datetime) -> bool:
    """Return that a parked body is worth an attempt, however old it is."""
    return True


def while_it_may_appear(kept: Kept, now: datetime) -> bool:
    """Return whether a body in quarantine waits for a certificate that could yet be found."""
    return kept.kind == UnknownCertificate.reason and now - kept.received_at < _MAY_APPEAR


def redrive(redriver: Redriver, *, ends: datetime) -> Counter[str]:
    """Return what became of the bodies whose turn it is.

    Raises:
        Unavailable: the container does not answer.
    """
    done: Counter[str] = Counter()
    under_way: set[Future[str]] = set()
    # The turns of POSTs are for what Graph waits for, and go first.
    posts = redriver.receiver.turns
    mine = replace(redriver, receiver=replace(redriver.receiver, turns=ConcurrencyLimiter(AT_ONCE)))
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="redrive") as pool:
        for kept in redriver.bodies.all():
            now = redriver.now()
            if now >= ends:
                break
            if redriver.may_open(kept, now) and (kept.retry_at is None or kept.retry_at <= now):
                posts.wait_until_quiet(_GIVE_WAY_SECONDS)
                under_way.add(pool.submit(attempt, mine, kept))
            if len(under_way) == AT_ONCE:
                ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                done.update(each.result() for each in ended)
    done.update(each.result() for each in under_way)
    return done


def attempt(redriver: Redriver, kept: Kept) -> str:
    """Return what became of one body: "published", "put off", "refused" or "left to another run".

    Raises:
        Unavailable: the container does not answer.
    """
    try:
        taken = redriver.bodies.put_off(kept, redriver.now() + _pause(kept.attempts))
        body = redriver.bodies.body(taken)
    except Conflict:
        return "left to another run"
    deadline = Deadline.after(_TIME_FOR_ONE)
    try:
        receipt = receive(body, redriver.receiver, received_at=kept.received_at, deadline=deadline, fetch=kept.fetch)
    except Problem as problem:
        _LOG.warning("%s is put off: %s", kept.name, problem)
        return "put off"
    if not _is_done(receipt, redriver.receiver):
        _LOG.warning("%s stays where it is: rejected %s", kept.name, receipt.rejected)
        return "refused"
    redriver.bodies.discard(taken)
    return "published"


def _is_done(receipt: Receipt, receiver: Receiver) -> bool:
    """Return whether nothing of a body needs to be kept any longer.

    What was authentic when it came, and no more is, was signed with a key that CLIENT_STATE_KEY_PREVIOUS has lost.
    """
    if receiver.quarantine is None:
        return receipt.published > 0 and receipt.refused == 0
    return receipt.published + receipt.refused > 0


def _pause(attempts: int) -> timedelta:
    return min(_FIRST_PAUSE * float(2 ** min(attempts, 10)), _LONGEST_PAUSE)
