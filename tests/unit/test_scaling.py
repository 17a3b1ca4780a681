"""The table of docs/scaling.md follows from the costs of docs/performance.md, by formulas with known results."""

from pathlib import Path

import pytest

from benchmarks.pages import scaling

DOCS = Path(__file__).parents[2] / "docs"


def test_table_of_the_page_follows_from_the_measured_costs() -> None:
    costs = scaling.costs_of((DOCS / "performance.md").read_text(encoding="utf-8"))
    assert scaling.table(costs) in (DOCS / "scaling.md").read_text(encoding="utf-8")


def test_costs_are_read_with_their_thousands_and_without_other_tables() -> None:
    page = "| Cost | Measured |\n|---|---|\n| event | 4,100 bytes |\n| message, queue | 2.40 ms |\n| p50 | 3 s |\n"
    assert scaling.costs_of(page) == {"event": 4100, "message, queue": 2.4}


@pytest.mark.parametrize(
    ("computed", "expected"),
    [
        (scaling.instances(1_000, 2.4), 4),
        (scaling.instances(10_000, 2.4), 40),
        (scaling.instances(1, 2.4), 1),
        (scaling.queues(2_000), 1),
        (scaling.queues(2_001), 2),
        (scaling.accounts(10_000, 2.5), 2),
        (scaling.throughput_units(1_000, 100), 1),
        (scaling.throughput_units(1_000, 4_100), 5),
    ],
)
def test_formula_rounds_up_what_a_rate_needs(computed: int, expected: int) -> None:
    assert computed == expected


def test_records_of_two_days_at_a_thousand_a_second_are_28_gigabytes() -> None:
    assert scaling.records_gigabytes(1_000, 160, days=2) == pytest.approx(27.648)
