"""POSTs at one time: large ones in turn, and a failure that took long is a stall."""

import time

import pytest

from shared.errors import Unavailable
from shared.limits import ConcurrencyLimiter
from tests.fakes.receiver_fixture import ReceiverFixture, outcome_of
from tests.fakes.time_limits import within
from tests.sender import TENANT, basic_item, body


def test_large_bodies_are_processed_one_after_the_other() -> None:
    fixture, large = ReceiverFixture(), body(basic_item(padding="x" * 300_000))
    assert [fixture.of(large).published for _ in range(3)] == [1, 1, 1]


@pytest.mark.slow
def test_items_that_fail_after_long_are_a_stall() -> None:
    def fail_slowly(*_arguments: object) -> None:
        time.sleep(1.1)
        raise Unavailable("the queue")

    limiter = ConcurrencyLimiter(1)
    fixture = ReceiverFixture(publish_events=fail_slowly, limiter=limiter)
    assert outcome_of(fixture.of(body(basic_item()))) == {"unavailable": 1}
    # Those that find no slot are parked after 0.4 seconds instead of 1.4.
    with limiter.slot(TENANT), within(1.2):
        assert outcome_of(fixture.of(body(basic_item()))) == {"unavailable": 1}
