"""What was last told of chats, teams, channels and members, and what a list of them says has changed since.

Graph has no delta query for them, and but for chats no time of a change; see docs/operating.md for what that means.

Source: https://learn.microsoft.com/graph/api/teams-list, https://learn.microsoft.com/graph/api/channel-list,
https://learn.microsoft.com/graph/api/team-list-members, https://learn.microsoft.com/graph/api/chat-list-members
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from shared.errors import Malformed
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap, parse_time

# What Graph's lists show of them; of teams, all else is null in a list.
_LISTED_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "chats": ("topic", "lastUpdatedDateTime"),
    "teams": ("displayName", "description", "visibility"),
    "channels": ("displayName", "description", "membershipType"),
    "members": ("roles",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry:
    """One thing: ``subject`` is its canonical path, ``fingerprint`` a hash of what lists show of it, None if untold.

    ``recorded_at`` is when that was told, or found; None where nobody knows. ``etag`` is that of its row, None if new.
    """

    tenant_id: str
    subject: str
    fingerprint: str | None = None
    exists: bool = True
    recorded_at: datetime | None = field(default=None, compare=False)
    etag: str | None = field(default=None, compare=False)

    @property
    def collection(self) -> str:
        """Return the canonical path of the list that it stands in."""
        return self.subject.rpartition("/")[0]

    @property
    def is_required(self) -> bool:
        """Return whether a change could be missed without it; of chats, Graph tells the times."""
        return self.collection != "chats"

    @property
    def id(self) -> str:
        """Return its id as Graph spells it."""
        return unquote(self.subject.rpartition("/")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a list says has become of a thing; ``item`` is None where it is there no more."""

    change_type: str
    id: str
    item: Mapping[str, Any] | None


def entry_from_event(event: CloudEvent) -> SnapshotEntry | None:
    """Return what an event tells of a thing that is kept to be compared with; None for any other."""
    if event.subject.rpartition("/")[0].rpartition("/")[2] not in _LISTED_PROPERTIES:
        return None
    provenance = event.provenance
    exists = provenance.change_type != "deleted"
    entry = SnapshotEntry(tenant_id=provenance.tenant_id, subject=event.subject, exists=exists, recorded_at=event.time)
    if provenance.content is None:
        return entry
    return replace(entry, fingerprint=fingerprint_of(entry.collection, provenance.content.resource))


def fingerprint_of(collection: str, item: Mapping[str, Any]) -> str:
    """Return a hash of what lists show of a thing: names are nothing to be kept twice."""
    properties = "\0".join(_text(name, item) for name in _LISTED_PROPERTIES[collection.rpartition("/")[2]])
    return hashlib.sha256(properties.encode(errors="surrogatepass")).hexdigest()[:16]


def _text(name: str, item: Mapping[str, Any]) -> str:
    """Return a property in one spelling: times come with various offsets, no roles as an empty list or as null."""
    if name.endswith("DateTime") and (moment := _time_or_none(item, name)) is not None:
        return moment.astimezone(UTC).isoformat()
    value = item.get(name)
    texts = sorted(item for item in value if isinstance(item, str)) if isinstance(value, list) else [value]
    return "\n".join(text for text in texts if isinstance(text, str))


def diff(
    entries: Mapping[str, SnapshotEntry], items: Mapping[str, Mapping[str, Any]], gap: Gap, *, is_complete: bool
) -> Iterator[Difference]:
    """Yield what has become of the things of a list, all of them by their ids.

    ``is_complete``: what nothing is known of was not there before the gap. Where it is not, only a time tells.
    """
    for id_, item in items.items():
        entry = entries.get(id_)
        if entry is None:
            created = _time_or_none(item, "createdDateTime")
            if is_complete if created is None else gap.covers(created):
                yield Difference(change_type="created", id=id_, item=item)
        elif entry.fingerprint != fingerprint_of(entry.collection, item):
            yield Difference(change_type="updated", id=id_, item=item)
    for id_ in entries.keys() - items.keys():
        yield Difference(change_type="deleted", id=id_, item=None)


def _time_or_none(item: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return parse_time(item, name)
    except Malformed:
        return None
