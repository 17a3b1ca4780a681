"""The report of a simulation: figures and violations, and both as a table."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich.table import Table

from tests.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures; ``done`` counts what the timer's runs did, ``violations`` are sentences."""

    scenario: Scenario
    runs: int
    calls: Counter[str]
    faults: Counter[str]
    done: Counter[str]
    removed: int
    delivered: int
    published: int
    gaps: int
    longest_absence: timedelta
    longest_without_token: timedelta
    wall_time: timedelta
    processor_time: timedelta
    violations: Sequence[str]

    def table(self) -> Table:
        """Return all figures, a line each."""
        table = Table(title=f"{_words(self.scenario)}: {self._verdict()}", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, value in self._figures():
            table.add_row(name, value)
        return table

    def _verdict(self) -> str:
        return f"{len(self.violations)} violations" if self.violations else "no violations"

    def _figures(self) -> Iterator[tuple[str, str]]:
        yield "runs of the timer", f"{self.runs:,}"
        for name, count in sorted(self.calls.items()):
            yield f"calls of {name}", f"{count:,}"
        for name, count in self.faults.items():
            yield f"faults, {name}", f"{count:,}"
        for name, count in sorted(self.done.items()):
            yield f"subscriptions {name}", f"{count:,}"
        yield "removed by Graph", f"{self.removed:,}"
        yield "gaps recorded", f"{self.gaps:,}"
        yield "longest time without a subscription", _minutes(self.longest_absence)
        yield "longest time without a valid token", _minutes(self.longest_without_token)
        yield "notifications delivered", f"{self.delivered:,}"
        yield "events published", f"{self.published:,}"
        yield "wall time", f"{self.wall_time.total_seconds():,.0f} s"
        yield "processor time, without Azurite's", f"{self.processor_time.total_seconds():,.0f} s"


def _words(scenario: Scenario) -> str:
    hours = scenario.span / timedelta(hours=1)
    return (
        f"{hours:,.0f} hours, {scenario.subscriptions} subscriptions in {scenario.tenants} tenants, "
        f"{scenario.faults:.0%} faults, seed {scenario.seed}"
    )


def _minutes(time: timedelta) -> str:
    return f"{max(time, timedelta()) / timedelta(minutes=1):,.1f} min"
