"""What can be subscribed to in Teams: the documentation's tables for the five kinds of resources, row by row.

Permissions are the application permissions. In the real service those ending in ``.Chat`` or ``.Group`` are granted
chat by chat and team by team; here they count when the token's roles hold them.
Sources: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions,
https://learn.microsoft.com/en-us/graph/api/resources/subscription, https://learn.microsoft.com/en-us/graph/change-notifications-overview
"""

from sandbox.graph.resource_type import ALL, CREATED_DELETED, CREATED_UPDATED, ResourceType

_CHAT = ("Chat.ReadBasic.All", "Chat.Read.All", "Chat.ReadWrite.All")
_ONE_CHAT = ("ChatSettings.Read.Chat", "ChatSettings.ReadWrite.Chat", "Chat.Manage.Chat", *_CHAT)
_CHAT_MEMBER = ("ChatMember.Read.All", "ChatMember.ReadWrite.All", *_CHAT)
_TEAM = ("Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All")
_CHANNEL = ("Channel.ReadBasic.All", "ChannelSettings.Read.All", "ChannelSettings.ReadWrite.All")
_TEAM_MEMBER = ("TeamMember.Read.All", "TeamMember.ReadWrite.All")
_CHANNEL_MEMBER = ("ChannelMember.Read.All", "ChannelMember.ReadWrite.All")

_CHAT_MESSAGES = ("chats/{chat}/messages/{message}",)
_CHANNEL_MESSAGES = (
    "teams/{team}/channels/{channel}/messages/{message}",
    "teams/{team}/channels/{channel}/messages/{message}/replies/{reply}",
)
_CHANNEL_MEMBERS = ("teams/{team}/channels/{channel}/members/{member}",)


