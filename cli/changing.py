"""Rows of the subscription table after an operator adds or removes a subscription; the next timer run applies them.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.graph.subscription import split_change_types
from shared.resources.paths import canonical_path
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import TrackedSubscription, subscription_key


def find_row(rows: Iterable[TrackedSubscription], desired: DesiredSubscription) -> TrackedSubscription | None:
    """Return the row with the key of ``desired``, or None."""
    return next((row for row in rows if row.key == subscription_key(desired)), None)


def is_from_file(row: TrackedSubscription | None) -> bool:
    """Return whether ``subscriptions.json`` requests the row: then only an edit of that file may change it."""
    return row is not None and row.is_wanted and row.added_by == "file"


def row_to_add(row: TrackedSubscription | None, desired: DesiredSubscription) -> TrackedSubscription:
    """Return the row to save for ``desired``; an existing row keeps its subscription."""
    if row is None:
        return TrackedSubscription(desired=desired, added_by="cli")
    # The back-off after a failure belongs to the previous request.
    return replace(row, desired=desired, added_by="cli", is_wanted=True, failure=None)


def row_to_remove(row: TrackedSubscription) -> TrackedSubscription:
    """Return the row to save so that the next run deletes the subscription, without waiting for its back-off."""
    return replace(row, is_wanted=False, failure=None)


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


def desired_of_file(rows: Iterable[TrackedSubscription]) -> Sequence[DesiredSubscription]:
    """Return what ``subscriptions.json`` requested when the timer last read it."""
    return [row.desired for row in rows if is_from_file(row)]
