"""What can be read at Graph to fill a gap: a subscription's resource in, the paths of lists out.

Messages have windows for a chat, a user and a team, and changes since a moment for a channel; chats have their times.
Teams, channels and members are listed in full, and compared with what was known of them. What is watched for a whole
tenant is read user by user, or team by team.

Source: https://learn.microsoft.com/graph/api/chats-getallmessages,
https://learn.microsoft.com/graph/api/chatmessage-delta, https://learn.microsoft.com/graph/api/chat-list-messages,
https://learn.microsoft.com/graph/api/channel-getallmessages, https://learn.microsoft.com/graph/api/chat-list, and those
named in ``shared.gaps.snapshot``
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

from shared.errors import Malformed
from shared.gaps.gap import MARGIN, Gap, parse_time
from shared.resources.paths import canonical_path
from shared.resources.validation import find_resource_type

# Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits (one GET a second of a chat
# or channel; of windows, far more)
CONVERSATION_SPACING = timedelta(seconds=1)
DEFAULT_SPACING = timedelta(milliseconds=50)

_USERS = "/v1.0/users?$select=id&$top=999"
_TEAMS = "/v1.0/teams?$select=id&$top=999"
# So many members come with a chat in a list, and no more, whatever is asked for.
# Source: https://learn.microsoft.com/graph/api/chat-list (known issue)
_MAX_EXPANDED = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindowQuery:
    """A list of what has its times, its pages read with ``spacing`` between; ``is_single``: ``path`` is one item.

    ``fallback_path``: where Graph does not have ``path``.
    """

    key: str
    path: str
    fallback_path: str | None = None
    spacing: timedelta = DEFAULT_SPACING
    is_single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotQuery:
    """A list that is compared in full; ``path_parts`` are the names and ids that lead to it, as they are.

    ``single_id``: the id of the one thing that ``path`` leads to, where that is all that is watched. ``items``:
    everything in it, where that has been read already.
    """

    key: str
    path: str
    path_parts: tuple[str, ...]
    single_id: str | None = None
    items: Sequence[Mapping[str, Any]] | None = field(default=None, repr=False)
    spacing: timedelta = DEFAULT_SPACING


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEachQuery:
    """A list at ``list_path``; ``query_for`` returns what is to be read of one thing in it, or None for nothing."""

    key: str
    list_path: str
    query_for: Callable[[Mapping[str, Any]], "TimeWindowQuery | SnapshotQuery | ForEachQuery | None"]


type Query = TimeWindowQuery | SnapshotQuery | ForEachQuery


def why_unrecoverable(gap: Gap) -> str | None:
    """Return why nothing can be read for a gap; None if something can."""
    if _template(gap) not in _QUERIES:
        return "Graph has no way to tell what has changed in the meantime"
    if gap.delegated:
        return "the app does not read in the name of a user"
    options = {part.partition("=")[0].removeprefix("$") for part in gap.resource.partition("?")[2].split("&") if part}
    if options - {"model"}:
        return "what the subscription's own query leaves out cannot be told from the rest"
    return None


def needs_snapshot(gap: Gap) -> bool:
    """Return whether filling a gap needs to know what was there before."""
    return _template(gap) in _SNAPSHOT_QUERIES and why_unrecoverable(gap) is None


def query_for(gap: Gap) -> Query:
    """Return where to read what a gap has hidden.

    Raises:
        KeyError: it is ``why_unrecoverable``.
    """
    ids = [unquote(id_) for id_ in canonical_path(gap.resource.partition("?")[0]).split("/")[1::2]]
    return _QUERIES[_template(gap)](ids, gap)


def _template(gap: Gap) -> str:
    resource_type = find_resource_type(gap.resource)
    return resource_type.path if resource_type else ""


# --- Messages and chats, by their times


def _messages_of_chat(ids: Sequence[str], gap: Gap) -> Query:
    # Without its property being ordered by, Graph ignores the filter.
    options = f"$top=50&$orderby={quote('lastModifiedDateTime desc')}&{_modified_after(gap)}"
    path = f"/v1.0/chats/{_quoted_id(ids[0])}/messages?{options}"
    return TimeWindowQuery(key=ids[0], path=path, spacing=CONVERSATION_SPACING)


def _messages_of_channel(ids: Sequence[str], gap: Gap) -> Query:
    messages = f"/v1.0/teams/{_quoted_id(ids[0])}/channels/{_quoted_id(ids[1])}/messages"
    return TimeWindowQuery(
        key=ids[1],
        path=f"{messages}/delta?$top=50&$expand=replies&{_modified_after(gap)}",
        # The newest page about messages lists no delta; nor does the list take a filter.
        fallback_path=f"{messages}?$top=50&$expand=replies",
        spacing=CONVERSATION_SPACING,
    )


def _messages_of_user(ids: Sequence[str], gap: Gap) -> Query:
    path = f"/v1.0/users/{_quoted_id(ids[0])}/chats/getAllMessages?$top=50&{_modified_after(gap)}"
    return TimeWindowQuery(key=ids[0], path=path)


def _messages_of_team(ids: Sequence[str], gap: Gap) -> Query:
    path = f"/v1.0/teams/{_quoted_id(ids[0])}/channels/getAllMessages?$top=50&{_modified_after(gap)}"
    return TimeWindowQuery(key=ids[0], path=path)


def _chat(ids: Sequence[str], _gap: Gap) -> Query:
    return TimeWindowQuery(key=ids[0], path=f"/v1.0/chats/{_quoted_id(ids[0])}", is_single=True)


def _chats_of_user(ids: Sequence[str], _gap: Gap) -> Query:
    return TimeWindowQuery(key=ids[0], path=f"/v1.0/users/{_quoted_id(ids[0])}/chats?$top=50")


def _modified_after(gap: Gap) -> str:
    # Without an end: what was written in the gap may have been edited after it.
    since = f"{gap.since - MARGIN:%Y-%m-%dT%H:%M:%SZ}"
    return f"$filter={quote(f'lastModifiedDateTime gt {since}', safe=':')}"


# --- Teams, channels and members, by comparing


def _teams(_ids: Sequence[str], _gap: Gap) -> Query:
    return SnapshotQuery(key="teams", path="/v1.0/teams?$top=999", path_parts=("teams",))


def _team(ids: Sequence[str], _gap: Gap) -> Query:
    return SnapshotQuery(key=ids[0], path=f"/v1.0/teams/{_quoted_id(ids[0])}", path_parts=("teams",), single_id=ids[0])


def _channels(ids: Sequence[str], _gap: Gap) -> Query:
    return _list_query("teams", ids[0], "channels")


def _members_of_team(ids: Sequence[str], _gap: Gap) -> Query:
    return _list_query("teams", ids[0], "members")


def _members_of_chat(ids: Sequence[str], _gap: Gap) -> Query:
    return _list_query("chats", ids[0], "members")


def _members_of_channels(ids: Sequence[str], _gap: Gap) -> Query:
    def members_of(channel: Mapping[str, Any]) -> Query | None:
        # The others have the members of their team, of whom Graph tells as such.
        has_own_members = channel.get("membershipType") in {"private", "shared"}
        return _list_query("teams", ids[0], "channels", channel["id"], "members") if has_own_members else None

    return ForEachQuery(key=ids[0], list_path=f"/v1.0/teams/{_quoted_id(ids[0])}/channels", query_for=members_of)


def _members_of_chats_of_user(ids: Sequence[str], gap: Gap) -> Query:
    def members_of(chat: Mapping[str, Any]) -> Query | None:
        if not gap.is_baseline and _changed_before(chat, gap):
            return None
        members, query = chat.get("members"), _list_query("chats", chat["id"], "members")
        if not isinstance(members, list) or len(members) >= _MAX_EXPANDED:
            return query
        return replace(query, items=[member for member in members if isinstance(member, dict)])

    return ForEachQuery(
        key=ids[0], list_path=f"/v1.0/users/{_quoted_id(ids[0])}/chats?$top=50&$expand=members", query_for=members_of
    )


def _changed_before(chat: Mapping[str, Any], gap: Gap) -> bool:
    """Return whether a chat's members, and its name, have last changed before the gap."""
    try:
        updated = parse_time(chat, "lastUpdatedDateTime")
    except Malformed:
        return False
    return updated is not None and updated < gap.since - MARGIN


