"""The lines of the log about POSTs: one for each of ours, and one a minute for all of the strangers'."""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.errors import (
    InvalidValidationToken,
    Malformed,
    Misconfigured,
    TenantNotServed,
    TooLarge,
    Unavailable,
)
from shared.receiving.item_publisher import ItemProblem
from shared.receiving.post_log import PostLog
from shared.receiving.receive import Receipt

if TYPE_CHECKING:
    from shared.receiving.item_publisher import ItemProblem

TOOK = timedelta(seconds=0.0379)
ONE_DROPPED = Receipt(received=1, dropped=1, published=0)


class Log:
    """A log, the lines in it, and its clock."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self._caplog = caplog
        self.seconds = 0.0
        self.posts = PostLog(monotonic=lambda: self.seconds)

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [(record.levelname, record.getMessage()) for record in self._caplog.records]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


def test_line_of_a_published_post_has_a_blank_behind_each_value(log: Log) -> None:
    """A query finds the end of a value by the blank."""
    log.posts.received(Receipt(received=2, dropped=0, published=2), size=900, took=TOOK)
    assert log.lines == [("INFO", "post received=2 published=2 parked=0 quarantined=0 dropped=0 ms=37 ")]


def test_line_of_a_post_with_problems_names_their_reasons(log: Log) -> None:
    problems: dict[int, ItemProblem] = {
        0: Unavailable("the queue"),
        2: InvalidValidationToken("none"),
        3: InvalidValidationToken("none"),
    }
    log.posts.received(Receipt(received=9, dropped=4, published=2, problems=problems), size=900, took=TOOK)
    line = (
        "post received=9 published=2 parked=1 quarantined=2 dropped=4 ms=37 reasons=unavailable:1,validation-token:2 "
    )
    assert ("WARNING", line) in log.lines
    assert ("WARNING", "unavailable: the queue") in log.lines


@pytest.mark.parametrize("problem", [Misconfigured("grant the role"), TenantNotServed("tenant x: add it")])
def test_problem_for_an_operator_is_an_error_once_a_minute(log: Log, problem: Misconfigured | TenantNotServed) -> None:
    receipt = Receipt(received=1, dropped=0, published=0, problems={0: problem})
    for seconds in (0, 1, 59, 61):
        log.seconds = seconds
        log.posts.received(receipt, size=900, took=TOOK)
    errors = [text for level, text in log.lines if level == "ERROR"]
    assert errors == [f"parked until this is fixed: {problem}"] * 2


def test_strangers_get_one_line_a_minute_with_counts_and_the_largest_size(log: Log) -> None:
    log.posts.refused(Malformed("no"), size=10)
    for _ in range(1000):
        log.posts.received(ONE_DROPPED, size=600, took=TOOK)
        log.posts.refused(TooLarge("no"), size=5_000_000)
        log.posts.refused(Malformed("no"), size=20)
    assert log.lines == [("WARNING", "strangers malformed=1 largest_bytes=10 ")]
    log.seconds = 61
    log.posts.refused(Malformed("no"), size=30)
    assert log.lines[1:] == [
        ("WARNING", "strangers client_state=1000 malformed=1001 too_large=1000 largest_bytes=5000000 ")
    ]


def test_stranger_beside_our_items_is_counted_and_the_post_logged(log: Log) -> None:
    log.posts.received(Receipt(received=2, dropped=1, published=1), size=900, took=TOOK)
    assert [text.partition(" ")[0] for _, text in log.lines] == ["strangers", "post"]


def test_memory_for_logged_texts_is_bounded(log: Log) -> None:
    for number in range(1100):
        problems = {0: Unavailable(f"stranger text {number}")}
        log.posts.received(Receipt(received=1, dropped=0, published=0, problems=problems), size=9, took=TOOK)
    assert len(log.posts._next_at) <= 1000
