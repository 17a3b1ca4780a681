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
from shared.gaps.gap import MARGIN, Recovery, moment_of
from shared.resources.paths import canonical_path
from shared.resources.validation import find_resource_type

# Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits (one GET a second of a chat
# or channel; of windows, far more)
OF_ONE_CONVERSATION = timedelta(seconds=1)
OF_MANY = timedelta(milliseconds=50)

_USERS = "/v1.0/users?$select=id&$top=999"
_TEAMS = "/v1.0/teams?$select=id&$top=999"
# So many members come with a chat in a list, and no more, whatever is asked for.
# Source: https://learn.microsoft.com/graph/api/chat-list (known issue)
_MAX_EXPANDED = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A list of what has its times, its pages read with ``spacing`` between; ``is_single``: ``path`` is one item.

    ``instead``: where Graph does not have ``path``.
    """

    key: str
    path: str
    instead: str | None = None
    spacing: timedelta = OF_MANY
    is_single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A list that is compared in full; ``place`` are the names and ids that lead to it, as they are.

    ``only``: the id of the one thing that ``path`` leads to, where that is all that is watched. ``listed``: everything
    in it, where that has been read already.
    """

    key: str
    path: str
    place: tuple[str, ...]
    only: str | None = None
    listed: Sequence[Mapping[str, Any]] | None = field(default=None, repr=False)
    spacing: timedelta = OF_MANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """A list at ``listed``; ``of`` returns what is to be read of one thing in it, or None for nothing."""

    key: str
    listed: str
    of: Callable[[Mapping[str, Any]], "Source | Collection | Each | None"]


type Node = Source | Collection | Each


def unrecoverable(gap: Recovery) -> str | None:
    """Return why nothing can be read for a gap; None if something can."""
    if _template(gap) not in _SOURCES:
        return "Graph has no way to tell what has changed in the meantime"
    if gap.delegated:
        return "the app does not read in the name of a user"
    options = {part.partition("=")[0].removeprefix("$") for part in gap.resource.partition("?")[2].split("&") if part}
    if options - {"model"}:
        return "what the subscription's own query leaves out cannot be told from the rest"
    return None


def is_compared(gap: Recovery) -> bool:
    """Return whether filling a gap needs to know what was there before."""
    return _template(gap) in _COMPARED and unrecoverable(gap) is None


def sources_of(gap: Recovery) -> Node:
    """Return where to read what a gap has hidden.

    Raises:
        KeyError: it is ``unrecoverable``.
    """
    ids = [unquote(id_) for id_ in canonical_path(gap.resource.partition("?")[0]).split("/")[1::2]]
    return _SOURCES[_template(gap)](ids, gap)


def _template(gap: Recovery) -> str:
    row = find_resource_type(gap.resource)
    return row.path if row else ""


# --- Messages and chats, by their times


def _messages_of_chat(ids: Sequence[str], gap: Recovery) -> Node:
    # Without its property being ordered by, Graph ignores the filter.
    options = f"$top=50&$orderby={quote('lastModifiedDateTime desc')}&{_modified_after(gap)}"
    path = f"/v1.0/chats/{_id(ids[0])}/messages?{options}"
    return Source(key=ids[0], path=path, spacing=OF_ONE_CONVERSATION)


def _messages_of_channel(ids: Sequence[str], gap: Recovery) -> Node:
    messages = f"/v1.0/teams/{_id(ids[0])}/channels/{_id(ids[1])}/messages"
    return Source(
        key=ids[1],
        path=f"{messages}/delta?$top=50&$expand=replies&{_modified_after(gap)}",
        # The newest page about messages lists no delta; nor does the list take a filter.
        instead=f"{messages}?$top=50&$expand=replies",
        spacing=OF_ONE_CONVERSATION,
    )


def _messages_of_user(ids: Sequence[str], gap: Recovery) -> Node:
    path = f"/v1.0/users/{_id(ids[0])}/chats/getAllMessages?$top=50&{_modified_after(gap)}"
    return Source(key=ids[0], path=path)


def _messages_of_team(ids: Sequence[str], gap: Recovery) -> Node:
    path = f"/v1.0/teams/{_id(ids[0])}/channels/getAllMessages?$top=50&{_modified_after(gap)}"
    return Source(key=ids[0], path=path)


def _chat(ids: Sequence[str], _gap: Recovery) -> Node:
    return Source(key=ids[0], path=f"/v1.0/chats/{_id(ids[0])}", is_single=True)


def _chats_of_user(ids: Sequence[str], _gap: Recovery) -> Node:
    return Source(key=ids[0], path=f"/v1.0/users/{_id(ids[0])}/chats?$top=50")