def _list_query(*path_parts: str) -> SnapshotQuery:
    pairs = zip(path_parts[::2], path_parts[1::2], strict=False)
    path = "/".join([*(f"{name}/{_quoted_id(id_)}" for name, id_ in pairs), path_parts[-1]])
    spacing = CONVERSATION_SPACING if path_parts[0] == "chats" else DEFAULT_SPACING
    return SnapshotQuery(key=path_parts[-2], path=f"/v1.0/{path}", path_parts=path_parts, spacing=spacing)


# --- For a whole tenant


def _for_each(list_path: str, query: Callable[[Sequence[str], Gap], Query]) -> Callable[[Sequence[str], Gap], Query]:
    def for_each(_ids: Sequence[str], gap: Gap) -> Query:
        return ForEachQuery(key="", list_path=list_path, query_for=lambda item: query([item["id"]], gap))

    return for_each


def _quoted_id(text: str) -> str:
    return quote(text, safe="")


_SNAPSHOT_QUERIES: Mapping[str, Callable[[Sequence[str], Gap], Query]] = {
    "/chats/getAllMembers": _for_each(_USERS, _members_of_chats_of_user),
    "/chats/{chat-id}/members": _members_of_chat,
    "/teams": _teams,
    "/teams/getAllChannels": _for_each(_TEAMS, _channels),
    "/teams/getAllChannels/getAllMembers": _for_each(_TEAMS, _members_of_channels),
    "/teams/getAllMembers": _for_each(_TEAMS, _members_of_team),
    "/teams/{team-id}": _team,
    "/teams/{team-id}/channels": _channels,
    "/teams/{team-id}/channels/getAllMembers": _members_of_channels,
    "/teams/{team-id}/members": _members_of_team,
}
_QUERIES: Mapping[str, Callable[[Sequence[str], Gap], Query]] = {
    **_SNAPSHOT_QUERIES,
    "/chats": _for_each(_USERS, _chats_of_user),
    "/chats/getAllMessages": _for_each(_USERS, _messages_of_user),
    "/chats/{chat-id}": _chat,
    "/chats/{chat-id}/messages": _messages_of_chat,
    "/teams/getAllMessages": _for_each(_TEAMS, _messages_of_team),
    "/teams/{team-id}/channels/{channel-id}/messages": _messages_of_channel,
    "/users/{user-id}/chats": _chats_of_user,
    "/users/{user-id}/chats/getAllMessages": _messages_of_user,
}
