"""One resource of each kind with all that Microsoft's articles show of it, in values of our own.

Source: https://learn.microsoft.com/graph/teams-changenotifications-chat, …-chatmessage, …-team-and-channel and
…-teammembership (the decrypted payloads), and the pages of the resources
"""

from typing import Any

_TIME = "2026-11-21T09:30:00.123Z"
_AUTHOR = {"id": "a", "displayName": "Adele Vance", "userIdentityType": "aadUser", "tenantId": "t"}
_IDENTITY_SET = {"application": None, "device": None, "user": _AUTHOR, "conversation": None}
_REACTION = {
    "reactionType": "💙",
    "displayName": "heart",
    "reactionContentUrl": None,
    "createdDateTime": _TIME,
    "user": _IDENTITY_SET,
}

MEMBER: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.aadUserConversationMember",
    "@microsoft.graph.originalSourceMembershipUrl": "https://graph.microsoft.com/beta/teams/t/members/m",
    "id": "MCMj",
    "roles": ["owner"],
    "displayName": "Adele Vance",
    "visibleHistoryStartDateTime": "1970-01-01T00:00:00Z",
    "userId": "a",
    "email": "adele@contoso.example",
    "tenantId": "t",
    "user": {"id": "a"},
}
MESSAGE: dict[str, Any] = {
    "id": "1612289992105",
    "replyToId": "1612289992100",
    "etag": "1612289992105",
    "messageType": "message",
    "createdDateTime": _TIME,
    "lastModifiedDateTime": _TIME,
    "lastEditedDateTime": _TIME,
    "deletedDateTime": _TIME,
    "subject": "Launch",
    "summary": "About the launch",
    "chatId": "19:c",
    "importance": "urgent",
    "locale": "en-us",
    "webUrl": "https://teams.example/l/message",
    "from": _IDENTITY_SET,
    "body": {"contentType": "html", "content": '<at id="0">Adele</at>'},
    "channelIdentity": {"teamId": "t", "channelId": "19:c"},
    "attachments": [
        {
            "id": "1",
            "contentType": "reference",
            "contentUrl": "https://contoso.example/plan.docx",
            "content": None,
            "name": "plan.docx",
            "thumbnailUrl": None,
            "teamsAppId": None,
        }
    ],
    "mentions": [{"id": 0, "mentionText": "Adele", "mentioned": _IDENTITY_SET}],
    "policyViolation": {"dlpAction": "blockAccess", "policyTip": {"generalText": "No card numbers"}},
    "reactions": [_REACTION],
    "messageHistory": [{"actions": "reactionAdded", "modifiedDateTime": _TIME, "reaction": _REACTION}],
    "replies": [{"id": "1612289992107", "replyToId": "1612289992105", "replies": []}],
    "hostedContents": [{"id": "aWQ9", "contentType": "image/png"}],
    "eventDetail": {"@odata.type": "#microsoft.graph.chatRenamedEventMessageDetail", "chatDisplayName": "Launch"},
}
CHAT: dict[str, Any] = {
    "id": "19:c",
    "topic": "Launch",
    "createdDateTime": "2021-06-03T14:25:04+05:30",
    "lastUpdatedDateTime": _TIME,
    "chatType": "meeting",
    "webUrl": "https://teams.example/l/chat",
    "tenantId": "t",
    "isHiddenForAllMembers": False,
    "viewpoint": {"isHidden": False, "lastMessageReadDateTime": _TIME},
    "onlineMeetingInfo": {"calendarEventId": "e", "joinWebUrl": "https://teams.example/l/meetup", "organizer": _AUTHOR},
    "lastMessagePreview": {"id": "1612289992105", "isDeleted": False},
    "members": [MEMBER],
    "messages": [MESSAGE],
    "installedApps": [{"id": "i"}],
    "tabs": [{"id": "t"}],
    "permissionGrants": [{"id": "p"}],
    "operations": [{"id": "o"}],
    "pinnedMessages": [{"id": "1612289992105"}],
}
CHANNEL: dict[str, Any] = {
    "id": "19:c@thread.tacv2",
    "createdDateTime": _TIME,
    "displayName": "General",
    "description": "All that matters",
    "isFavoriteByDefault": True,
    "email": "",
    "tenantId": "t",
    "webUrl": "https://teams.example/l/channel",
    "membershipType": "standard",
    "isArchived": False,
    "moderationSettings": {"userNewMessageRestriction": "everyone"},
}
TEAM: dict[str, Any] = {
    "id": "t",
    "createdDateTime": _TIME,
    "displayName": "Marketing",
    "description": "Marketing and communications",
    "internalId": "19:g@thread.tacv2",
    "classification": "confidential",
    "specialization": "none",
    "visibility": "public",
    "webUrl": "https://teams.example/l/team",
    "tenantId": "t",
    "isArchived": False,
    "isMembershipLimitedToOwners": False,
    "memberSettings": {"allowCreateUpdateChannels": True},
    "guestSettings": {"allowDeleteChannels": False},
    "messagingSettings": {"allowUserEditMessages": True},
    "funSettings": {"allowGiphy": True, "giphyContentRating": "moderate"},
}

RESOURCES = {
    "channel": CHANNEL,
    "chat": CHAT,
    "chatMessage": MESSAGE,
    "conversationMember": MEMBER,
    "team": TEAM,
}
