"""The canonical spelling of a resource path, and the type of resource it leads to.

Graph writes the same resource as ``chats('a')/messages('b')``, ``/chats/a/messages/b`` or with percent signs;
subscribers need one subject. The canonical form is the segments with ``/`` between them, without a leading one.

Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
"""

import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from shared.notifications.collection import MAX_TEXT
from shared.resources.catalogue import CATALOGUE

# A segment such as messages('b'): a name, then an id in quotes, with '' for a quote inside.
# Source: https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html#sec_CanonicalURL
# Possessive throughout: hostile paths must not make the pattern search.
_KEYED_SEGMENT = re.compile(r"([A-Za-z]++)\('((?:[^']|'')*+)'\)")
_SEGMENT = re.compile(r"(?:[^/']++|'[^']*+(?:'|$))++")
_ENDPOINT = re.compile(r"^https://[^/]+/(?:v1\.0|beta)/")

# Ids keep what Teams puts into them (19:…@thread.tacv2, Base64 with = and +); only what would end a segment is escaped.
_SAFE_IN_ID = ":@=+!$&(),;*~ "
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_.\-:@=+!$&(),;*~ ']*+")

# Names as the reference spells them; deliveries vary in case ("Users", "adhoccalls").
_NAMES: Mapping[str, str] = {
    name.lower(): name
    for name in (
        *("allMembers", "interactions", "presences", "replies", "users"),
        *(segment for resource_type in CATALOGUE for segment in resource_type.path.split("/") if segment.isalpha()),
    )
}

# Longer than any name of Graph's: the type stands in the event itself, which has to fit into a message.
_MAX_TYPE_NAME = 64

# What the resource is called in event types.
_TYPES_BY_SEGMENT: Mapping[str, str] = {
    "allMembers": "ConversationMember",
    "approvalItems": "ApprovalItem",
    "callRecords": "CallRecord",
    "channels": "Channel",
    "chats": "Chat",
    "installations": "TeamsAppInstallation",
    "interactions": "AiInteraction",
    "meetingCallEvents": "CallEvent",
    "members": "ConversationMember",
    "messages": "ChatMessage",
    "recordings": "CallRecording",
    "registrations": "VirtualEventRegistration",
    "replies": "ChatMessage",
    "sessions": "VirtualEventSession",
    "sharedWithTeams": "SharedWithChannelTeamInfo",
    "teams": "Team",
    "townhalls": "VirtualEvent",
    "transcripts": "CallTranscript",
    "webinars": "VirtualEvent",
}

# Where @odata.type and the path disagree, the type knows better; its case varies ("callevent", "callrecord").
_TYPES_BY_ODATA_TYPE: Mapping[str, str] = {
    resource_type.type_name.lower(): resource_type.type_name[:1].upper() + resource_type.type_name[1:]
    for resource_type in CATALOGUE
} | {
    "aaduserconversationmember": "ConversationMember",
    "teams": "Team",
}

# A member can come back, and so can an app or the team that a channel is shared with.
_RECREATABLE = frozenset({"ConversationMember", "SharedWithChannelTeamInfo", "TeamsAppInstallation"})
_CREATED_ONCE = frozenset(_TYPES_BY_ODATA_TYPE.values()) - _RECREATABLE


def canonical_path(resource: str) -> str:
    """Return the one spelling of ``resource``; what is no Graph path comes back segment by segment as it is."""
    path = _ENDPOINT.sub("", resource)
    # Only between quotes can a slash be anything else than an end.
    segments = _SEGMENT.findall(path) if "'" in path else path.split("/")
    parts = [part for segment in segments for part in _parts(segment) if part]
    return "/".join(_without_repeated_names(parts) if any(map(operator.eq, parts, parts[1:])) else parts)


def subject_of(resource: str, resource_data: Mapping[str, Any]) -> str:
    """Return the canonical path of the thing that changed.

    It is the notification's ``resource``, but for virtual events, where that is what was subscribed to and
    ``@odata.id`` the thing.  Source: https://learn.microsoft.com/graph/changenotifications-for-virtualevent
    """
    path, odata_id = canonical_path(resource), resource_data.get("@odata.id")
    if path.startswith("solutions/virtualEvents/") and isinstance(odata_id, str) and len(odata_id) <= MAX_TEXT:
        return canonical_path(odata_id) or path
    return path


def type_name_of(path: str, resource_data: Mapping[str, Any]) -> str:
    """Return the name of a resource in event types, such as "ChatMessage"; "Resource" when nothing tells."""
    odata_type = resource_data.get("@odata.type")
    if isinstance(odata_type, str):
        name = odata_type.rpartition(".")[2].lstrip("#")
        if name.isalnum() and name.isascii() and len(name) <= _MAX_TYPE_NAME:
            return _TYPES_BY_ODATA_TYPE.get(name.lower(), name[:1].upper() + name[1:])
    # A name and an id, or a name alone; what stands before them are the parents.
    names = [segment for segment in path.split("/")[-2:] if segment in _TYPES_BY_SEGMENT]
    return _TYPES_BY_SEGMENT[names[-1]] if names else "Resource"


def is_created_once(type_name: str) -> bool:
    """Return whether a thing of this kind comes into being once in its life, so that its path tells its creation."""
    return type_name in _CREATED_ONCE


def _without_repeated_names(parts: Sequence[str]) -> list[str]:
    """Return parts without a name right after itself: ``adhoccalls/adhocCalls/{id}``, as one published sample has it.

    Source: https://learn.microsoft.com/graph/teams-changenotifications-callrecording-and-calltranscript
    """
    pairs = zip(["", *parts[:-1]], parts, strict=True)
    return [part for previous, part in pairs if part != previous or part.lower() not in _NAMES]


def _parts(segment: str) -> tuple[str, ...]:
    # Nearly every segment is plain, and quoting costs more than all the rest.
    text = segment if _PLAIN_SEGMENT.fullmatch(segment) else _escaped_segment(segment)
    keyed = _KEYED_SEGMENT.fullmatch(text) if text.endswith("')") else None
    parts = (text,) if keyed is None else (keyed[1], keyed[2].replace("''", "%27"))
    return tuple([_NAMES.get(part.lower(), part) for part in parts])


def _escaped_segment(segment: str) -> str:
    # Escaped between its quotes, so that a quote inside an id can be told from those around it.
    return "'".join(_escaped(part) for part in segment.split("'"))


def _escaped(text: str) -> str:
    return quote(unquote(text), safe=_SAFE_IN_ID, errors="replace")
