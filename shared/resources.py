"""Teams resources: the one spelling of a path, and the name of what it leads to.

Graph writes the same resource as ``chats('a')/messages('b')``, ``/chats/a/messages/b`` or with percent signs;
subscribers need one subject. The canonical form is the segments with ``/`` between them, without a leading one.

Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

# A segment such as messages('b'): a name, then an id in quotes, with '' for a quote inside.
# Source: https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html#sec_CanonicalURL
# Possessive throughout: hostile paths must not make the pattern search.
_KEYED_SEGMENT = re.compile(r"([A-Za-z]++)\('((?:[^']|'')*+)'\)")
_SEGMENT = re.compile(r"(?:[^/']++|'[^']*+(?:'|$))++")
_ENDPOINT = re.compile(r"^https://[^/]+/(?:v1\.0|beta)/")

# Ids keep what Teams puts into them (19:…@thread.tacv2, Base64 with = and +); only what would end a segment is escaped.
_SAFE_IN_ID = ":@=+!$&(),;*~ "

# Names as the reference spells them; deliveries vary in case ("Users", "adhoccalls").
_NAMES: Mapping[str, str] = {
    name.lower(): name
    for name in (
        "adhocCalls",
        "allMembers",
        "appCatalogs",
        "approval",
        "approvalItems",
        "callRecords",
        "calls",
        "channels",
        "chats",
        "communications",
        "copilot",
        "installations",
        "installedToChats",
        "installedToOnlineMeetings",
        "interactionHistory",
        "interactions",
        "members",
        "messages",
        "onlineMeetings",
        "presences",
        "recordings",
        "replies",
        "schedule",
        "sharedWithTeams",
        "solutions",
        "teams",
        "teamsApps",
        "transcripts",
        "users",
    )
}

# Longer than any name of Graph's: the type stands in the event itself, which has to fit into a message.
_MAX_KIND = 64

# What the resource is called in event types.
_KINDS_BY_NAME: Mapping[str, str] = {
    "allMembers": "ConversationMember",
    "channels": "Channel",
    "chats": "Chat",
    "installations": "TeamsAppInstallation",
    "members": "ConversationMember",
    "messages": "ChatMessage",
    "recordings": "CallRecording",
    "replies": "ChatMessage",
    "teams": "Team",
    "transcripts": "CallTranscript",
}

# Where @odata.type and the path disagree, the type knows better; its case varies.
_KINDS_BY_TYPE: Mapping[str, str] = {kind.lower(): kind for kind in _KINDS_BY_NAME.values()} | {
    "aaduserconversationmember": "ConversationMember",
    "callevent": "CallEvent",
    "teams": "Team",
}


def canonical_path(resource: str) -> str:
    """Return the one spelling of ``resource``; what is no Graph path comes back segment by segment as it is."""
    path = _ENDPOINT.sub("", resource)
    return "/".join(part for segment in _SEGMENT.findall(path) for part in _parts(segment) if part)


def _parts(segment: str) -> tuple[str, ...]:
    # Escaped between its quotes, so that a quote inside an id can be told from those around it.
    text = "'".join(_escaped(part) for part in segment.split("'"))
    keyed = _KEYED_SEGMENT.fullmatch(text)
    parts = (text,) if keyed is None else (keyed[1], keyed[2].replace("''", "%27"))
    return tuple(_NAMES.get(part.lower(), part) for part in parts)


def _escaped(text: str) -> str:
    return quote(unquote(text), safe=_SAFE_IN_ID, errors="replace")


def kind_of(path: str, resource_data: Mapping[str, Any]) -> str:
    """Return the name of a resource in event types, such as "ChatMessage"; "Resource" when nothing tells."""
    odata_type = resource_data.get("@odata.type")
    if isinstance(odata_type, str):
        name = odata_type.rpartition(".")[2].lstrip("#")
        if name.isalnum() and name.isascii() and len(name) <= _MAX_KIND:
            return _KINDS_BY_TYPE.get(name.lower(), name[:1].upper() + name[1:])
    # A name and an id, or a name alone; what stands before them are the parents.
    names = [segment for segment in path.split("/")[-2:] if segment in _KINDS_BY_NAME]
    return _KINDS_BY_NAME[names[-1]] if names else "Resource"
