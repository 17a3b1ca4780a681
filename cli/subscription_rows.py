"""Rows of the subscription table: those that an operator names by resource, and who may change them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.graph.subscription import split_change_types
from shared.resources.paths import canonical_path
from shared.subscriptions.desired import DesiredSubscription
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


def describe(desired: DesiredSubscription) -> str:
    """Return how a subscription is named in a sentence."""
    return f"Tenant {desired.tenant_id}: {desired.resource} ({desired.change_type})"


def is_from_file(row: TrackedSubscription | None) -> bool:
    """Return whether ``subscriptions.json`` requests the row: then only an edit of that file may change it."""
    return row is not None and row.is_wanted and row.added_by == "file"


def row_to_remove(row: TrackedSubscription) -> TrackedSubscription:
    """Return the row to save so that the next run deletes the subscription, without waiting for its back-off."""
    return replace(row, is_wanted=False, failure=None)
