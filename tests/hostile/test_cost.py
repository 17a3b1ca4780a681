"""What anyone can post costs at most four times as much as one JSON string of the same length."""

import time
from contextlib import suppress

import pytest

from shared.errors import Malformed
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.hostile.costs import EXPENSIVE, SIZE, of_one_string

pytestmark = pytest.mark.slow

_MOST = 4


def _seconds(receiver: ReceiverFixture, body: bytes) -> float:
    """Return the processor time for ``body``, without what other processes cost."""
    start = time.process_time()
    with suppress(Malformed):
        receiver.of(body)
    return time.process_time() - start


def _ratio(body: bytes, *, runs: int) -> float:
    """Return how much more ``body`` costs than a string: the least of many runs, taken in turns.

    Other processes take from the processor's caches, so what is over the limit is measured up to three times.
    """
    receiver, string = ReceiverFixture(), of_one_string(len(body))
    costs, ratio = list[tuple[float, float]](), float("inf")
    for _ in range(3):
        costs += [(_seconds(receiver, body), _seconds(receiver, string)) for _ in range(runs)]
        ratio = min(cost for cost, _ in costs) / min(cost for _, cost in costs)
        if ratio <= _MOST:
            break
    return ratio


@pytest.mark.parametrize("name", EXPENSIVE)
def test_expensive_body_costs_at_most_four_strings(name: str) -> None:
    body = EXPENSIVE[name]()
    assert len(body) == SIZE
    assert _ratio(body, runs=7) <= _MOST


def test_20_kb_of_zeros_cost_at_most_four_strings() -> None:
    body = b'{"value": [' + b"0," * 10_000 + b"0]}"
    assert _ratio(body, runs=300) <= _MOST
