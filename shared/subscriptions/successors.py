"""A subscription on a path that was watched before continues what its predecessor missed.

An edited entry is another subscription. Graph has a quota per path, so its predecessor goes first.

Source: https://learn.microsoft.com/graph/change-notifications-overview#subscription-quotas
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shared.resources.paths import canonical_path
from shared.subscriptions.tracked import Action, Create, MissedInterval, TrackedSubscription


def with_predecessors(actions: Sequence[Action], rows: Sequence[TrackedSubscription]) -> Iterator[Action]:
    """Yield actions, creations with what their unwanted predecessors on the same path miss until they are done."""
    unwanted: dict[str, list[TrackedSubscription]] = {}
    for row in rows:
        if row.applied is not None and not row.is_wanted:
            unwanted.setdefault(canonical_path(row.desired.resource), []).append(row)
    for action in actions:
        if unwanted and isinstance(action, Create):
            yield _continued(action, unwanted.get(canonical_path(action.tracked.desired.resource), ()))
        else:
            yield action


def _continued(creation: Create, predecessors: Sequence[TrackedSubscription]) -> Create:
    desired = creation.tracked.desired
    proofs = [
        row.applied.proven_at
        for row in predecessors
        if row.applied is not None
        and row.desired.delegated == desired.delegated
        and not row.desired.change_types.isdisjoint(desired.change_types)
    ]
    if not proofs:
        return creation
    return replace(creation, missed_interval=MissedInterval(since=min(proofs)).merged_with(creation.missed_interval))
