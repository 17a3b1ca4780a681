"""The documented outcomes of a POST, while every service answers or one of them is down."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zlib import crc32

from shared.errors import Malformed, TooLarge, Unavailable
from shared.notifications.collection import ChangeNotificationCollection
from shared.receiving.post_store import StoredPost
from shared.receiving.receive import Receipt
from shared.timing import Deadline
from tests.fakes.graph_sender import now
from tests.fakes.receiver_fixture import ReceiverFixture, outcome_of

_BUDGET = timedelta(seconds=30)
_DOWN = ("record_activity", "signing_key", "private_key", "fetch_resources", "publish_events", "quarantine")


def outcome(body: bytes) -> str:
    """Return the outcome of a body in a word; its checksum chooses what is down and whether resources are fetched.

    Raises:
        AssertionError: an item is not accounted for.
        Exception: the outcome is not documented.
    """
    chosen = crc32(body)
    stored = Stored()
    ports: dict[str, Any] = {"park": stored.store, "quarantine": stored.store}
    if chosen % 3 == 0:
        ports[_DOWN[chosen // 3 % len(_DOWN)]] = _does_not_answer
    receiver = ReceiverFixture(**ports).receiver
    fetch = (None, "v1.0", "\r\n")[chosen // 32 % 3]
    try:
        receipt = receiver.receive(body, received_at=now(), deadline=Deadline.after(_BUDGET), fetch=fetch)
    except TooLarge:
        return "too large"
    except Unavailable:
        assert ports["quarantine"] is _does_not_answer
        return "sent again"
    except Malformed:
        return "no collection"
    return _accounted(receipt, stored)


class Stored:
    """How many items were stored; what is recorded of them fits into a header."""

    def __init__(self) -> None:
        self.count = 0

    def store(self, posts: Sequence[tuple[StoredPost, bytes]], _deadline: Deadline) -> None:
        for post, body in posts:
            assert f"{post.name}{post.fetch or ''}".isprintable()
            self.count += len(ChangeNotificationCollection.from_json(body).value)


def _accounted(receipt: Receipt, stored: Stored) -> str:
    if receipt.received != sum(outcome_of(receipt).values()):
        raise AssertionError(receipt)
    if bool(stored.count) is not bool(receipt.parked or receipt.quarantined):
        raise AssertionError(receipt)
    if receipt.parked:
        return "parked"
    if receipt.quarantined:
        return "in quarantine"
    return "published" if receipt.published else "refused"


def _does_not_answer(*_arguments: object) -> Any:
    raise Unavailable("does not answer")
