"""What can be subscribed to in Teams? The documentation's tables for the five kinds of resources, row by row.

In the real service the permissions that end in ``.Chat`` or ``.Group`` are granted chat by chat and team by team; here
they count when the token's roles hold them.
Sources: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions,
https://learn.microsoft.com/en-us/graph/api/resources/subscription, https://learn.microsoft.com/en-us/graph/change-notifications-overview
"""

from functools import partial

from sandbox.graph.catalogue_around_teams import AROUND_TEAMS
from sandbox.graph.paths import bind, fill
from sandbox.graph.resource_type import ResourceType

_UPDATED = frozenset({"updated"})
_CREATED_UPDATED = frozenset({"created", "updated"})
_CREATED_DELETED = frozenset({"created", "deleted"})
_ALL = frozenset({"created", "updated", "deleted"})

_APP = "appCatalogs/teamsApps/{app}/installedToChats"
_CHAT = ("Chat.ReadBasic.All", "Chat.Read.All", "Chat.ReadWrite.All")
_CHAT_OF_USER = ("Chat.ReadBasic", "Chat.Read", "Chat.ReadWrite")
_CHATS_OF_APP = ("Chat.ReadBasic.WhereInstalled", "Chat.Read.WhereInstalled", "Chat.ReadWrite.WhereInstalled")
_chats = partial(ResourceType, entity="chat", covers=("chats/{chat}",))
_CHATS = (
    _chats(template="chats", change_types=_CREATED_UPDATED, permissions=_CHAT),
    _chats(
        template="chats/{chat}",
        change_types=_UPDATED,
        permissions=("ChatSettings.Read.Chat", "ChatSettings.ReadWrite.Chat", "Chat.Manage.Chat", *_CHAT),
        delegated=_CHAT_OF_USER,
        per_app=1,
    ),
    _chats(
        template="users/{user}/chats",
        change_types=_CREATED_UPDATED,
        permissions=_CHAT,
        delegated=_CHAT_OF_USER,
        per_path=10,
    ),
    _chats(template=_APP, change_types=_CREATED_UPDATED, permissions=_CHATS_OF_APP),
)

_MESSAGE_OF_USER = ("Chat.Read", "Chat.ReadWrite")
_SEARCH, _MODEL = frozenset({"search", "filter"}), frozenset({"model"})
_messages = partial(ResourceType, entity="chatMessage", change_types=_ALL)
_chat_messages = partial(_messages, covers=("chats/{chat}/messages/{message}",))
_channel_messages = partial(
    _messages,
    covers=(
        "teams/{team}/channels/{channel}/messages/{message}",
        "teams/{team}/channels/{channel}/messages/{message}/replies/{reply}",
    ),
)
_MESSAGES = (
    _channel_messages(template="teams/getAllMessages", permissions=("ChannelMessage.Read.All",), options=_MODEL),
    _channel_messages(
        template="teams/{team}/channels/{channel}/messages",
        permissions=("ChannelMessage.Read.Group", "ChannelMessage.Read.All"),
        delegated=("ChannelMessage.Read.All", "Group.Read.All", "Group.ReadWrite.All"),
        options=_SEARCH,
        per_app=1,
    ),
    _chat_messages(template="chats/getAllMessages", permissions=("Chat.Read.All",), options=_MODEL),
    _chat_messages(
        template="chats/{chat}/messages",
        permissions=("ChatMessage.Read.Chat", "Chat.Read.All"),
        delegated=_MESSAGE_OF_USER,
        options=_SEARCH,
        per_app=1,
    ),
    _chat_messages(
        template="users/{user}/chats/getAllMessages",
        permissions=("Chat.Read.All", "Chat.ReadWrite.All"),
        delegated=_MESSAGE_OF_USER,
        options=frozenset({"search", "model"}),
        per_path=10,
    ),
    _chat_messages(template=f"{_APP}/getAllMessages", permissions=_CHATS_OF_APP[1:]),
)

