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
from shared.gaps.gap import Recovery, moment_of

# What Graph's lists show of them; of teams, all else is null in a list.
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "chats": ("topic", "lastUpdatedDateTime"),
    "teams": ("displayName", "description", "visibility"),
    "channels": ("displayName", "description", "membershipType"),
    "members": ("roles",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One thing: ``subject`` is its canonical path, ``looks`` a hash of what lists show of it, None if untold.

    ``told_at`` is when that was told, or found; None where nobody knows. ``etag`` is that of its row, None if new.
    """

    tenant_id: str
    subject: str
    looks: str | None = None
    is_there: bool = True
    told_at: datetime | None = field(default=None, compare=False)
    etag: str | None = field(default=None, compare=False)

    @property
    def collection(self) -> str:
        """Return the canonical path of the list that it stands in."""
        return self.subject.rpartition("/")[0]

    @property
    def is_needed(self) -> bool:
        """Return whether a change could be missed without it; of chats, Graph tells the times."""
        return self.collection != "chats"

    @property
    def id(self) -> str:
        """Return its id as Graph spells it."""
        return unquote(self.subject.rpartition("/")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a list says has become of a thing; ``thing`` is None where it is there no more."""

    change_type: str
    id: str
    thing: Mapping[str, Any] | None


def known_from(event: CloudEvent) -> Known | None:
    """Return what an event tells of a thing that is kept to be compared with; None for any other."""
    if event.subject.rpartition("/")[0].rpartition("/")[2] not in _SHOWN:
        return None
    origin = event.provenance
    is_there = origin.change_type != "deleted"
    known = Known(tenant_id=origin.tenant_id, subject=event.subject, is_there=is_there, told_at=event.time)
    if origin.content is None:
        return known
    return replace(known, looks=looks_of(known.collection, origin.content.resource))


def looks_of(collection: str, thing: Mapping[str, Any]) -> str:
    """Return a hash of what lists show of a thing: names are nothing to be kept twice."""
    shown = "\0".join(_text(name, thing) for name in _SHOWN[collection.rpartition("/")[2]])
    return hashlib.sha256(shown.encode(errors="surrogatepass")).hexdigest()[:16]


def _text(name: str, thing: Mapping[str, Any]) -> str:
    """Return a property in one spelling: times come with various offsets, no roles as an empty list or as null."""
    if name.endswith("DateTime") and (moment := _moment(thing, name)) is not None:
        return moment.astimezone(UTC).isoformat()
    value = thing.get(name)
    texts = sorted(item for item in value if isinstance(item, str)) if isinstance(value, list) else [value]
    return "\n".join(text for text in texts if isinstance(text, str))


def differences(
    known: Mapping[str, Known], listed: Mapping[str, Mapping[str, Any]], gap: Recovery, *, is_complete: bool
) -> Iterator[Difference]:
    """Yield what has become of the things of a list, all of them by their ids.

    ``is_complete``: what nothing is known of was not there before the gap. Where it is not, only a time tells.
    """
    for id_, thing in listed.items():
        before = known.get(id_)
        if before is None:
            created = _moment(thing, "createdDateTime")
            if is_complete if created is None else gap.covers(created):
                yield Difference(change_type="created", id=id_, thing=thing)
        elif before.looks != looks_of(before.collection, thing):
            yield Difference(change_type="updated", id=id_, thing=thing)
    for id_ in known.keys() - listed.keys():
        yield Difference(change_type="deleted", id=id_, thing=None)


def _moment(thing: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return moment_of(thing, name)
    except Malformed:
        return None
