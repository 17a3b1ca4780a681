"""Which lists there are; the page above each row says what is allowed.

Source: https://learn.microsoft.com/en-us/graph/throttling-limits
"""

from dataclasses import replace

from sandbox.graph.listing import changes, messages, permissions, places
from sandbox.graph.listing.row import Listing
from sandbox.graph.paths import bind
from sandbox.teams import Path

_CHANNEL = "teams/{team}/channels/{channel}"
_WINDOW = frozenset({"top", "filter", "skiptoken"})
_CHOICE = frozenset({"filter", "select", "skiptoken"})
_DELTA = frozenset({"top", "skip", "filter", "skiptoken", "deltatoken"})
_COLLECTION_OF_MESSAGES = "Collection(chatMessage)"

# https://learn.microsoft.com/en-us/graph/api/chats-getallmessages
_OF_USER = Listing(
    template="users/{person}/chats/getAllMessages",
    items=messages.of_user,
    application=permissions.CHAT_MESSAGES,
    delegated=(),
    throttle="getAllMessages",
    # Since 25 August 2025 nothing is metered: the model is accepted and means nothing.
    options=_WINDOW | {"model"},
    page=20,
    most=50,
    context=_COLLECTION_OF_MESSAGES,
)
# https://learn.microsoft.com/en-us/graph/api/chat-list-messages
_OF_CHAT = Listing(
    template="chats/{chat}/messages",
    items=messages.of_chat,
    application=permissions.CHAT_MESSAGES,
    delegated=permissions.CHAT_MESSAGES_OF_USER,
    throttle="messages",
    per_resource=2,
    options=_WINDOW | {"orderby"},
    page=20,
    most=50,
    newest_first=True,
)
# https://learn.microsoft.com/en-us/graph/api/channel-list-messages
_OF_CHANNEL = Listing(
    template=f"{_CHANNEL}/messages",
    items=messages.of_channel,
    application=permissions.CHANNEL_MESSAGES,
    delegated=permissions.CHANNEL_MESSAGES,
    throttle="listOfChannelMessages",
    per_resource=4,
    options=frozenset({"top", "expand", "skiptoken"}),
    page=20,
    most=50,
    newest_first=True,
    expandable=frozenset({"replies"}),
)
# https://learn.microsoft.com/en-us/graph/api/channel-list-members
_MEMBERS_OF_CHANNEL = Listing(
    template=f"{_CHANNEL}/members",
    items=places.channel_members,
    application=permissions.CHANNEL_MEMBERS,
    delegated=(*permissions.CHANNEL_MEMBERS, "Group.Read.All"),
    throttle="listOfChannelMembers",
    per_resource=4,
    options=_CHOICE | {"top"},
)
# https://learn.microsoft.com/en-us/graph/api/channel-list
_CHANNELS_OF_TEAM = Listing(
    template="teams/{team}/channels",
    items=places.channels,
    application=(*permissions.CHANNELS, *permissions.OF_GROUPS),
    delegated=(*permissions.CHANNELS, *permissions.OF_GROUPS),
    throttle="listOfChannels",
    per_resource=2,
    options=_CHOICE,
)

LISTINGS = (
    _OF_USER,
    _OF_CHAT,
    _OF_CHANNEL,
    # https://learn.microsoft.com/en-us/graph/api/channel-getallmessages
    replace(
        _OF_USER,
        template="teams/{team}/channels/getAllMessages",
        items=messages.of_team,
        application=permissions.CHANNEL_MESSAGES,
    ),
    # https://learn.microsoft.com/en-us/graph/api/chatmessage-list-replies
    replace(
        _OF_CHANNEL,
        template=f"{_CHANNEL}/messages/{{message}}/replies",
        items=messages.replies_of,
        options=frozenset({"top", "skiptoken"}),
        expandable=frozenset(),
    ),
    # https://learn.microsoft.com/en-us/graph/api/chatmessage-delta
    replace(
        _OF_USER,
        template="users/{person}/chats/getAllMessages/delta",
        items=changes.of_user,
        options=_DELTA,
        is_delta=True,
    ),
    replace(
        _OF_CHANNEL,
        template=f"{_CHANNEL}/messages/delta",
        items=changes.of_channel,
        options=_DELTA | {"expand"},
        context=_COLLECTION_OF_MESSAGES,
        newest_first=False,
        is_delta=True,
    ),
    # https://learn.microsoft.com/en-us/graph/api/teams-list
    Listing(
        template="teams",
        items=places.teams,
        application=permissions.TEAMS,
        delegated=permissions.TEAMS,
        throttle="listOfTeams",
        options=_CHOICE | {"top", "count"},
        counted=False,
    ),
    _CHANNELS_OF_TEAM,
    # https://learn.microsoft.com/en-us/graph/api/team-list-allchannels
    replace(
        _CHANNELS_OF_TEAM,
        template="teams/{team}/allChannels",
        items=places.all_channels,
        application=permissions.CHANNELS,
        delegated=permissions.CHANNELS,
    ),
    # https://learn.microsoft.com/en-us/graph/api/team-list-members
    Listing(
        template="teams/{team}/members",
        items=places.members,
        application=permissions.TEAM_MEMBERS,
        delegated=permissions.TEAM_MEMBERS,
        throttle="members",
        per_resource=2,
        options=_CHOICE | {"top"},
    ),
    _MEMBERS_OF_CHANNEL,
    # https://learn.microsoft.com/en-us/graph/api/channel-list-allmembers
    replace(
        _MEMBERS_OF_CHANNEL,
        template=f"{_CHANNEL}/allMembers",
        items=places.all_members,
        delegated=permissions.CHANNEL_MEMBERS,
        options=_CHOICE,
    ),
    # https://learn.microsoft.com/en-us/graph/api/chat-list-members
    Listing(
        template="chats/{chat}/members",
        items=places.members,
        application=permissions.CHAT_MEMBERS,
        delegated=permissions.CHAT_MEMBERS_OF_USER,
        throttle="anyOther",
        per_resource=2,
        options=frozenset({"skiptoken"}),
    ),
    # https://learn.microsoft.com/en-us/graph/api/chat-list
    Listing(
        template="users/{person}/chats",
        items=places.chats,
        application=permissions.CHATS,
        delegated=permissions.CHATS_OF_USER,
        throttle="listOfChats",
        per_resource=2,
        options=frozenset({"top", "filter", "expand", "skiptoken"}),
        page=20,
        most=50,
        expandable=frozenset({"members", "lastMessagePreview"}),
        context="chats",
    ),
    # https://learn.microsoft.com/en-us/graph/api/user-list
    Listing(
        template="users",
        items=places.users,
        application=permissions.USERS,
        delegated=("User.ReadBasic.All", *permissions.USERS),
        throttle="listOfUsers",
        options=_CHOICE | {"top"},
        counted=False,
    ),
)


def find(path: Path) -> Listing | None:
    """Return the list of a path; None if the path leads to one thing, or nowhere."""
    return next((row for row in LISTINGS if bind(row.template, path) is not None), None)