def _modified_after(gap: Recovery) -> str:
    # Without an end: what was written in the gap may have been edited after it.
    since = f"{gap.since - MARGIN:%Y-%m-%dT%H:%M:%SZ}"
    return f"$filter={quote(f'lastModifiedDateTime gt {since}', safe=':')}"


# --- Teams, channels and members, by comparing


def _teams(_ids: Sequence[str], _gap: Recovery) -> Node:
    return Collection(key="teams", path="/v1.0/teams?$top=999", place=("teams",))


def _team(ids: Sequence[str], _gap: Recovery) -> Node:
    return Collection(key=ids[0], path=f"/v1.0/teams/{_id(ids[0])}", place=("teams",), only=ids[0])


def _channels(ids: Sequence[str], _gap: Recovery) -> Node:
    return _listed("teams", ids[0], "channels")


def _members_of_team(ids: Sequence[str], _gap: Recovery) -> Node:
    return _listed("teams", ids[0], "members")


def _members_of_chat(ids: Sequence[str], _gap: Recovery) -> Node:
    return _listed("chats", ids[0], "members")


def _members_of_channels(ids: Sequence[str], _gap: Recovery) -> Node:
    def of(channel: Mapping[str, Any]) -> Node | None:
        # The others have the members of their team, of whom Graph tells as such.
        own = channel.get("membershipType") in {"private", "shared"}
        return _listed("teams", ids[0], "channels", channel["id"], "members") if own else None

    return Each(key=ids[0], listed=f"/v1.0/teams/{_id(ids[0])}/channels", of=of)


def _members_of_chats_of_user(ids: Sequence[str], gap: Recovery) -> Node:
    def of(chat: Mapping[str, Any]) -> Node | None:
        if not gap.is_baseline and _is_older(chat, gap):
            return None
        members, found = chat.get("members"), _listed("chats", chat["id"], "members")
        if not isinstance(members, list) or len(members) >= _MAX_EXPANDED:
            return found
        return replace(found, listed=[member for member in members if isinstance(member, dict)])

    return Each(key=ids[0], listed=f"/v1.0/users/{_id(ids[0])}/chats?$top=50&$expand=members", of=of)


def _is_older(chat: Mapping[str, Any], gap: Recovery) -> bool:
    """Return whether a chat's members, and its name, have last changed before the gap."""
    try:
        updated = moment_of(chat, "lastUpdatedDateTime")
    except Malformed:
        return False
    return updated is not None and updated < gap.since - MARGIN


def _listed(*place: str) -> Collection:
    pairs = zip(place[::2], place[1::2], strict=False)
    path = "/".join([*(f"{name}/{_id(id_)}" for name, id_ in pairs), place[-1]])
    spacing = OF_ONE_CONVERSATION if place[0] == "chats" else OF_MANY
    return Collection(key=place[-2], path=f"/v1.0/{path}", place=place, spacing=spacing)


# --- For a whole tenant


def _of_each(listed: str, one: Callable[[Sequence[str], Recovery], Node]) -> Callable[[Sequence[str], Recovery], Node]:
    def each(_ids: Sequence[str], gap: Recovery) -> Node:
        return Each(key="", listed=listed, of=lambda thing: one([thing["id"]], gap))

    return each


def _id(text: str) -> str:
    return quote(text, safe="")


_COMPARED: Mapping[str, Callable[[Sequence[str], Recovery], Node]] = {
    "/chats/getAllMembers": _of_each(_USERS, _members_of_chats_of_user),
    "/chats/{chat-id}/members": _members_of_chat,
    "/teams": _teams,
    "/teams/getAllChannels": _of_each(_TEAMS, _channels),
    "/teams/getAllChannels/getAllMembers": _of_each(_TEAMS, _members_of_channels),
    "/teams/getAllMembers": _of_each(_TEAMS, _members_of_team),
    "/teams/{team-id}": _team,
    "/teams/{team-id}/channels": _channels,
    "/teams/{team-id}/channels/getAllMembers": _members_of_channels,
    "/teams/{team-id}/members": _members_of_team,
}
_SOURCES: Mapping[str, Callable[[Sequence[str], Recovery], Node]] = {
    **_COMPARED,
    "/chats": _of_each(_USERS, _chats_of_user),
    "/chats/getAllMessages": _of_each(_USERS, _messages_of_user),
    "/chats/{chat-id}": _chat,
    "/chats/{chat-id}/messages": _messages_of_chat,
    "/teams/getAllMessages": _of_each(_TEAMS, _messages_of_team),
    "/teams/{team-id}/channels/{channel-id}/messages": _messages_of_channel,
    "/users/{user-id}/chats": _chats_of_user,
    "/users/{user-id}/chats/getAllMessages": _messages_of_user,
}
