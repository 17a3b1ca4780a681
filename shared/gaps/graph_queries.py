"""The queries that read a gap back from Graph: a gap in, paths of lists out.

Messages have time windows for a chat, a user and a team, and changes since a moment for a channel; chats have times.
Teams, channels and members are listed in full and compared with the snapshot. A subscription for a whole tenant is read
user by user, or team by team.

Source: https://learn.microsoft.com/graph/api/chats-getallmessages,
https://learn.microsoft.com/graph/api/chatmessage-delta, https://learn.microsoft.com/graph/api/chat-list-messages,
https://learn.microsoft.com/graph/api/channel-getallmessages, https://learn.microsoft.com/graph/api/chat-list, and the
pages named in ``shared.gaps.snapshot``
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

from shared.gaps.gap import MARGIN, Gap, time_or_none
from shared.resources.paths import canonical_path
from shared.resources.validation import find_resource_type

# Graph allows one GET a second of a chat or channel; of time windows, and of all requests in a tenant, 20 a second.
# Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
CONVERSATION_SPACING = timedelta(seconds=1)
DEFAULT_SPACING = timedelta(milliseconds=50)

_USERS = "/v1.0/users?$select=id&$top=999"
_TEAMS = "/v1.0/teams?$select=id&$top=999"
# In a list of chats, each chat has at most this many members, whatever $top asks for.
# Source: https://learn.microsoft.com/graph/api/chat-list (known issue)
_MAX_EXPANDED = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindowQuery:
    """A list whose items have timestamps; ``spacing`` is the time between requests of one ``key``.

    ``is_single``: ``path`` is one item. ``fallback_path``: used when Graph refuses ``path``.
    """

    key: str
    path: str
    fallback_path: str | None = None
    spacing: timedelta = DEFAULT_SPACING
    is_single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotQuery:
    """A list to be compared with the snapshot; ``path_parts`` are the names and ids that lead to it, unescaped.

    ``single_id``: only the item with this id is subscribed to, and ``path`` leads to it. ``items``: the whole list, if
    it has been read already.
    """

    key: str
    path: str
    path_parts: tuple[str, ...]
    single_id: str | None = None
    items: Sequence[Mapping[str, Any]] | None = field(default=None, repr=False)
    spacing: timedelta = DEFAULT_SPACING

    @property
    def collection(self) -> str:
        """Return the canonical path of the list."""
        return canonical_path("/".join(map(_quoted_id, self.path_parts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEachQuery:
    """A list at ``list_path``; ``query_for`` returns the query for one of its items, or None if it needs none."""

    key: str
    list_path: str
    query_for: Callable[[Mapping[str, Any]], "Query | None"]
    spacing: timedelta = DEFAULT_SPACING


type Query = TimeWindowQuery | SnapshotQuery | ForEachQuery
type _QueryBuilder = Callable[[Sequence[str], Gap], Query]
"""Takes the ids in the resource's path."""


def why_unrecoverable(gap: Gap) -> str | None:
    """Return why no query can read a gap back; None if one can."""
    if _template(gap) not in _QUERIES:
        return "Graph has no list of past changes to this resource"
    if gap.delegated:
        return "the app does not read Graph as a signed-in user"
    options = {part.partition("=")[0].removeprefix("$") for part in gap.resource.partition("?")[2].split("&") if part}
    if options - {"model"}:
        return "the app cannot apply the subscription's query options to Graph's lists"
    return None


def needs_snapshot(gap: Gap) -> bool:
    """Return whether the backfill of a gap compares lists with the snapshot."""
    return _template(gap) in _SNAPSHOT_QUERIES and why_unrecoverable(gap) is None


def query_for(gap: Gap) -> Query:
    """Return the query that reads a gap back.

    Raises:
        KeyError: it is ``why_unrecoverable``.
    """
    ids = [unquote(id_) for id_ in canonical_path(gap.resource.partition("?")[0]).split("/")[1::2]]
    return _QUERIES[_template(gap)](ids, gap)


def _template(gap: Gap) -> str:
    resource_type = find_resource_type(gap.resource)
    return resource_type.path if resource_type else ""


def _quoted_id(text: str) -> str:
    return quote(text, safe="")


# --- Messages and chats, by their times


def _messages_of_chat(ids: Sequence[str], gap: Gap) -> Query:
    # Graph ignores the filter unless the list is ordered by the same property.
    options = f"$top=50&$orderby={quote('lastModifiedDateTime desc')}&{_modified_after(gap)}"
    path = f"/v1.0/chats/{_quoted_id(ids[0])}/messages?{options}"
    return TimeWindowQuery(key=ids[0], path=path, spacing=CONVERSATION_SPACING)


def _messages_of_channel(ids: Sequence[str], gap: Gap) -> Query:
    messages = f"/v1.0/teams/{_quoted_id(ids[0])}/channels/{_quoted_id(ids[1])}/messages"
    path = f"{messages}/delta?$top=50&$expand=replies&{_modified_after(gap)}"
    # Microsoft's newest page about messages does not mention delta. The list does not take a filter.
    fallback_path = f"{messages}?$top=50&$expand=replies"
    return TimeWindowQuery(key=ids[1], path=path, fallback_path=fallback_path, spacing=CONVERSATION_SPACING)


