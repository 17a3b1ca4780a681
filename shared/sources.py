"""What can be read at Graph to fill a gap: a subscription's resource in, the paths of lists out.

There are windows of messages for a chat, a user and a team, and changes since a moment for a channel. What is watched
for a whole tenant is read user by user, or team by team.

Source: https://learn.microsoft.com/graph/api/chats-getallmessages, https://learn.microsoft.com/graph/api/chatmessage-delta,
https://learn.microsoft.com/graph/api/chat-list-messages, https://learn.microsoft.com/graph/api/channel-getallmessages
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

from shared.recovery import MARGIN, Recovery
from shared.resources import canonical_path, find

# Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits (one GET a second of a chat
# or channel; of windows, far more)
_OF_ONE_CONVERSATION = timedelta(seconds=1)
_OF_MANY = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of one of Graph's lists; ``next_path`` is None behind the last one."""

    items: Sequence[Mapping[str, Any]] = field(repr=False)
    next_path: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A list of messages, its pages read with ``spacing`` between; ``instead``: where Graph does not have ``path``."""

    key: str
    path: str
    instead: str | None = None
    spacing: timedelta = _OF_MANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """A list of users or teams at ``listed``; ``of`` returns what is to be read of the one with an id."""

    listed: str
    of: Callable[[str], Source]


def unrecoverable(gap: Recovery) -> str | None:
    """Return why nothing can be read for a gap; None if something can."""
    row = find(gap.resource)
    template = row.path if row else ""
    if template not in _SOURCES:
        return "Graph has no way to tell what has changed in the meantime"
    if gap.delegated:
        return "the app does not read messages in the name of a user"
    options = {part.partition("=")[0].removeprefix("$") for part in gap.resource.partition("?")[2].split("&") if part}
    if options - {"model"}:
        return "what the subscription's own query leaves out cannot be told from the rest"
    return None


def sources_of(gap: Recovery) -> Source | Each:
    """Return where to read what a gap has hidden.

    Raises:
        KeyError: it is ``unrecoverable``.
    """
    row = find(gap.resource)
    since = f"{gap.since - MARGIN:%Y-%m-%dT%H:%M:%SZ}"
    ids = [unquote(id_) for id_ in canonical_path(gap.resource.partition("?")[0]).split("/")[1::2]]
    return _SOURCES[row.path if row else ""](ids, since)


def _of_chat(ids: Sequence[str], since: str) -> Source | Each:
    # Without its property being ordered by, Graph ignores the filter.
    options = f"$top=50&$orderby={quote('lastModifiedDateTime desc')}&{_modified_after(since)}"
    path = f"/v1.0/chats/{_id(ids[0])}/messages?{options}"
    return Source(key=ids[0], path=path, spacing=_OF_ONE_CONVERSATION)


def _of_channel(ids: Sequence[str], since: str) -> Source | Each:
    messages = f"/v1.0/teams/{_id(ids[0])}/channels/{_id(ids[1])}/messages"
    return Source(
        key=ids[1],
        path=f"{messages}/delta?$top=50&$expand=replies&{_modified_after(since)}",
        # The newest page about messages lists no delta; nor does the list take a filter.
        instead=f"{messages}?$top=50&$expand=replies",
        spacing=_OF_ONE_CONVERSATION,
    )


def _of_user(ids: Sequence[str], since: str) -> Source | Each:
    return _window_of_user(ids[0], since)


def _of_all_chats(_ids: Sequence[str], since: str) -> Source | Each:
    return Each(listed="/v1.0/users?$select=id&$top=999", of=lambda user_id: _window_of_user(user_id, since))


def _of_all_teams(_ids: Sequence[str], since: str) -> Source | Each:
    return Each(listed="/v1.0/teams?$select=id&$top=999", of=lambda team_id: _window_of_team(team_id, since))


def _window_of_user(user_id: str, since: str) -> Source:
    path = f"/v1.0/users/{_id(user_id)}/chats/getAllMessages?$top=50&{_modified_after(since)}"
    return Source(key=user_id, path=path)


def _window_of_team(team_id: str, since: str) -> Source:
    path = f"/v1.0/teams/{_id(team_id)}/channels/getAllMessages?$top=50&{_modified_after(since)}"
    return Source(key=team_id, path=path)


def _modified_after(since: str) -> str:
    # Without an end: what was written in the gap may have been edited after it.
    return f"$filter={quote(f'lastModifiedDateTime gt {since}', safe=':')}"


def _id(text: str) -> str:
    return quote(text, safe="")


_SOURCES: Mapping[str, Callable[[Sequence[str], str], Source | Each]] = {
    "/chats/{chat-id}/messages": _of_chat,
    "/chats/getAllMessages": _of_all_chats,
    "/teams/getAllMessages": _of_all_teams,
    "/teams/{team-id}/channels/{channel-id}/messages": _of_channel,
    "/users/{user-id}/chats/getAllMessages": _of_user,
}