_TEAM = ("Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All")
_CHANNEL = ("Channel.ReadBasic.All", "ChannelSettings.Read.All", "ChannelSettings.ReadWrite.All")
_teams = partial(ResourceType, entity="team", covers=("teams/{team}",))
_channels = partial(ResourceType, entity="channel", change_types=_ALL, covers=("teams/{team}/channels/{channel}",))
_TEAMS_AND_CHANNELS = (
    _teams(template="teams", change_types=_ALL, permissions=_TEAM),
    _teams(
        template="teams/{team}",
        change_types=frozenset({"updated", "deleted"}),
        permissions=("TeamSettings.Read.Group", "TeamSettings.ReadWrite.Group", *_TEAM),
        delegated=_TEAM,
        per_app=1,
    ),
    _channels(template="teams/getAllChannels", permissions=_CHANNEL),
    _channels(
        template="teams/{team}/channels",
        permissions=("ChannelSettings.Read.Group", "ChannelSettings.ReadWrite.Group", *_CHANNEL),
        delegated=_CHANNEL,
        per_app=1,
    ),
)

_CHAT_MEMBER = ("ChatMember.Read.All", "ChatMember.ReadWrite.All", *_CHAT)
_TEAM_MEMBER = ("TeamMember.Read.All", "TeamMember.ReadWrite.All")
_CHANNEL_MEMBER = ("ChannelMember.Read.All", "ChannelMember.ReadWrite.All")
_members = partial(ResourceType, entity="conversationMember")
_chat_members = partial(_members, covers=("chats/{chat}/members/{member}",))
_team_members = partial(_members, change_types=_ALL, covers=("teams/{team}/members/{member}",))
_MEMBERS = (
    _chat_members(template="chats/getAllMembers", change_types=_CREATED_DELETED, permissions=_CHAT_MEMBER),
    _chat_members(
        template="chats/{chat}/members",
        change_types=_CREATED_DELETED,
        permissions=("ChatMember.Read.Chat", "Chat.Manage.Chat", *_CHAT_MEMBER),
        delegated=("ChatMember.Read", "ChatMember.ReadWrite", *_CHAT_OF_USER),
    ),
    _chat_members(
        template=f"{_APP}/getAllMembers",
        change_types=_CREATED_UPDATED,
        permissions=("ChatMember.Read.WhereInstalled", "ChatMember.ReadWrite.WhereInstalled", *_CHATS_OF_APP),
    ),
    _team_members(
        template="teams/{team}/members",
        permissions=("TeamMember.Read.Group", *_TEAM_MEMBER),
        delegated=_TEAM_MEMBER,
        per_app=1,
    ),
    _team_members(template="teams/getAllMembers", permissions=_TEAM_MEMBER),
    _members(
        template="teams/{team}/channels/getAllMembers",
        change_types=_ALL,
        permissions=_CHANNEL_MEMBER,
        covers=(
            "teams/{team}/channels/{channel}/members/{member}",
            "teams/{team}/channels/{channel}/allMembers/{member}",
        ),
        options=frozenset({"notifyOnIndirectMembershipUpdate", "suppressNotificationWhenSharedUnsharedWithTeam"}),
        per_app=1,
    ),
    _members(
        template="teams/getAllChannels/getAllMembers",
        change_types=_ALL,
        permissions=_CHANNEL_MEMBER,
        covers=("teams/{team}/channels/{channel}/members/{member}",),
        beta_only=True,
    ),
    ResourceType(
        template="teams/{team}/channels/{channel}/sharedWithTeams",
        entity="sharedWithChannelTeamInfo",
        change_types=_CREATED_DELETED,
        permissions=_CHANNEL_MEMBER,
        delegated=_CHANNEL_MEMBER,
        covers=("teams/{team}/channels/{channel}/sharedWithTeams/{sharedWith}",),
        beta_only=True,
    ),
)

CATALOGUE = (*_CHATS, *_MESSAGES, *_TEAMS_AND_CHANNELS, *_MEMBERS, *AROUND_TEAMS)


def find(path: tuple[str, ...]) -> tuple[ResourceType, str] | None:
    """Return the row of a subscription's path and the path's one spelling; None if it cannot be subscribed to."""
    for row in CATALOGUE:
        bound = bind(row.template, path)
        if bound is not None:
            return row, fill(row.template, bound)
    return None
