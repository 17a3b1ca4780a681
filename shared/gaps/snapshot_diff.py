"""One list of teams, channels or members compared with what was known of it: what has changed published, then noted.

Source: https://learn.microsoft.com/graph/api/team-list-members, and those named in ``shared.gaps.snapshot``
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote

from shared.errors import Malformed
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap
from shared.gaps.graph_queries import SnapshotQuery
from shared.gaps.recovered_events import Change, event_from_change
from shared.gaps.snapshot import Difference, SnapshotEntry, diff, entry_from_event, fingerprint_of
from shared.resources.paths import canonical_path
from shared.timing import Clock

_LOG = logging.getLogger(__name__)

# Who has left is remembered for so long, should be parked that they came: longer than anybody leaves a POST parked.
_DELETED_RETENTION = timedelta(days=30)

type ItemsById = Mapping[str, Mapping[str, Any]]
"""Things by their ids."""


class SnapshotEntries(Protocol):
    """The table of what is known; all raise Unavailable, and Misconfigured for a row that is spoilt."""

    def list(self, tenant_id: str, collection: str) -> Mapping[str, SnapshotEntry]:
        """Return what is known of a list of things, by their ids; of those that have gone as well."""
        ...

    def get(self, entry: SnapshotEntry) -> SnapshotEntry | None:
        """Return what is known of one thing."""
        ...

    def record_all(self, entries: Iterable[SnapshotEntry]) -> None:
        """Keep what was found of the things of one list."""
        ...

    def purge_deleted(self, tenant_id: str, collection: str, *, before: datetime) -> None:
        """Delete what is kept of the things of a list that had gone ``before``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The entries of a list just before it is read, by id; ``deleted`` are those recorded as deleted before."""

    existing: Mapping[str, SnapshotEntry]
    deleted: Mapping[str, SnapshotEntry]
    taken_at: datetime

    def entry(self, id_: str) -> SnapshotEntry | None:
        """Return what was known of a thing, were it that it had gone."""
        return self.existing.get(id_) or self.deleted.get(id_)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotDiff:
    """What comparing needs; ``publish`` returns how many events were new to it."""

    client_id: str
    snapshot_table: SnapshotEntries
    publish: Callable[[Sequence[CloudEvent]], int]
    clock: Clock

    def take_snapshot(self, collection: SnapshotQuery, tenant_id: str) -> Snapshot:
        """Return what is known of a list; to be asked before the list is read.

        Who comes while it is read would else be known, not be in the list, and be told to have gone.

        Raises:
            Unavailable, Misconfigured: the table does not answer, or a row is spoilt.
        """
        rows = self.snapshot_table.list(tenant_id, _path(collection))
        matching = {id_: each for id_, each in rows.items() if collection.single_id in {None, id_}}
        existing = {id_: each for id_, each in matching.items() if each.exists}
        deleted = {id_: each for id_, each in matching.items() if not each.exists}
        return Snapshot(existing=existing, deleted=deleted, taken_at=self.clock.now())

    def publish_diff(
        self, collection: SnapshotQuery, before: Snapshot, listed: ItemsById, gap: Gap, *, is_complete: bool
    ) -> int:
        """Return how many events came of it; a baseline has none.

        ``is_complete``: see ``shared.gaps.snapshot.differences``.

        Raises:
            Unavailable: the sink or the table does not answer.
        """
        events = () if gap.is_baseline else self._events(collection, before, listed, gap, is_complete=is_complete)
        count = self.publish(tuple(events))
        # Not before it is published: a run that ends between the two finds it again.
        path = _path(collection)
        # What is told while the list is read may be newer than the list.
        changed = (
            replace(each, recorded_at=before.taken_at) for each in _changed_entries(gap.tenant_id, path, before, listed)
        )
        self.snapshot_table.record_all(changed)
        self.snapshot_table.purge_deleted(gap.tenant_id, path, before=before.taken_at - _DELETED_RETENTION)
        return count

    def publish_changed(self, events: Sequence[CloudEvent]) -> int:
        """Return how many of the events of what has its times were new; a chat is not told again as it is known."""
        entries = [(event, entry_from_event(event)) for event in events]
        changed = [
            (event, known) for event, known in entries if known is None or self.snapshot_table.get(known) != known
        ]
        count = self.publish([event for event, _ in changed])
        # Of a chat that is new and has changed there are two, and a transaction takes each row once.
        self.snapshot_table.record_all({known.subject: known for _, known in changed if known is not None}.values())
        return count

    def _events(
        self, collection: SnapshotQuery, before: Snapshot, listed: ItemsById, gap: Gap, *, is_complete: bool
    ) -> Iterator[CloudEvent]:
        for difference in diff(before.existing, listed, gap, is_complete=is_complete):
            if difference.change_type in gap.change_types:
                yield from self._event(difference, before.entry(difference.id), collection, gap)

    def _event(
        self, difference: Difference, entry: SnapshotEntry | None, collection: SnapshotQuery, gap: Gap
    ) -> Iterator[CloudEvent]:
        path_parts, previous_state_at = (
            (*collection.path_parts, difference.id),
            None if entry is None else entry.recorded_at,
        )
        change = Change(
            change_type=difference.change_type,
            path_parts=path_parts,
            item=difference.item,
            previous_state_at=previous_state_at,
        )
        try:
            yield event_from_change(change, gap, client_id=self.client_id, recovered_at=self.clock.now())
        except Malformed as problem:
            _LOG.warning("tenant %s: something is left out of what Graph tells: %s", gap.tenant_id, problem)


def _path(collection: SnapshotQuery) -> str:
    return canonical_path("/".join(quote(part, safe="") for part in collection.path_parts))


def _changed_entries(tenant_id: str, collection: str, before: Snapshot, listed: ItemsById) -> Iterator[SnapshotEntry]:
    """Yield what is to be noted, so that a list which has not changed costs no write."""
    for id_, item in listed.items():
        subject, fingerprint = canonical_path(f"{collection}/{quote(id_, safe='')}"), fingerprint_of(collection, item)
        entry = before.entry(id_)
        if entry is None or not entry.exists or entry.fingerprint != fingerprint:
            yield SnapshotEntry(
                tenant_id=tenant_id, subject=subject, fingerprint=fingerprint, etag=entry.etag if entry else None
            )
    for id_ in before.existing.keys() - listed.keys():
        yield replace(before.existing[id_], fingerprint=None, exists=False)
