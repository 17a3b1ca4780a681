"""Lists of teams, channels and members are compared with the snapshot: a query in, changes out, entries recorded.

Source: the pages named in ``shared.gaps.snapshot``
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from shared.errors import NotFound
from shared.gaps.coverage import Coverage
from shared.gaps.gap import Gap
from shared.gaps.graph_queries import SnapshotQuery
from shared.gaps.list_walk import read_list, read_page
from shared.gaps.recovered_events import Change, Item
from shared.gaps.snapshot import EntriesById, ItemsById, SnapshotEntry, announced_entries, changed_entries, diff
from shared.gaps.turns import Reads
from shared.timing import Clock

# Longer than a POST stays parked: it may report the creation of an item that has been deleted since.
_DELETED_RETENTION = timedelta(days=30)
_MAX_REMEMBERED = 200_000


class SnapshotEntries(Protocol):
    """The table of the snapshot; all methods raise Unavailable, and Misconfigured for a row that cannot be read."""

    def list(self, tenant_id: str, collection: str) -> Mapping[str, SnapshotEntry]:
        """Return the entries of a list by id, also those of deleted items."""
        ...

    def get(self, entry: SnapshotEntry) -> SnapshotEntry | None:
        """Return the recorded entry of the same item, if the item exists."""
        ...

    def announce(self, entries: Iterable[SnapshotEntry]) -> None:
        """Record entries of one list whose creation is about to be published, unless something was recorded since."""
        ...

    def record_all(self, entries: Iterable[SnapshotEntry]) -> None:
        """Record entries of one list."""
        ...

    def purge_deleted(self, tenant_id: str, collection: str, *, before: datetime) -> None:
        """Delete the entries of items that were deleted ``before``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ListComparison:
    """Compares the lists of one gap; ``coverage``: the subscriptions of the tenant.

    ``publish`` is given the changes that were found.
    """

    snapshot_table: SnapshotEntries
    clock: Clock
    coverage: Coverage
    publish: Callable[[Sequence[Change]], None]
    _done: set[tuple[str, ...]] = field(default_factory=set, init=False)

    def compare(self, gap: Gap, query: SnapshotQuery) -> Reads[None]:
        """Publish how a list differs from the snapshot, and record it; once for a list, however often it is met.

        Raises:
            Unavailable, NotFound, GraphRefusal: the list cannot be read, the sink or the table is down.
        """
        if query.path_parts in self._done:
            return
        # Take the snapshot first. A member added while the list is being read would otherwise be in the snapshot but
        # not in the list, and be reported as deleted.
        entries = self.snapshot_table.list(gap.tenant_id, query.collection)
        entries = {id_: entry for id_, entry in entries.items() if query.single_id in {None, id_}}
        taken_at = self.clock.now()
        items = _by_id((yield from _listed(query)) if query.items is None else query.items)
        if query.items is not None and any(entry.exists and id_ not in items for id_, entry in entries.items()):
            # These items were read before the snapshot: a member that they lack may have been added in between.
            items = _by_id((yield from _listed(query)))
        self._publish_diff(gap, query, entries, items, taken_at=taken_at)
        if len(self._done) >= _MAX_REMEMBERED:
            self._done.clear()
        self._done.add(query.path_parts)

    def _publish_diff(
        self, gap: Gap, query: SnapshotQuery, entries: EntriesById, items: ItemsById, *, taken_at: datetime
    ) -> None:
        """Publish what differs, or nothing for a baseline; then record it."""
        collection, published = query.collection, set[str]()
        if not gap.is_baseline:
            is_complete = self.coverage.baseline_of(gap) is not None
            changes = tuple(diff(query.path_parts, entries, items, gap, is_complete=is_complete))
            # Else nobody would know that what is published without an answer is deleted before the next run.
            created = [change.path_parts[-1] for change in changes if change.change_type == "created"]
            self.snapshot_table.announce(announced_entries(gap.tenant_id, collection, entries, created))
            self.publish(changes)
            published = {change.path_parts[-1] for change in changes}

        # Record after publishing: a run that is killed in between finds the changes again. And record with the time of
        # the snapshot: an entry written while the list was being read may be newer than the list.
        changed = changed_entries(gap.tenant_id, collection, entries, items, recorded_at=taken_at)
        self.snapshot_table.record_all(
            entry
            for change_type, entry in changed
            # What another subscription may have missed stays, for its own gap to find.
            if entry.id in published
            or not self.coverage.has_other(gap.subscription_key, (*query.path_parts, entry.id), change_type)
        )
        self.snapshot_table.purge_deleted(gap.tenant_id, collection, before=taken_at - _DELETED_RETENTION)


def _listed(query: SnapshotQuery) -> Reads[Sequence[Item]]:
    if query.single_id is None:
        return (yield from read_list(query, query.path))
    try:
        return (yield from read_page(query, query.path, is_single=True)).items
    except NotFound:
        return ()


def _by_id(items: Iterable[Item]) -> ItemsById:
    return {id_: item for item in items if isinstance(id_ := item.get("id"), str)}
