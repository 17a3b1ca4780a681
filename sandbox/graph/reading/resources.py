"""Which items and lists can be read, and with which permissions? The page above each list says what is allowed.

The permissions are those of applications, least privileged first, without those of resource-specific consent.
Sources: https://learn.microsoft.com/en-us/graph/permissions-reference, https://learn.microsoft.com/en-us/graph/throttling-limits
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from sandbox.graph.paths import bind
from sandbox.graph.reading import messages, places
from sandbox.graph.reading.query import Listing
from sandbox.teams import Path

_CHATS = ("Chat.ReadBasic.All", "Chat.Read.All", "Chat.ReadWrite.All")
_CHAT_MEMBERS = ("ChatMember.Read.All", "ChatMember.ReadWrite.All", *_CHATS)
_CHAT_MESSAGES = ("Chat.Read.All", "Chat.ReadWrite.All")
_CHANNELS = ("Channel.ReadBasic.All", "ChannelSettings.Read.All", "ChannelSettings.ReadWrite.All")
_CHANNEL_MEMBERS = ("ChannelMember.Read.All", "ChannelMember.ReadWrite.All")
_CHANNEL_MESSAGES = ("ChannelMessage.Read.All",)
_TEAMS = ("Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All")
_TEAM_MEMBERS = ("TeamMember.Read.All", "TeamMember.ReadWrite.All")
# Only for compatibility with older apps.
_GROUPS = ("Group.Read.All", "Group.ReadWrite.All")
_DIRECTORY = ("Directory.Read.All", "Directory.ReadWrite.All")

_CHANNEL = "teams/{team}/channels/{channel}"
ITEMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "chats/{chat}": _CHATS,
        "chats/{chat}/messages/{message}": _CHAT_MESSAGES,
        "chats/{chat}/members/{member}": _CHAT_MEMBERS,
        "teams/{team}": _TEAMS,
        "teams/{team}/members/{member}": _TEAM_MEMBERS,
        _CHANNEL: _CHANNELS,
        f"{_CHANNEL}/messages/{{message}}": (*_CHANNEL_MESSAGES, *_GROUPS),
        f"{_CHANNEL}/messages/{{message}}/replies/{{reply}}": (*_CHANNEL_MESSAGES, *_GROUPS),
        f"{_CHANNEL}/members/{{member}}": _CHANNEL_MEMBERS,
    }
)

_MESSAGE_TYPE = "Collection(chatMessage)"
# https://learn.microsoft.com/en-us/graph/api/chats-getallmessages
_MESSAGES_OF_USER = Listing(
    template="users/{user}/chats/getAllMessages",
    items=messages.of_user,
    permissions=_CHAT_MESSAGES,
    throttle="getAllMessages",
    options=frozenset({"top", "filter"}),
    page=20,
    most=50,
    context=_MESSAGE_TYPE,
)
# https://learn.microsoft.com/en-us/graph/api/channel-list-messages
_MESSAGES_OF_CHANNEL = Listing(
    template=f"{_CHANNEL}/messages",
    items=messages.of_channel,
    permissions=_CHANNEL_MESSAGES,
    throttle="listOfChannelMessages",
    per_resource=4,
    options=frozenset({"top", "expand"}),
    page=20,
    most=50,
    newest_first=True,
    expandable=frozenset({"replies"}),
)
_MESSAGES = (
    _MESSAGES_OF_USER,
    # https://learn.microsoft.com/en-us/graph/api/channel-getallmessages
    replace(
        _MESSAGES_OF_USER,
        template="teams/{team}/channels/getAllMessages",
        items=messages.of_team,
        permissions=_CHANNEL_MESSAGES,
    ),
    _MESSAGES_OF_CHANNEL,
    # https://learn.microsoft.com/en-us/graph/api/chatmessage-list-replies
    replace(
        _MESSAGES_OF_CHANNEL,
        template=f"{_CHANNEL}/messages/{{message}}/replies",
        items=messages.replies_of,
        options=frozenset({"top"}),
    ),
    # https://learn.microsoft.com/en-us/graph/api/chatmessage-delta
    replace(
        _MESSAGES_OF_CHANNEL,
        template=f"{_CHANNEL}/messages/delta",
        items=messages.changes_of_channel,
        options=frozenset({"top", "expand", "filter"}),
        context=_MESSAGE_TYPE,
        newest_first=False,
        is_delta=True,
    ),
    # https://learn.microsoft.com/en-us/graph/api/chat-list-messages
    Listing(
        template="chats/{chat}/messages",
        items=messages.of_chat,
        permissions=_CHAT_MESSAGES,
        throttle="messages",
        per_resource=2,
        options=frozenset({"top", "filter", "orderby"}),
        page=20,
        most=50,
        newest_first=True,
    ),
)
_PLACES = (
    # https://learn.microsoft.com/en-us/graph/api/teams-list
    Listing(
        template="teams",
        items=places.teams,
        permissions=_TEAMS,
        throttle="listOfTeams",
        options=frozenset({"top", "select"}),
    ),
    # https://learn.microsoft.com/en-us/graph/api/channel-list
    Listing(
        template="teams/{team}/channels",
        items=places.channels,
        permissions=(*_CHANNELS, *_DIRECTORY, *_GROUPS),
        throttle="listOfChannels",
        per_resource=2,
    ),
    # https://learn.microsoft.com/en-us/graph/api/team-list-members
    Listing(
        template="teams/{team}/members",
        items=places.members,
        permissions=_TEAM_MEMBERS,
        throttle="members",
        per_resource=2,
    ),
    # https://learn.microsoft.com/en-us/graph/api/channel-list-members
    Listing(
        template=f"{_CHANNEL}/members",
        items=places.channel_members,
        permissions=_CHANNEL_MEMBERS,
        throttle="listOfChannelMembers",
        per_resource=4,
    ),
    # https://learn.microsoft.com/en-us/graph/api/chat-list-members
    Listing(
        template="chats/{chat}/members",
        items=places.members,
        permissions=_CHAT_MEMBERS,
        throttle="anyOther",
        per_resource=2,
    ),
    # https://learn.microsoft.com/en-us/graph/api/chat-list
    Listing(
        template="users/{user}/chats",
        items=places.chats,
        permissions=_CHATS,
        throttle="listOfChats",
        per_resource=2,
        options=frozenset({"top", "expand"}),
        page=20,
        most=50,
        expandable=frozenset({"members"}),
        context="chats",
    ),
    # https://learn.microsoft.com/en-us/graph/api/user-list
    Listing(
        template="users",
        items=places.users,
        permissions=("User.Read.All", "User.ReadWrite.All", *_DIRECTORY),
        throttle="listOfUsers",
        options=frozenset({"top", "select"}),
    ),
)


def find_list(path: Path) -> Listing | None:
    """Return the list of a path; None if the path leads to one item, or nowhere."""
    return next((row for row in (*_MESSAGES, *_PLACES) if bind(row.template, path) is not None), None)
