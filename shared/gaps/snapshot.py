"""The snapshot: the last known state of chats, teams, channels and members, and how Graph's lists differ from it.

Graph has no delta query for them, and no time of a change except for chats; docs/operations.md says what that means.

Source: https://learn.microsoft.com/graph/api/teams-list, https://learn.microsoft.com/graph/api/channel-list,
https://learn.microsoft.com/graph/api/team-list-members, https://learn.microsoft.com/graph/api/chat-list-members
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap, time_or_none
from shared.gaps.recovered_events import Change, Item
from shared.resources.paths import canonical_path

# The properties that Graph's lists show; all others of a team are null in a list.
_LISTED_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "chats": ("topic", "lastUpdatedDateTime"),
    "teams": ("displayName", "description", "visibility"),
    "channels": ("displayName", "description", "membershipType"),
    "members": ("roles",),
}

type ItemsById = Mapping[str, Item]
type EntriesById = Mapping[str, SnapshotEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry:
    """The last known state of one item; ``subject`` is its canonical path.

    ``fingerprint`` is a hash of the properties that lists show, None if they are unknown. ``is_announced``: a run was
    about to publish the item's creation, and has not recorded that it did. ``recorded_at`` is when the state was
    reported or listed, None if unknown. ``etag`` is that of the row, None for a new one.
    """

    tenant_id: str
    subject: str
    fingerprint: str | None = None
    exists: bool = True
    is_announced: bool = False
    recorded_at: datetime | None = field(default=None, compare=False)
    etag: str | None = field(default=None, compare=False)

    @property
    def collection(self) -> str:
        """Return the canonical path of the list that contains the item."""
        return self.subject.rpartition("/")[0]

    @property
    def is_required(self) -> bool:
        """Return whether a change could be missed without this entry; chats have the times of their changes."""
        return self.collection != "chats"

    @property
    def id(self) -> str:
        """Return the item's id as Graph spells it."""
        return unquote(self.subject.rpartition("/")[2])


def entry_from_event(event: CloudEvent) -> SnapshotEntry | None:
    """Return the state that an event reports; None if the snapshot has no entries for items of its kind."""
    if event.subject.rpartition("/")[0].rpartition("/")[2] not in _LISTED_PROPERTIES:
        return None
    provenance = event.provenance
    exists = provenance.change_type != "deleted"
    entry = SnapshotEntry(tenant_id=provenance.tenant_id, subject=event.subject, exists=exists, recorded_at=event.time)
    if provenance.content is None:
        return entry
    return replace(entry, fingerprint=fingerprint_of(entry.collection, provenance.content.resource))


def fingerprint_of(collection: str, item: Item) -> str:
    """Return a hash of the properties that lists show: the table holds no names."""
    properties = "\0".join(_text(name, item) for name in _LISTED_PROPERTIES[collection.rpartition("/")[2]])
    return hashlib.sha256(properties.encode(errors="surrogatepass")).hexdigest()[:16]


def _text(name: str, item: Item) -> str:
    """Return a property in one spelling: offsets of times vary, and "no roles" is an empty list or null."""
    if name.endswith("DateTime") and (moment := time_or_none(item, name)) is not None:
        return moment.astimezone(UTC).isoformat()
    value = item.get(name)
    texts = sorted(item for item in value if isinstance(item, str)) if isinstance(value, list) else [value]
    return "\n".join(text for text in texts if isinstance(text, str))


def diff(
    path_parts: tuple[str, ...], entries: EntriesById, items: ItemsById, gap: Gap, *, is_complete: bool
) -> Iterator[Change]:
    """Yield the changes from ``entries`` to ``items`` of the subscribed types; ``path_parts`` lead to the list.

    ``is_complete``: the snapshot was complete before the gap, so an item without an entry is new. Otherwise only its
    creation time can show that.
    """
    for id_ in {**items, **entries}:
        entry, item = entries.get(id_), items.get(id_)
        change_type = _change_type(entry, item, gap, is_complete=is_complete)
        if change_type in gap.change_types:
            place, previous_state_at = (*path_parts, id_), entry.recorded_at if entry else None
            yield Change(change_type=change_type, path_parts=place, item=item, previous_state_at=previous_state_at)


def _change_type(entry: SnapshotEntry | None, item: Item | None, gap: Gap, *, is_complete: bool) -> str | None:
    change_type = _difference(entry, item)
    if change_type != "created" or item is None or (entry is not None and entry.is_announced):
        return change_type
    created = time_or_none(item, "createdDateTime")
    is_new = is_complete if created is None else gap.covers(created)
    return change_type if is_new else None


def _difference(entry: SnapshotEntry | None, item: Item | None) -> str | None:
    """Return the change type that leads from an entry to an item; None if they are equal."""
    if entry is not None and entry.exists:
        if item is None:
            return "deleted"
        if entry.is_announced:
            return "created"
        return None if entry.fingerprint == fingerprint_of(entry.collection, item) else "updated"
    return None if item is None else "created"


def changed_entries(
    tenant_id: str, collection: str, entries: EntriesById, items: ItemsById, *, recorded_at: datetime
) -> Iterator[tuple[str, SnapshotEntry]]:
    """Yield change types and the entries that make the snapshot equal ``items``: none for a list that is unchanged."""
    for id_ in {**items, **entries}:
        entry, item = entries.get(id_), items.get(id_)
        change_type = _difference(entry, item)
        if change_type is None:
            continue
        fingerprint = None if item is None else fingerprint_of(collection, item)
        changed = replace(entry or _new(tenant_id, collection, id_), is_announced=False)
        yield change_type, replace(changed, exists=item is not None, fingerprint=fingerprint, recorded_at=recorded_at)


def announced_entries(
    tenant_id: str, collection: str, entries: EntriesById, created: Iterable[str]
) -> Iterator[SnapshotEntry]:
    """Yield what is recorded of items, by id, before their creation is published: the event may be out, and no answer.

    The time stays that of the state before, which is part of the event's id.
    """
    for id_ in created:
        entry = entries.get(id_) or _new(tenant_id, collection, id_)
        if not entry.is_announced:
            yield replace(entry, exists=True, fingerprint=None, is_announced=True)


def _new(tenant_id: str, collection: str, id_: str) -> SnapshotEntry:
    return SnapshotEntry(tenant_id=tenant_id, subject=canonical_path(f"{collection}/{quote(id_, safe='')}"))
