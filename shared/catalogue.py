"""What Graph allows for a Teams path, and the fifteen paths of the overview article as rows; the rest: catalogue_rest.

Permissions stand least privilege first; one of them is enough. Where the reference and an article disagree, the newer
text counts. A name in braces stands for an id.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions#permissions and
https://learn.microsoft.com/graph/change-notifications-overview#supported-resources
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

# Source: https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime
_THREE_DAYS = timedelta(minutes=4320)

_CHANGE_TYPES: Mapping[str, str] = {"C": "created", "U": "updated", "D": "deleted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the app, a signed-in user or the resource itself has to grant; empty where Graph does not offer it."""

    application: tuple[str, ...] = ()
    delegated: tuple[str, ...] = ()
    resource_specific: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One row. ``kind`` is the type that the notifications are about, as Graph's schema names it."""

    path: str
    kind: str
    change_types: frozenset[str]
    permissions: Permissions
    options: frozenset[str] = frozenset()
    """Query options that the path takes, without their dollar sign."""
    resource_data: bool = True
    resource_data_only: bool = False
    max_filtered: int | None = None
    """How many things the filter, which the path then needs, may name."""
    fetchable: bool = True
    """Whether Graph has a GET for the resource that a notification names."""
    beta: bool = False
    max_lifetime: timedelta = _THREE_DAYS


def may(application: str = "", delegated: str = "", resource_specific: str = "") -> Permissions:
    """Return permissions from texts that list them with spaces."""
    return Permissions(
        application=tuple(application.split()),
        delegated=tuple(delegated.split()),
        resource_specific=tuple(resource_specific.split()),
    )


def row(path: str, kind: str, changes: str, permissions: Permissions, options: str = "") -> Resource:
    """Return a row; ``changes`` are initials (C, U, D), ``options`` are listed with spaces."""
    return Resource(
        path=path,
        kind=kind,
        change_types=frozenset(_CHANGE_TYPES[change] for change in changes),
        permissions=permissions,
        options=frozenset(options.split()),
    )


_CHAT = "Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All"
_CHAT_USER = "Chat.ReadBasic Chat.Read Chat.ReadWrite"
_CHAT_RESOURCE = "ChatSettings.Read.Chat ChatSettings.ReadWrite.Chat Chat.Manage.Chat"
_CHAT_MEMBER = "ChatMember.Read.All ChatMember.ReadWrite.All Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All"
_CHAT_MEMBER_USER = "ChatMember.Read ChatMember.ReadWrite Chat.ReadBasic Chat.Read Chat.ReadWrite"
_CHANNEL = "Channel.ReadBasic.All ChannelSettings.Read.All ChannelSettings.ReadWrite.All"
_CHANNEL_RESOURCE = "ChannelSettings.Read.Group ChannelSettings.ReadWrite.Group"
_TEAM = "Team.ReadBasic.All TeamSettings.Read.All TeamSettings.ReadWrite.All"
_TEAM_RESOURCE = "TeamSettings.Read.Group TeamSettings.ReadWrite.Group"
_TEAM_MEMBER = "TeamMember.Read.All TeamMember.ReadWrite.All"
_CHANNEL_MEMBER = "ChannelMember.Read.All ChannelMember.ReadWrite.All"
_SHARED_CHANNELS = "notifyOnIndirectMembershipUpdate suppressNotificationWhenSharedUnsharedWithTeam"

# The fifteen paths of the overview article, in its order.
# Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
ARTICLES: tuple[Resource, ...] = (
    row("/teams/getAllChannels", "channel", "CUD", may(_CHANNEL)),
    row("/teams/{team-id}/channels", "channel", "CUD", may(_CHANNEL, _CHANNEL, _CHANNEL_RESOURCE)),
    row("/chats", "chat", "CU", may(_CHAT)),
    row("/chats/{chat-id}", "chat", "U", may(_CHAT, _CHAT_USER, _CHAT_RESOURCE)),
    row("/teams/getAllMessages", "chatMessage", "CUD", may("ChannelMessage.Read.All"), "model"),
    row(
        "/teams/{team-id}/channels/{channel-id}/messages",
        "chatMessage",
        "CUD",
        may("ChannelMessage.Read.All", "ChannelMessage.Read.All", "ChannelMessage.Read.Group"),
        "search filter",
    ),
    row("/chats/getAllMessages", "chatMessage", "CUD", may("Chat.Read.All"), "model"),
    row(
        "/chats/{chat-id}/messages",
        "chatMessage",
        "CUD",
        may("Chat.Read.All", "Chat.Read Chat.ReadWrite", "ChatMessage.Read.Chat"),
        "search filter",
    ),
    row(
        "/users/{user-id}/chats/getAllMessages",
        "chatMessage",
        "CUD",
        may("Chat.Read.All Chat.ReadWrite.All", "Chat.Read Chat.ReadWrite"),
        "model search",
    ),
    row(
        "/teams/{team-id}/members",
        "conversationMember",
        "CUD",
        may(_TEAM_MEMBER, _TEAM_MEMBER, "TeamMember.Read.Group"),
    ),
    row(
        "/chats/{chat-id}/members",
        "conversationMember",
        "CD",
        may(_CHAT_MEMBER, _CHAT_MEMBER_USER, "ChatMember.Read.Chat Chat.Manage.Chat"),
    ),
    row("/chats/getAllMembers", "conversationMember", "CD", may(_CHAT_MEMBER)),
    row(
        "/teams/{team-id}/channels/getAllMembers",
        "conversationMember",
        "CUD",
        may(_CHANNEL_MEMBER),
        _SHARED_CHANNELS,
    ),
    row("/teams", "team", "CUD", may(_TEAM)),
    row("/teams/{team-id}", "team", "UD", may(_TEAM, _TEAM, _TEAM_RESOURCE)),
)
