"""One POST of Graph's: parsed, then processed in time, else parked.

What is authentic is never lost: it is published, or in quarantine, or parked, or refused so that Graph sends it again.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Problem
from shared.notifications import ChangeNotificationCollection
from shared.processing import Post, each_of
from shared.receiver import Receiver
from shared.timing import Deadline

# What a POST leaves of its time for being parked, should the rest not suffice for publishing.
_FOR_PARKING = timedelta(seconds=0.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a POST; every item is counted once, ``rejected`` by kind, ``parked`` because of ``problem``.

    ``refused`` is how many of the rejected ones were authentic, and are in quarantine.
    """

    received: int
    published: int
    rejected: Mapping[str, int]
    refused: int = 0
    parked: int = 0
    problem: Problem | None = None


def receive(
    body: bytes, receiver: Receiver, *, received_at: datetime, deadline: Deadline, fetch: str | None = None
) -> Receipt:
    """Publish every change in ``body`` that is authentic and opens; keep what has to wait, count the rest.

    ``fetch``: the version of Graph's API to read what comes without its resource from; any other text reads nothing.

    Raises:
        Malformed: the body is no collection at all.
        Unavailable: nothing could be published or parked in time; Graph is to send all again.
        Misconfigured: where nothing is parked, a setting or role has to be mended first.
    """
    collection = ChangeNotificationCollection.from_json(body)
    rejected: Counter[str] = Counter()
    post = Post(body=body, receiver=receiver, received_at=received_at, fetch=fetch, tokens=collection.validation_tokens)
    authentic = each_of(collection.value, post.authentic, lambda _, problem: rejected.update([problem.reason]))
    if not authentic:
        return Receipt(received=len(collection.value), published=0, rejected=dict(rejected))
    try:
        published, refused = post.process(authentic, deadline.less(_FOR_PARKING))
    except Problem as problem:
        post.park(problem, deadline)
        return Receipt(
            received=len(collection.value),
            published=0,
            rejected=dict(rejected),
            parked=len(authentic),
            problem=problem,
        )
    return Receipt(
        received=len(collection.value),
        published=published,
        rejected=dict(rejected + refused),
        refused=refused.total(),
    )
