"""One open batch for all POSTs: what shares it, when it is sent, and what becomes of a failure."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta

import pytest

from shared.errors import Unavailable
from shared.events.open_batch import OpenBatch

_PATIENCE = 10


class _Hub:
    """Takes at most ``most`` messages at once, once it is ``open``; the first ``failures`` sends fail."""

    def __init__(self, *, most: int = 1000, failures: int = 0) -> None:
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()
        self.sent: list[list[bytes]] = []
        self._most = most
        self._failures = failures

    def send(self, messages: Sequence[bytes]) -> int:
        self.asked.set()
        assert self.open.wait(_PATIENCE)
        if self._failures:
            self._failures -= 1
            raise Unavailable("busy")
        self.sent.append(list(messages[: self._most]))
        return min(len(messages), self._most)


def _add(batch: OpenBatch, message: bytes, on_sent: Callable[[], None] = lambda: None) -> Future[None]:
    (added,) = batch.add([(message, on_sent)])
    return added


def _under_way(hub: _Hub, batch: OpenBatch) -> Future[None]:
    """Return a message that is being sent until the hub is open again."""
    hub.open.clear()
    first = _add(batch, b"first")
    assert hub.asked.wait(_PATIENCE)
    return first


def test_what_comes_while_a_batch_is_under_way_is_the_next_one() -> None:
    hub = _Hub()
    batch = OpenBatch(hub.send)
    first = _under_way(hub, batch)
    others = [_add(batch, b"%d" % number) for number in range(50)]
    assert not first.done()
    hub.open.set()
    for each in (first, *others):
        each.result(_PATIENCE)
    assert hub.sent == [[b"first"], [b"%d" % number for number in range(50)]]


def test_message_is_reported_before_its_wait_ends() -> None:
    hub, reported = _Hub(), list[bytes]()
    batch = OpenBatch(hub.send)
    seen = _add(batch, b"1", lambda: reported.append(b"1"))
    together = Future[list[bytes]]()
    seen.add_done_callback(lambda _: together.set_result(list(reported)))
    assert together.result(_PATIENCE) == [b"1"]


def test_what_the_hub_leaves_is_sent_next_in_order() -> None:
    hub = _Hub(most=20)
    batch = OpenBatch(hub.send)
    first = _under_way(hub, batch)
    others = [_add(batch, b"%d" % number) for number in range(50)]
    hub.open.set()
    for each in (first, *others):
        each.result(_PATIENCE)
    assert [len(each) for each in hub.sent] == [1, 20, 20, 10]
    assert [message for each in hub.sent[1:] for message in each] == [b"%d" % number for number in range(50)]


def test_failed_batch_fails_all_of_it_and_nothing_else() -> None:
    hub, reported = _Hub(failures=1), list[bytes]()
    batch = OpenBatch(hub.send)
    first = _under_way(hub, batch)
    second = _add(batch, b"second", lambda: reported.append(b"second"))
    hub.open.set()
    with pytest.raises(Unavailable, match="busy"):
        first.result(_PATIENCE)
    second.result(_PATIENCE)
    assert (hub.sent, reported) == ([[b"second"]], [b"second"])


def test_failed_message_is_not_reported() -> None:
    reported = list[bytes]()
    failed = _add(OpenBatch(_Hub(failures=1).send), b"1", lambda: reported.append(b"1"))
    with pytest.raises(Unavailable, match="busy"):
        failed.result(_PATIENCE)
    assert reported == []


def test_cancelled_message_is_not_sent() -> None:
    hub = _Hub()
    batch = OpenBatch(hub.send)
    first = _under_way(hub, batch)
    given_up, kept = _add(batch, b"given up"), _add(batch, b"kept")
    assert given_up.cancel()
    assert not first.cancel()
    hub.open.set()
    kept.result(_PATIENCE)
    assert hub.sent == [[b"first"], [b"kept"]]


def test_batch_waits_for_more_until_it_is_full() -> None:
    hub = _Hub()
    batch = OpenBatch(hub.send, linger=timedelta(minutes=5))
    first = _add(batch, b"first")
    assert not hub.asked.wait(0.3)
    assert not first.done()
    last = _add(batch, b"x" * 1024 * 1024)
    for each in (first, last):
        each.result(_PATIENCE)
    assert [len(each) for each in hub.sent] == [2]


def test_batch_that_is_not_full_waits_no_longer_than_it_may() -> None:
    hub = _Hub()
    _add(OpenBatch(hub.send, linger=timedelta(milliseconds=20)), b"first").result(_PATIENCE)
    assert hub.sent == [[b"first"]]


def test_call_between_batches_waits_for_the_one_under_way() -> None:
    hub, made = _Hub(), list[str]()
    batch = OpenBatch(hub.send)
    hub.open.clear()
    sent = _add(batch, b"a", lambda: made.append("sent"))
    assert hub.asked.wait(_PATIENCE)
    threading.Timer(0.05, hub.open.set).start()
    batch.between(lambda: made.append("called"))
    sent.result(_PATIENCE)
    assert made == ["sent", "called"]


def test_call_between_batches_raises_what_it_raises() -> None:
    def fail() -> None:
        raise Unavailable("no hub")

    with pytest.raises(Unavailable, match="no hub"):
        OpenBatch(_Hub().send).between(fail)
