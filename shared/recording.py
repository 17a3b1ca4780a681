"""Which gaps there are: what subscriptions have told since the last run is recorded, what has had its time goes.

A new subscription has a baseline, where what is there has to be known to be compared with after a gap.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from shared.errors import Conflict, Problem
from shared.recovery import DONE, Recovery
from shared.sources import is_compared
from shared.subscriptions.apply import TrackingTable
from shared.subscriptions.tracked import Tracked
from shared.timing import Clock

# So long an operator can look at what became of a gap.
_KEPT = timedelta(days=30)


class GapTable(Protocol):
    """The table of gaps; Conflict is raised for a row that somebody else has changed."""

    def load(self, tenant_id: str) -> Sequence[Recovery]:
        """Return all gaps of a tenant."""
        ...

    def save(self, row: Recovery) -> Recovery:
        """Return the row as it is kept."""
        ...

    def remove(self, row: Recovery) -> None:
        """Delete a row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The tables that gaps are moved between, and the time; ``done`` counts what was recorded."""

    tracking: TrackingTable
    gaps: GapTable
    clock: Clock
    done: Counter[str]

    def gaps_of(self, tenant_id: str) -> Sequence[Recovery]:
        """Return the gaps and baselines of a tenant.

        Raises:
            Unavailable, Misconfigured: a table does not answer, or has a row that cannot be read.
        """
        known = {gap.key: gap for gap in self.gaps.load(tenant_id)}
        tracked = self.tracking.load(tenant_id).tracked
        for row in tracked:
            known |= {gap.key: gap for gap in (*self._recorded(row, known), *self._begun(row, known))}
        keys = {row.key for row in tracked}
        return [gap for gap in known.values() if not self._has_had_its_time(gap, keys)]

    def _recorded(self, row: Tracked, known: Mapping[str, Recovery]) -> Iterator[Recovery]:
        gap = Recovery.of(row)
        if gap is None:
            return
        with suppress(Conflict):
            before = known.get(gap.key)
            kept = gap if before is None else before.joined(gap)
            yield kept if kept is before else self.gaps.save(kept)
            # Not before it stands in the table of gaps: a run that ends between the two must not lose it.
            self.tracking.save(replace(row, gap=None))
            self.done["recorded"] += 1

    def _begun(self, row: Tracked, known: Mapping[str, Recovery]) -> Iterator[Recovery]:
        """Yield the baseline of a subscription that has none, where one is needed."""
        baseline = Recovery.baseline(row, self.clock.now())
        if baseline is not None and baseline.key not in known and is_compared(baseline):
            with suppress(Conflict):
                yield self.gaps.save(baseline)

    def _has_had_its_time(self, gap: Recovery, tracked: Collection[str]) -> bool:
        if gap.is_baseline:
            # What changes unheard makes it worthless.
            is_over = gap.subscription_key not in tracked
        else:
            is_over = gap.state in DONE and gap.ended_at is not None and self.clock.now() - gap.ended_at >= _KEPT
        if is_over:
            with suppress(Problem):
                self.gaps.remove(gap)
        return is_over