FIVE_KINDS = (
    ResourceType(
        template="chats",
        entity="chat",
        change_types=CREATED_UPDATED,
        permissions=_CHAT,
        covers=("chats/{chat}",),
    ),
    ResourceType(
        template="chats/{chat}",
        entity="chat",
        change_types=frozenset({"updated"}),
        permissions=_ONE_CHAT,
        covers=("chats/{chat}",),
        per_app=1,
    ),
    ResourceType(
        template="users/{user}/chats",
        entity="chat",
        change_types=CREATED_UPDATED,
        permissions=_CHAT,
        covers=("chats/{chat}",),
        per_path=10,
    ),
    ResourceType(
        template="appCatalogs/teamsApps/{app}/installedToChats",
        entity="chat",
        change_types=CREATED_UPDATED,
        permissions=("Chat.ReadBasic.WhereInstalled", "Chat.Read.WhereInstalled", "Chat.ReadWrite.WhereInstalled"),
        covers=("chats/{chat}",),
    ),
    ResourceType(
        template="teams/getAllMessages",
        entity="chatMessage",
        change_types=ALL,
        permissions=("ChannelMessage.Read.All",),
        covers=_CHANNEL_MESSAGES,
        options=frozenset({"model"}),
    ),
    ResourceType(
        template="teams/{team}/channels/{channel}/messages",
        entity="chatMessage",
        change_types=ALL,
        permissions=("ChannelMessage.Read.Group", "ChannelMessage.Read.All"),
        covers=_CHANNEL_MESSAGES,
        options=frozenset({"search", "filter"}),
        per_app=1,
    ),
    ResourceType(
        template="chats/getAllMessages",
        entity="chatMessage",
        change_types=ALL,
        permissions=("Chat.Read.All",),
        covers=_CHAT_MESSAGES,
        options=frozenset({"model"}),
    ),
    ResourceType(
        template="chats/{chat}/messages",
        entity="chatMessage",
        change_types=ALL,
        permissions=("ChatMessage.Read.Chat", "Chat.Read.All"),
        covers=_CHAT_MESSAGES,
        options=frozenset({"search", "filter"}),
        per_app=1,
    ),
    ResourceType(
        template="users/{user}/chats/getAllMessages",
        entity="chatMessage",
        change_types=ALL,
        permissions=("Chat.Read.All", "Chat.ReadWrite.All"),
        covers=_CHAT_MESSAGES,
        options=frozenset({"search", "model"}),
        per_path=10,
    ),
    ResourceType(
        template="appCatalogs/teamsApps/{app}/installedToChats/getAllMessages",
        entity="chatMessage",
        change_types=ALL,
        permissions=("Chat.Read.WhereInstalled", "Chat.ReadWrite.WhereInstalled"),
        covers=_CHAT_MESSAGES,
    ),
    ResourceType(
        template="teams",
        entity="team",
        change_types=ALL,
        permissions=_TEAM,
        covers=("teams/{team}",),
    ),
    ResourceType(
        template="teams/{team}",
        entity="team",
        change_types=frozenset({"updated", "deleted"}),
        permissions=("TeamSettings.Read.Group", "TeamSettings.ReadWrite.Group", *_TEAM),
        covers=("teams/{team}",),
        per_app=1,
    ),
    ResourceType(
        template="teams/getAllChannels",
        entity="channel",
        change_types=ALL,
        permissions=_CHANNEL,
        covers=("teams/{team}/channels/{channel}",),
    ),
    ResourceType(
        template="teams/{team}/channels",
        entity="channel",
        change_types=ALL,
        permissions=("ChannelSettings.Read.Group", "ChannelSettings.ReadWrite.Group", *_CHANNEL),
        covers=("teams/{team}/channels/{channel}",),
        per_app=1,
    ),
    ResourceType(
        template="chats/getAllMembers",
        entity="conversationMember",
        change_types=CREATED_DELETED,
        permissions=_CHAT_MEMBER,
        covers=("chats/{chat}/members/{member}",),
    ),
    ResourceType(
        template="chats/{chat}/members",
        entity="conversationMember",
        change_types=CREATED_DELETED,
        permissions=("ChatMember.Read.Chat", "Chat.Manage.Chat", *_CHAT_MEMBER),
        covers=("chats/{chat}/members/{member}",),
    ),
    ResourceType(
        template="appCatalogs/teamsApps/{app}/installedToChats/getAllMembers",
        entity="conversationMember",
        change_types=CREATED_UPDATED,
        permissions=(
            "ChatMember.Read.WhereInstalled",
            "ChatMember.ReadWrite.WhereInstalled",
            "Chat.ReadBasic.WhereInstalled",
            "Chat.Read.WhereInstalled",
            "Chat.ReadWrite.WhereInstalled",
        ),
        covers=("chats/{chat}/members/{member}",),
    ),
    ResourceType(
        template="teams/{team}/members",
        entity="conversationMember",
        change_types=ALL,
        permissions=("TeamMember.Read.Group", *_TEAM_MEMBER),
        covers=("teams/{team}/members/{member}",),
        per_app=1,
    ),
    ResourceType(
        template="teams/getAllMembers",
        entity="conversationMember",
        change_types=ALL,
        permissions=_TEAM_MEMBER,
        covers=("teams/{team}/members/{member}",),
    ),
    ResourceType(
        template="teams/{team}/channels/getAllMembers",
        entity="conversationMember",
        change_types=ALL,
        permissions=_CHANNEL_MEMBER,
        covers=(*_CHANNEL_MEMBERS, "teams/{team}/channels/{channel}/allMembers/{member}"),
        options=frozenset({"notifyOnIndirectMembershipUpdate", "suppressNotificationWhenSharedUnsharedWithTeam"}),
        per_app=1,
    ),
    ResourceType(
        template="teams/getAllChannels/getAllMembers",
        entity="conversationMember",
        change_types=ALL,
        permissions=_CHANNEL_MEMBER,
        covers=_CHANNEL_MEMBERS,
        beta_only=True,
    ),
    ResourceType(
        template="teams/{team}/channels/{channel}/sharedWithTeams",
        entity="sharedWithChannelTeamInfo",
        change_types=CREATED_DELETED,
        permissions=_CHANNEL_MEMBER,
        covers=("teams/{team}/channels/{channel}/sharedWithTeams/{sharedWith}",),
        beta_only=True,
    ),
)
