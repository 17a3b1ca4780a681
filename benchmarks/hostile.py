"""What anyone can post: bytes that are made to cost a lot, against one JSON string of the same size."""

import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice

from rich.table import Table

from benchmarks.tables import Figure, Target, figures_table
from shared.errors import Malformed
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.hostile.costs import EXPENSIVE, SIZE, of_one_string

_MOST = 4
_MEBIBYTE = 1024 * 1024


def measure(*, runs: int, bodies: int) -> Mapping[str, float]:
    """Return how many times a string's cost each body's is: the least of ``runs``, taken in turns."""
    receiver, string = ReceiverFixture(), of_one_string()
    return {name: _ratio(receiver, make(), string, runs) for name, make in islice(EXPENSIVE.items(), bodies)}


def table(ratios: Mapping[str, float]) -> Table:
    """Return the figures, the most expensive first."""
    figures = [
        Figure(name=name, value=f"{ratio:.2f} times", target=Target(text=f"≤ {_MOST}", met=ratio <= _MOST))
        for name, ratio in sorted(ratios.items(), key=lambda each: -each[1])
    ]
    caption = "Processor time of receive(), which refuses the body or drops its items."
    return figures_table(
        f"Hostile bodies of {SIZE // _MEBIBYTE} MiB, against one JSON string", figures, caption=caption
    )


def _ratio(receiver: ReceiverFixture, body: bytes, string: bytes, runs: int) -> float:
    costs = [(_seconds(receiver, body), _seconds(receiver, string)) for _ in range(runs)]
    return min(cost for cost, _ in costs) / min(cost for _, cost in costs)


def _seconds(receiver: ReceiverFixture, body: bytes) -> float:
    start = time.process_time()
    with suppress(Malformed):
        receiver.of(body)
    return time.process_time() - start
