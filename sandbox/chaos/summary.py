"""What came of a chaos run, as values and as a table."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from sandbox.chaos.account import account
from sandbox.chaos.books import Balance, Books, Fate
from sandbox.chaos.repeats import Cause
from sandbox.graph import Delivery
from sandbox.graph.envelope import resource_of

_SHOWN = 10
_PARTS = (0.5, 0.99, 0.999, 1.0)
# Seconds.
_BEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What came of it; ``agrees`` is whether every law held."""

    balance: Balance
    length: timedelta
    """For how long everything went wrong; the rest of the run is mending."""
    books: Books = field(repr=False)
    troubles: Counter[str]
    deliveries: Sequence[Delivery] = field(repr=False)
    timer_runs: int
    lost_by_graph: int
    was_slow: bool
    """Whether Graph has at any time held the endpoint to be slow, or dropped what was for it."""
    open_ends: Sequence[str]

    @property
    def broken(self) -> Sequence[str]:
        """The laws that were broken, in words."""
        balance = self.balance
        broken = {
            f"{len(balance.missing)} changes are missing": len(balance.missing),
            f"{len(balance.wrong)} events are of no change, or not as it was": len(balance.wrong),
            f"{balance.duplicates[None]} events came twice for no reason": balance.duplicates[None],
            f"Graph has given up {self.lost_by_graph} notifications": self.lost_by_graph,
            "Graph has found the endpoint slow": self.was_slow,
            f"not done with: {', '.join(self.open_ends)}": self.open_ends,
            "nothing has happened": not self.books.changes,
        }
        return [words for words, is_broken in broken.items() if is_broken]

    def show(self, console: Console) -> None:
        """Print the table, the laws that were broken, and what was seen of some of the changes that are lost."""
        table = Table(title="What happened", title_justify="left", show_header=False)
        for name, value in self._rows().items():
            table.add_row(name, value)
        console.print(table)
        for change, fate in self.balance.missing[:_SHOWN]:
            line = f"{fate}: {change.change_type} {resource_of(change)} at {change.when:%H:%M:%S.%f}"
            console.print(line, style="red", soft_wrap=True)
            for seen in account(change, self.books, self.deliveries):
                console.print(f"    {seen}", markup=False, highlight=False, soft_wrap=True)
        for event in self.balance.wrong[:_SHOWN]:
            console.print(f"wrong: {event.attributes['type']} {event.attributes['subject']}", style="red")
        for law in self.broken:
            console.print(law, style="bold red", markup=False)
        if not self.broken:
            console.print("Everything that happened in Teams is accounted for.", style="bold green")

    def _rows(self) -> Mapping[str, str]:
        fates, answered = self.balance.fates, [each for each in self.deliveries if each.answer.status is not None]
        took = sorted(each.answer.took.total_seconds() * 1000 for each in answered) or [0.0]
        parts = (took[min(len(took) - 1, math.ceil(part * len(took)) - 1)] for part in _PARTS)
        statuses = Counter(str(each.answer.status or "no answer") for each in self.deliveries)
        return {
            "Changes in Teams": f"{len(self.books.changes)}: {', '.join(f'{fates[fate]} {fate}' for fate in Fate)}",
            "Events in the sink": str(len(self.books.arrivals)),
            "Twice under one id": _listed(Counter({why or "for no reason": n for why, n in self._doubled()})) or "none",
            "Told once more, under another id": str(self.balance.surplus),
            "POSTs": f"{len(self.deliveries)}: {_listed(statuses)}",
            "POSTs a second": "{:.0f}, in the best ten seconds {:.0f}".format(*self._rates()),
            "Answered within": "p50 {:.0f} ms, p99 {:.0f} ms, p99.9 {:.0f} ms, longest {:.0f} ms".format(*parts),
            "Runs of the timer": str(self.timer_runs),
            "Troubles": _listed(self.troubles) or "none",
        }

    def _rates(self) -> tuple[float, float]:
        """Return how many POSTs a second there were while everything went wrong, and in the best ten seconds."""
        seconds = Counter(int((each.when - self.deliveries[0].when).total_seconds()) for each in self.deliveries)
        length = math.ceil(self.length.total_seconds())
        counts = [seconds[second] for second in range(length)]
        best = max(sum(counts[first : first + _BEST]) for first in range(max(1, length - _BEST + 1)))
        return sum(counts) / length, best / min(length, _BEST)

    def _doubled(self) -> Sequence[tuple[Cause | None, int]]:
        return [(why, count) for why, count in self.balance.duplicates.items() if count]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in sorted(counts.items()))
