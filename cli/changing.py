"""Rows of the table as an operator's wish changes them; the next run of the timer does the rest.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.graph.subscription import split_change_types
from shared.resources.paths import canonical_path
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import TrackedSubscription, subscription_key


def find_row(rows: Iterable[TrackedSubscription], desired: DesiredSubscription) -> TrackedSubscription | None:
    """Return the row of what watches the same changes of the same resource."""
    return next((row for row in rows if row.key == subscription_key(desired)), None)


def is_from_file(row: TrackedSubscription | None) -> bool:
    """Return whether ``subscriptions.json`` asks for the row, which only an edit of that file can change."""
    return row is not None and row.is_wanted and row.added_by == "file"


def row_to_add(row: TrackedSubscription | None, desired: DesiredSubscription) -> TrackedSubscription:
    """Return the row with which ``desired`` is watched, whatever was known of it."""
    if row is None:
        return TrackedSubscription(desired=desired, added_by="cli")
    # The pause after a failure was for what was wanted before.
    return replace(row, desired=desired, added_by="cli", is_wanted=True, failure=None)


def row_to_remove(row: TrackedSubscription) -> TrackedSubscription:
    """Return the row with which the next run ends the subscription, heeding no pause."""
    return replace(row, is_wanted=False, failure=None)


def matching_rows(
    rows: Iterable[TrackedSubscription], resource: str, change_type: str
) -> Sequence[TrackedSubscription]:
    """Return the rows of ``resource`` that are wanted; of all changes, where ``change_type`` is empty."""
    path, changes = canonical_path(resource), split_change_types(change_type)
    return [
        row
        for row in rows
        if row.is_wanted
        and canonical_path(row.desired.resource) == path
        and (not change_type or row.desired.change_types == changes)
    ]


def desired_of_file(rows: Iterable[TrackedSubscription]) -> Sequence[DesiredSubscription]:
    """Return what ``subscriptions.json`` asked for when the timer last read it."""
    return [row.desired for row in rows if is_from_file(row)]
