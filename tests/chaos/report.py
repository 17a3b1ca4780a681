"""What came of a chaos run, as values and as a table."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from rich.console import Console
from rich.table import Table

from sandbox.graph import Subscription
from sandbox.graph.envelope import resource_of
from sandbox.ledger import Ledger
from tests.chaos.audit import Audit, Outcome, audit
from tests.chaos.duplicates import Lost, Outage
from tests.chaos.history import history

_SHOWN = 10
_PARTS = (0.5, 0.99, 0.999, 1.0)
_BEST_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of it; ``broken`` is empty if every law held."""

    ledger: Ledger = field(repr=False)
    outages: Sequence[Outage] = field(repr=False)
    length: timedelta
    """For how long there were faults; the rest of the run is recovery."""
    faults: Counter[str]
    timer_runs: int
    met: Mapping[str, int]
    """How often the app met a trouble that it may not notice."""
    strange_ids: Collection[str] = field(repr=False)
    """The ids of strangers' subscriptions."""
    asked_again: Sequence[Subscription] = field(repr=False)
    """Subscriptions that lived when the app asked for their like."""
    lost_by_graph: int
    was_slow: bool
    """Whether Graph has at any time held the endpoint to be slow, or dropped what was for it."""
    unfinished: Sequence[str]
    load: float
    """How many processes of this machine wanted one of its cores, on average: with many more than it has, answers are
    slow whatever the app does."""
    cores: int

    @cached_property
    def audit(self) -> Audit:
        """What the ledger amounts to."""
        return audit(self.ledger, self.outages)

    @property
    def forgotten(self) -> Sequence[Subscription]:
        """The subscriptions that the app asked for again although it knew them: it had created or renewed them.

        What it did when it was killed, or without its table or Graph's answer, it may not have recorded.
        """
        unrecorded = [each for each in self.outages if each.lost is not Lost.QUEUE]
        return [
            each
            for each in self.asked_again
            if any(
                at is not None and not any(outage.covers(at) for outage in unrecorded)
                for at in (each.created_at, each.renewed_at)
            )
        ]

    @property
    def strange(self) -> int:
        """How many events say that a stranger's subscription has reported them."""
        received = self.ledger.received.values()
        return sum(each.event.data.get("subscriptionId") in self.strange_ids for each in received)

    @property
    def broken(self) -> Sequence[str]:
        """The laws that were broken, in words."""
        missing, wrong, doubled = len(self.audit.missing), len(self.audit.wrong), self.audit.duplicates[None]
        broken = {
            f"{missing} changes are missing": missing,
            f"{wrong} events are of no change, or not as it was": wrong,
            f"{doubled} events came twice without a cause": doubled,
            f"{self.strange} events come from a stranger's subscription": self.strange,
            f"the app has asked {len(self.forgotten)} times for a subscription that it knew": self.forgotten,
            f"Graph has given up {self.lost_by_graph} notifications": self.lost_by_graph,
            "Graph has found the endpoint slow": self.was_slow,
            f"unfinished: {', '.join(self.unfinished)}": self.unfinished,
            "nothing has happened": not self.ledger.expected,
        }
        return [words for words, is_broken in broken.items() if is_broken]

    def show(self, console: Console) -> None:
        """Print the table, the laws that were broken, and the history of some of the items with a missing change."""
        table = Table(title="What happened", title_justify="left", show_header=False)
        for name, value in self._rows().items():
            table.add_row(name, value)
        console.print(table)
        for change, outcome in self.audit.missing[:_SHOWN]:
            line = f"{outcome}: {change.change_type} {resource_of(change)} at {change.when:%H:%M:%S.%f}"
            console.print(line, style="red", soft_wrap=True)
            for seen in history(change, self.ledger):
                console.print(f"    {seen}", markup=False, highlight=False, soft_wrap=True)
        for event in self.audit.wrong[:_SHOWN]:
            console.print(f"wrong: {event.attributes['type']} {event.attributes['subject']}", style="red")
            told = f"    {dict(event.attributes)} {dict(event.data)}"
            console.print(told, markup=False, highlight=False, soft_wrap=True)
        for law in self.broken:
            console.print(law, style="bold red", markup=False)
        if not self.broken:
            console.print("Everything that happened in Teams is accounted for.", style="bold green")

    def _rows(self) -> Mapping[str, str]:
        ledger, outcomes = self.ledger, self.audit.outcomes
        answers = [each.answer for each in ledger.deliveries]
        took = sorted(each.took.total_seconds() * 1000 for each in answers if each.status is not None) or [0.0]
        parts = (took[min(len(took) - 1, math.ceil(part * len(took)) - 1)] for part in _PARTS)
        statuses = Counter(str(each.status or "no answer") for each in answers)
        doubled = Counter({why or "without a cause": count for why, count in self.audit.duplicates.items()})
        return {
            "Changes in Teams": f"{len(ledger.expected)}: {', '.join(f'{outcomes[each]} {each}' for each in Outcome)}",
            "Events in the queue": str(len(ledger.received) + len(ledger.duplicates)),
            "Repeated, same id": _listed(doubled),
            "Repeated, another id": str(self.audit.surplus),
            "POSTs": f"{len(answers)}: {_listed(statuses)}",
            "POSTs a second": "{:.0f}, in the best ten seconds {:.0f}".format(*self._rates()),
            "Answered within": "p50 {:.0f} ms, p99 {:.0f} ms, p99.9 {:.0f} ms, longest {:.0f} ms".format(*parts),
            "Runs of the timer": str(self.timer_runs),
            "Faults": _listed(self.faults),
            "Met": _listed(Counter(self.met)),
            "Load of the machine": f"{self.load:.1f} on {self.cores} cores",
        }

    def _rates(self) -> tuple[float, float]:
        """Return how many POSTs a second there were while there were faults, and in the best ten seconds."""
        times = [each.when for each in self.ledger.deliveries]
        seconds = Counter(int((when - times[0]).total_seconds()) for when in times)
        length = math.ceil(self.length.total_seconds())
        counts = [seconds[second] for second in range(length)]
        best = max(sum(counts[first : first + _BEST_SECONDS]) for first in range(max(1, length - _BEST_SECONDS + 1)))
        return sum(counts) / length, best / min(length, _BEST_SECONDS)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in sorted(counts.items()) if count) or "none"