def _time_window(path: str, *, is_single: bool = False) -> _QueryBuilder:
    def build(ids: Sequence[str], gap: Gap) -> Query:
        full_path = f"/v1.0/{path}".format(id=_quoted_id(ids[0]), modified_after=_modified_after(gap))
        return TimeWindowQuery(key=ids[0], path=full_path, is_single=is_single)

    return build


def _modified_after(gap: Gap) -> str:
    # Without an end: a message written in the gap may have been edited after it.
    since = f"{gap.since - MARGIN:%Y-%m-%dT%H:%M:%SZ}"
    return f"$filter={quote(f'lastModifiedDateTime gt {since}', safe=':')}"


# --- Teams, channels and members, by a comparison with the snapshot


def _team(ids: Sequence[str], _gap: Gap) -> Query:
    return SnapshotQuery(key=ids[0], path=f"/v1.0/teams/{_quoted_id(ids[0])}", path_parts=("teams",), single_id=ids[0])


def _list_in(collection: str, name: str) -> _QueryBuilder:
    return lambda ids, _gap: _list_query(collection, ids[0], name)


def _members_of_channels(ids: Sequence[str], _gap: Gap) -> Query:
    def members_of(channel: Mapping[str, Any]) -> Query | None:
        # A standard channel has the members of its team, and Graph reports their changes for the team.
        has_own_members = channel.get("membershipType") in {"private", "shared"}
        return _list_query("teams", ids[0], "channels", channel["id"], "members") if has_own_members else None

    return ForEachQuery(key=ids[0], list_path=f"/v1.0/teams/{_quoted_id(ids[0])}/channels", query_for=members_of)


def _members_of_chats_of_user(ids: Sequence[str], gap: Gap) -> Query:
    def members_of(chat: Mapping[str, Any]) -> Query | None:
        # The time of the last change to the chat's name or members.
        updated = time_or_none(chat, "lastUpdatedDateTime")
        if not gap.is_baseline and updated is not None and updated < gap.since - MARGIN:
            return None
        members, query = chat.get("members"), _list_query("chats", chat["id"], "members")
        if not isinstance(members, list) or len(members) >= _MAX_EXPANDED:
            return query
        return replace(query, items=[member for member in members if isinstance(member, dict)])

    list_path = f"/v1.0/users/{_quoted_id(ids[0])}/chats?$top=50&$expand=members"
    return ForEachQuery(key=ids[0], list_path=list_path, query_for=members_of)


def _list_query(*path_parts: str) -> SnapshotQuery:
    path = "/".join(map(_quoted_id, path_parts))
    spacing = CONVERSATION_SPACING if path_parts[0] == "chats" else DEFAULT_SPACING
    return SnapshotQuery(key=path_parts[-2], path=f"/v1.0/{path}", path_parts=path_parts, spacing=spacing)


# --- All queries, by the resource's path in the catalogue


def _for_each(list_path: str, query: _QueryBuilder) -> _QueryBuilder:
    return lambda _ids, gap: ForEachQuery(key="", list_path=list_path, query_for=lambda item: query([item["id"]], gap))


_CHATS_OF_USER = _time_window("users/{id}/chats?$top=50")
_MESSAGES_OF_USER = _time_window("users/{id}/chats/getAllMessages?$top=50&{modified_after}")
_MESSAGES_OF_TEAM = _time_window("teams/{id}/channels/getAllMessages?$top=50&{modified_after}")
_SNAPSHOT_QUERIES: Mapping[str, _QueryBuilder] = {
    "/chats/getAllMembers": _for_each(_USERS, _members_of_chats_of_user),
    "/chats/{chat-id}/members": _list_in("chats", "members"),
    "/teams": lambda *_: SnapshotQuery(key="teams", path="/v1.0/teams?$top=999", path_parts=("teams",)),
    "/teams/getAllChannels": _for_each(_TEAMS, _list_in("teams", "channels")),
    "/teams/getAllChannels/getAllMembers": _for_each(_TEAMS, _members_of_channels),
    "/teams/getAllMembers": _for_each(_TEAMS, _list_in("teams", "members")),
    "/teams/{team-id}": _team,
    "/teams/{team-id}/channels": _list_in("teams", "channels"),
    "/teams/{team-id}/channels/getAllMembers": _members_of_channels,
    "/teams/{team-id}/members": _list_in("teams", "members"),
}
_QUERIES: Mapping[str, _QueryBuilder] = {
    **_SNAPSHOT_QUERIES,
    "/chats": _for_each(_USERS, _CHATS_OF_USER),
    "/chats/getAllMessages": _for_each(_USERS, _MESSAGES_OF_USER),
    "/chats/{chat-id}": _time_window("chats/{id}", is_single=True),
    "/chats/{chat-id}/messages": _messages_of_chat,
    "/teams/getAllMessages": _for_each(_TEAMS, _MESSAGES_OF_TEAM),
    "/teams/{team-id}/channels/{channel-id}/messages": _messages_of_channel,
    "/users/{user-id}/chats": _CHATS_OF_USER,
    "/users/{user-id}/chats/getAllMessages": _MESSAGES_OF_USER,
}
