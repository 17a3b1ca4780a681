"""Rows of the subscription table that an operator names by resource."""

from collections.abc import Iterable, Sequence

from shared.graph.subscription import split_change_types
from shared.resources.paths import canonical_path
from shared.subscriptions.tracked import TrackedSubscription


def matching_rows(
    rows: Iterable[TrackedSubscription], resource: str, change_type: str
) -> Sequence[TrackedSubscription]:
    """Return the wanted rows of ``resource`` with exactly ``change_type``; with any, if that is empty."""
    path, changes = canonical_path(resource), split_change_types(change_type)
    return [
        row
        for row in rows
        if row.is_wanted
        and canonical_path(row.desired.resource) == path
        and (not change_type or row.desired.change_types == changes)
    ]
