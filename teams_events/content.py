"""What is in ``data.content`` of an event, as types for consumers: the five kinds of resource that Teams notifies of.

The names are Graph's. Any property may be left out or be null, and Graph adds properties: more is always allowed.
Values of enumerations are texts, because Graph adds to those too. The folder ``schemas`` has the same as JSON Schema.

Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
"""

from typing import Any, TypedDict

type Timestamp = str
"""RFC 3339; Graph writes up to seven fraction digits, and "Z" or an offset."""
type JsonObject = dict[str, Any]
"""What differs from case to case, or is too rarely seen to be promised."""


class Identity(TypedDict, total=False):
    """A person, app or conversation. Source: https://learn.microsoft.com/graph/api/resources/teamworkuseridentity."""

    id: str | None
    displayName: str | None
    userIdentityType: str | None
    applicationIdentityType: str | None
    conversationIdentityType: str | None
    tenantId: str | None


class IdentitySet(TypedDict, total=False):
    """Who did it; one is set. Source: https://learn.microsoft.com/graph/api/resources/chatmessagefromidentityset."""

    application: Identity | None
    device: Identity | None
    user: Identity | None
    conversation: Identity | None


_Origin = TypedDict(
    "_Origin", {"@odata.type": str | None, "@microsoft.graph.originalSourceMembershipUrl": str | None}, total=False
)


class ConversationMember(_Origin, TypedDict, total=False):
    """A membership. Source: https://learn.microsoft.com/graph/api/resources/aaduserconversationmember."""

    id: str | None
    roles: list[str] | None
    displayName: str | None
    visibleHistoryStartDateTime: Timestamp | None
    userId: str | None
    email: str | None
    tenantId: str | None
    user: JsonObject | None


class ItemBody(TypedDict, total=False):
    """The text of a message. Source: https://learn.microsoft.com/graph/api/resources/itembody."""

    contentType: str | None
    content: str | None


class ChannelIdentity(TypedDict, total=False):
    """The channel of a message. Source: https://learn.microsoft.com/graph/api/resources/channelidentity."""

    teamId: str | None
    channelId: str | None


class ChatMessageAttachment(TypedDict, total=False):
    """A file or card. Source: https://learn.microsoft.com/graph/api/resources/chatmessageattachment."""

    id: str | None
    contentType: str | None
    contentUrl: str | None
    content: str | None
    name: str | None
    teamsAppId: str | None
    thumbnailUrl: str | None


class ChatMessageMention(TypedDict, total=False):
    """Somebody named in the text. Source: https://learn.microsoft.com/graph/api/resources/chatmessagemention."""

    id: int | None
    mentionText: str | None
    mentioned: IdentitySet | None


class ChatMessageReaction(TypedDict, total=False):
    """A reaction. Source: https://learn.microsoft.com/graph/api/resources/chatmessagereaction."""

    reactionType: str | None
    displayName: str | None
    reactionContentUrl: str | None
    createdDateTime: Timestamp | None
    user: IdentitySet | None


# A keyword of Python, which a class cannot have.
_Sender = TypedDict("_Sender", {"from": IdentitySet | None}, total=False)


class ChatMessage(_Sender, TypedDict, total=False):
    """A message of a chat or channel. Source: https://learn.microsoft.com/graph/api/resources/chatmessage."""

    id: str | None
    replyToId: str | None
    etag: str | None
    messageType: str | None
    createdDateTime: Timestamp | None
    lastModifiedDateTime: Timestamp | None
    lastEditedDateTime: Timestamp | None
    deletedDateTime: Timestamp | None
    subject: str | None
    summary: str | None
    chatId: str | None
    channelIdentity: ChannelIdentity | None
    importance: str | None
    locale: str | None
    webUrl: str | None
    body: ItemBody | None
    attachments: list[ChatMessageAttachment] | None
    mentions: list[ChatMessageMention] | None
    reactions: list[ChatMessageReaction] | None
    messageHistory: list[JsonObject] | None
    replies: list["ChatMessage"] | None
    hostedContents: list[JsonObject] | None
    policyViolation: JsonObject | None
    eventDetail: JsonObject | None


class ChatViewpoint(TypedDict, total=False):
    """What one user sees of a chat. Source: https://learn.microsoft.com/graph/api/resources/chatviewpoint."""

    isHidden: bool | None
    lastMessageReadDateTime: Timestamp | None


class Chat(TypedDict, total=False):
    """A chat; only a part of it beside a ``viewpoint``. Source: https://learn.microsoft.com/graph/api/resources/chat."""

    id: str | None
    topic: str | None
    createdDateTime: Timestamp | None
    lastUpdatedDateTime: Timestamp | None
    chatType: str | None
    webUrl: str | None
    tenantId: str | None
    isHiddenForAllMembers: bool | None
    viewpoint: ChatViewpoint | None
    onlineMeetingInfo: JsonObject | None
    lastMessagePreview: JsonObject | None
    members: list[ConversationMember] | None
    messages: list[ChatMessage] | None
    installedApps: list[JsonObject] | None
    tabs: list[JsonObject] | None
    permissionGrants: list[JsonObject] | None
    operations: list[JsonObject] | None
    pinnedMessages: list[JsonObject] | None


class Channel(TypedDict, total=False):
    """A channel of a team. Source: https://learn.microsoft.com/graph/api/resources/channel."""

    id: str | None
    createdDateTime: Timestamp | None
    displayName: str | None
    description: str | None
    isFavoriteByDefault: bool | None
    email: str | None
    tenantId: str | None
    webUrl: str | None
    membershipType: str | None
    isArchived: bool | None
    moderationSettings: JsonObject | None


class Team(TypedDict, total=False):
    """A team; its four settings hold booleans and texts. Source: https://learn.microsoft.com/graph/api/resources/team."""

    id: str | None
    createdDateTime: Timestamp | None
    displayName: str | None
    description: str | None
    internalId: str | None
    classification: str | None
    specialization: str | None
    visibility: str | None
    webUrl: str | None
    tenantId: str | None
    isArchived: bool | None
    isMembershipLimitedToOwners: bool | None
    memberSettings: JsonObject | None
    guestSettings: JsonObject | None
    messagingSettings: JsonObject | None
    funSettings: JsonObject | None
