"""Records gaps, each once, and merges what belongs together before its backfill begins.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import batched
from typing import Protocol

from shared.errors import Conflict
from shared.gaps.gap import Gap, GapCause, GapState
from shared.subscriptions.ports import MissedChanges

# Limit of a table transaction.
# Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
MAX_BATCH = 100
# An endpoint that comes and goes leaves a gap every few minutes.
_MERGED_WITHIN = timedelta(minutes=15)
# While it goes on, a gap that was always extended would never be read back. Every hour may begin a backfill.
_LONGEST_MERGED = timedelta(hours=1)
_MERGEABLE = frozenset({GapCause.OUTAGE, GapCause.REPLACED, GapCause.LAPSED})


class RecordedGaps(Protocol):
    """The table of gaps; a change raises Conflict if the row has changed since it was read."""

    def load(self, tenant_id: str) -> Sequence[Gap]:
        """Return all gaps of a tenant."""
        ...

    def save(self, gap: Gap) -> Gap:
        """Return the gap as saved, with its ETag."""
        ...

    def create_all(self, gaps: Sequence[Gap]) -> None:
        """Record up to ``MAX_BATCH`` gaps of a tenant; raise Conflict, and record none, if one is recorded already."""
        ...

    def delete(self, gap: Gap) -> None:
        """Delete a row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedChangesRecorder:
    """Records as gaps what subscriptions have missed; raises as the table does."""

    gap_table: RecordedGaps

    def record_gaps(self, tenant_id: str, missed: Sequence[MissedChanges]) -> None:
        """Return when all are recorded. What is recorded again is the same gap, which lasts until the later end."""
        gaps = [gap for each in missed if (gap := _gap_from(each)) is not None]
        for batch in batched(gaps, MAX_BATCH, strict=False):
            try:
                self.gap_table.create_all(batch)
            except Conflict:
                # An earlier run recorded some of them, and was killed before it moved the proof.
                self._record_one_by_one(tenant_id, batch)

    def _record_one_by_one(self, tenant_id: str, gaps: Iterable[Gap]) -> None:
        recorded = {gap.key: gap for gap in self.gap_table.load(tenant_id)}
        for gap in gaps:
            known = recorded.get(gap.key)
            merged = gap if known is None else known.merged_with(gap)
            if merged is not known:
                self.gap_table.save(merged)


def _gap_from(missed: MissedChanges) -> Gap | None:
    return Gap.of_subscription(missed.tracked, GapCause(missed.cause.value), missed.since, missed.until)


def merge_gaps(gap_table: RecordedGaps, by_key: Mapping[str, Gap]) -> Mapping[str, Gap]:
    """Return a tenant's gaps after those were merged that nearly touch and whose backfill has not begun.

    What is being read back is never extended: what comes later is a gap of its own.
    """
    groups = defaultdict[tuple[str, frozenset[str]], list[Gap]](list)
    for gap in by_key.values():
        if gap.cause in _MERGEABLE and gap.begun_at is None and gap.state is GapState.OPEN:
            groups[gap.subscription_key, gap.change_types].append(gap)
    result = dict(by_key)
    for group in groups.values():
        for chain in _chains(group):
            with suppress(Conflict):
                _merge(gap_table, chain, result)
    return result


def _chains(gaps: Iterable[Gap]) -> Iterable[Sequence[Gap]]:
    """Return gaps in groups, each of which nearly touches the one before."""
    chains: list[list[Gap]] = []
    for gap in sorted(gaps, key=lambda gap: gap.since):
        if chains and _nearly_touches(chains[-1], gap):
            chains[-1].append(gap)
        else:
            chains.append([gap])
    return chains


def _nearly_touches(chain: Sequence[Gap], gap: Gap) -> bool:
    is_near = gap.since <= max(each.until for each in chain) + _MERGED_WITHIN
    return is_near and gap.since - chain[0].since < _LONGEST_MERGED


def _merge(gap_table: RecordedGaps, chain: Sequence[Gap], result: dict[str, Gap]) -> None:
    first, *others = chain
    until = max(gap.until for gap in chain)
    if until != first.until:
        # Save the longer one first: a run that is killed in between reads some changes twice.
        result[first.key] = gap_table.save(replace(first, until=until))
    for gap in others:
        gap_table.delete(gap)
        del result[gap.key]
