"""The table of snapshots, in memory."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from shared.gaps.snapshot import SnapshotEntry


class InMemorySnapshotTable:
    """Keeps the contract of ``shared.gaps.snapshot_table``; ``notes`` and ``asked`` record its calls."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.things: dict[tuple[str, str], SnapshotEntry] = {}
        self.notes: list[SnapshotEntry] = []
        self.forgotten: list[tuple[str, str, datetime]] = []

    def list(self, tenant_id: str, collection: str) -> Mapping[str, SnapshotEntry]:
        self.asked.append(collection)
        of_tenant = (known for (tenant, _), known in self.things.items() if tenant == tenant_id)
        return {known.id: known for known in of_tenant if known.collection == collection}

    def get(self, entry: SnapshotEntry) -> SnapshotEntry | None:
        found = self.things.get((entry.tenant_id, entry.subject))
        return found if found is not None and found.exists else None

    def there(self, tenant_id: str, collection: str) -> set[str]:
        """Return the ids of those that are known to be there."""
        return {id_ for id_, known in self.list(tenant_id, collection).items() if known.exists}

    def note(self, known: SnapshotEntry) -> None:
        self.notes.append(known)
        self.things[known.tenant_id, known.subject] = known

    def purge_deleted(self, tenant_id: str, collection: str, *, before: datetime) -> None:
        self.forgotten.append((tenant_id, collection, before))

    def announce(self, entries: Iterable[SnapshotEntry]) -> None:
        for entry in entries:
            self.things[entry.tenant_id, entry.subject] = entry

    def record_all(self, entries: Iterable[SnapshotEntry]) -> None:
        changed = list(entries)
        assert len({known.subject for known in changed}) == len(changed), "a transaction takes each row once"
        for known in changed:
            self.note(known)
