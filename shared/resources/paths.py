"""The canonical spelling of a resource path, and the type of its resource.

Graph writes one path in several ways: ``chats('a')/messages('b')``, ``/chats/a/messages/b``, or with percent signs. An
event's subject needs one spelling: ``chats/a/messages/b``.

Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
"""

import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from shared.notifications.properties import MAX_TEXT
from shared.resources.catalogue import CATALOGUE

# A segment such as messages('b'): a name, then an id in quotes, in which '' stands for a quote.
# Source: https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html#sec_CanonicalURL
# All quantifiers are possessive: a hostile path must not make the pattern backtrack.
_KEYED_SEGMENT = re.compile(r"([A-Za-z]++)\('((?:[^']|'')*+)'\)")
_SEGMENT = re.compile(r"(?:[^/']++|'[^']*+(?:'|$))++")
# How Graph writes most paths: nothing in them has to be escaped.
_PLAIN_PATH = re.compile(r"/?+(?:[A-Za-z]++\('[A-Za-z0-9_.\-:@=+!$&,;*~ ]++'\)(?:/|$))++")
_ENDPOINT = re.compile(r"^https://[^/]+/(?:v1\.0|beta)/")

# Only characters that would end a segment are escaped, not those in Teams' ids (19:…@thread.tacv2, Base64's = and +).
_SAFE_IN_ID = ":@=+!$&(),;*~ "
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_.\-:@=+!$&(),;*~ ']*+")

# Names as in the reference; notifications vary in case ("Users", "adhoccalls").
_NAMES: Mapping[str, str] = {
    name.lower(): name
    for name in (
        *("allMembers", "interactions", "presences", "replies", "users"),
        *(segment for resource_type in CATALOGUE for segment in resource_type.path.split("/") if segment.isalpha()),
    )
}

# Longer than any type name of Graph. An event contains the type, and must fit into a queue message.
_MAX_TYPE_NAME = 64

# The resource's type name in event types, by the last name in the path.
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

# If @odata.type and the path disagree, @odata.type is right; its case varies ("callevent", "callrecord").
_TYPES_BY_ODATA_TYPE: Mapping[str, str] = {
    resource_type.type_name.lower(): resource_type.type_name[:1].upper() + resource_type.type_name[1:]
    for resource_type in CATALOGUE
} | {
    "teams": "Team",
}

# A member can leave and rejoin, an app be installed again, and a channel be shared again.
_RECREATABLE = frozenset({"ConversationMember", "SharedWithChannelTeamInfo", "TeamsAppInstallation"})
_CREATED_ONCE = frozenset(_TYPES_BY_ODATA_TYPE.values()) - _RECREATABLE


def canonical_path(resource: str) -> str:
    """Return the canonical spelling of a path; names that are not in the catalogue keep their case."""
    parts = _plain_parts(resource) if _PLAIN_PATH.fullmatch(resource) else _parts_of(_ENDPOINT.sub("", resource))
    return "/".join(_without_repeated_names(parts) if any(map(operator.eq, parts, parts[1:])) else parts)


def subject_of(resource: str, resource_data: Mapping[str, Any]) -> str:
    """Return the canonical path of the resource that changed.

    For virtual events, ``resource`` is the path of the subscription, and ``@odata.id`` that of the changed resource.
    Source: https://learn.microsoft.com/graph/changenotifications-for-virtualevent
    """
    path, odata_id = canonical_path(resource), resource_data.get("@odata.id")
    if path.startswith("solutions/virtualEvents/") and isinstance(odata_id, str) and len(odata_id) <= MAX_TEXT:
        return canonical_path(odata_id) or path
    return path


def type_name_of(path: str, resource_data: Mapping[str, Any]) -> str:
    """Return the resource's type name in event types, such as "ChatMessage"; "Resource" if it is unknown."""
    odata_type = resource_data.get("@odata.type")
    if isinstance(odata_type, str):
        name = odata_type.rpartition(".")[2].lstrip("#")
        if name.isalnum() and name.isascii() and len(name) <= _MAX_TYPE_NAME:
            if is_member_type(name):
                return "ConversationMember"
            return _TYPES_BY_ODATA_TYPE.get(name.lower(), name[:1].upper() + name[1:])
    # The path ends in a name and an id, or in a name; the segments before are the parents.
    names = [segment for segment in path.split("/")[-2:] if segment in _TYPES_BY_SEGMENT]
    return _TYPES_BY_SEGMENT[names[-1]] if names else "Resource"


def is_member_type(name: str) -> bool:
    """Return whether a type, without its namespace, is conversationMember or one of the types derived from it.

    Source: https://learn.microsoft.com/graph/api/resources/conversationmember
    """
    return name.isalnum() and name.isascii() and name.lower().endswith("conversationmember")


def is_created_once(type_name: str) -> bool:
    """Return whether a resource of this type is created once, so that its path identifies its creation."""
    return type_name in _CREATED_ONCE


def _without_repeated_names(parts: Sequence[str]) -> list[str]:
    """Return the parts without repetitions of a name: one published sample has ``adhoccalls/adhocCalls/{id}``.

    Source: https://learn.microsoft.com/graph/teams-changenotifications-callrecording-and-calltranscript
    """
    pairs = zip(["", *parts[:-1]], parts, strict=True)
    return [part for previous, part in pairs if part != previous or part.lower() not in _NAMES]


def _plain_parts(path: str) -> list[str]:
    texts = path.replace("')", "").replace("('", "/").split("/")
    return [_NAMES.get(text.lower(), text) for text in texts if text]


def _parts_of(path: str) -> list[str]:
    # Inside quotes, a slash does not end a segment.
    segments = _SEGMENT.findall(path) if "'" in path else path.split("/")
    return [part for segment in segments for part in _parts(segment) if part]


def _parts(segment: str) -> tuple[str, ...]:
    # Most segments are plain, and escaping is the slowest step.
    text = segment if _PLAIN_SEGMENT.fullmatch(segment) else _escaped_segment(segment)
    keyed = _KEYED_SEGMENT.fullmatch(text) if text.endswith("')") else None
    parts = (text,) if keyed is None else (keyed[1], keyed[2].replace("''", "%27"))
    return tuple([_NAMES.get(part.lower(), part) for part in parts])


def _escaped_segment(segment: str) -> str:
    # Escape the parts between the quotes, so that an escaped quote in an id differs from the quotes around it.
    return "'".join(_escaped(part) for part in segment.split("'"))


def _escaped(text: str) -> str:
    return quote(unquote(text), safe=_SAFE_IN_ID, errors="replace")
