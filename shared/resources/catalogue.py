"""The Teams paths that an app can subscribe to, and what Graph allows for each: one row for each path.

The rows are grouped by the article that documents them; if one contradicts the reference, the newer text is right.
A row lists the least privileged permission first, and one permission is enough. A name in braces stands for an id.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions#permissions,
https://learn.microsoft.com/graph/change-notifications-overview#supported-resources, and the article above each group
"""

# One row is one line, however long, as in Microsoft's tables.
# ruff: noqa: E501

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict, Unpack

_CHANGE_TYPES: Mapping[str, str] = {"C": "created", "U": "updated", "D": "deleted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """The permissions of an app, of a signed-in user and of resource-specific consent; empty if Graph offers none."""

    application: tuple[str, ...] = ()
    delegated: tuple[str, ...] = ()
    resource_specific: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One row. ``type_name`` is the type of the resources that change, as in Graph's schema."""

    path: str
    type_name: str
    change_types: frozenset[str]
    permissions: Permissions
    options: frozenset[str]
    """The query options that the path accepts, without the dollar sign."""
    resource_data: bool = True
    resource_data_only: bool = False
    max_filtered: int | None = None
    """How many resources the filter may name; None if the path does not require a filter."""
    fetchable: bool = True
    """Whether Graph has a GET for the resource in a notification."""
    beta: bool = False
    max_lifetime: timedelta = timedelta(minutes=4320)
    """Source: https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime"""


class _Limits(TypedDict, total=False):
    resource_data: bool
    resource_data_only: bool
    max_filtered: int
    fetchable: bool
    beta: bool
    max_lifetime: timedelta


def _row(  # noqa: PLR0913, PLR0917  one parameter for each column
    path: str,
    type_name: str,
    changes: str,
    application: str,
    delegated: str = "",
    resource_specific: str = "",
    options: str = "",
    **limits: Unpack[_Limits],
) -> ResourceType:
    """Return a row; ``changes`` are initials (C, U, D), permissions and ``options`` are separated by spaces."""
    return ResourceType(
        path=path,
        type_name=type_name,
        change_types=frozenset(_CHANGE_TYPES[change] for change in changes),
        permissions=Permissions(
            application=tuple(application.split()),
            delegated=tuple(delegated.split()),
            resource_specific=tuple(resource_specific.split()),
        ),
        options=frozenset(options.split()),
        **limits,
    )


# fmt: off
# Permissions that several rows share: of an app, of a signed-in user (_USER), of resource-specific consent (_RSC).
_CHAT = "Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All"
_CHAT_USER = "Chat.ReadBasic Chat.Read Chat.ReadWrite"
_CHAT_RSC = "ChatSettings.Read.Chat ChatSettings.ReadWrite.Chat Chat.Manage.Chat"
_CHAT_INSTALLED = "Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled"
_CHAT_MEMBER = f"ChatMember.Read.All ChatMember.ReadWrite.All {_CHAT}"
_CHAT_MEMBER_USER = f"ChatMember.Read ChatMember.ReadWrite {_CHAT_USER}"
_CHAT_MEMBER_INSTALLED = f"ChatMember.Read.WhereInstalled ChatMember.ReadWrite.WhereInstalled Chat.ReadBasic.WhereInstalled {_CHAT_INSTALLED}"
_CHANNEL = "Channel.ReadBasic.All ChannelSettings.Read.All ChannelSettings.ReadWrite.All"
_CHANNEL_RSC = "ChannelSettings.Read.Group ChannelSettings.ReadWrite.Group"
_CHANNEL_MEMBER = "ChannelMember.Read.All ChannelMember.ReadWrite.All"
_CHANNEL_MESSAGE, _CHANNEL_MESSAGE_RSC = "ChannelMessage.Read.All", "ChannelMessage.Read.Group"
_TEAM = "Team.ReadBasic.All TeamSettings.Read.All TeamSettings.ReadWrite.All"
_TEAM_RSC = "TeamSettings.Read.Group TeamSettings.ReadWrite.Group"
_TEAM_MEMBER = "TeamMember.Read.All TeamMember.ReadWrite.All"
_APP = " ".join(f"TeamsAppInstallation.{right}.All" for right in (
    "Read",  # the only one for all scopes; the others need a filter on their scope
    "ReadForUser", "ReadForTeam", "ReadForChat",
    "ReadWriteSelfForUser", "ReadWriteSelfForTeam", "ReadWriteSelfForChat",
    "ReadWriteForUser", "ReadWriteForTeam", "ReadWriteForChat",
    "ReadWriteAndConsentSelfForUser", "ReadWriteAndConsentSelfForTeam", "ReadWriteAndConsentSelfForChat",
    "ReadWriteAndConsentForUser", "ReadWriteAndConsentForTeam", "ReadWriteAndConsentForChat",
))
_APP_RSC = "TeamsAppInstallation.Read.User TeamsAppInstallation.Read.Group TeamsAppInstallation.Read.Chat"
_MEETING = "OnlineMeetings.Read.All OnlineMeetings.ReadWrite.All"
_TRANSCRIPT, _TRANSCRIPT_RSC, _AD_HOC_TRANSCRIPT = "OnlineMeetingTranscript.Read.All", "OnlineMeetingTranscript.Read.Chat", "CallTranscripts.Read.All"
_RECORDING, _RECORDING_RSC, _AD_HOC_RECORDING = "OnlineMeetingRecording.Read.All", "OnlineMeetingRecording.Read.Chat", "CallRecordings.Read.All"
_SCHEDULE = "Schedule.Read.All Schedule.ReadWrite.All"
_EVENT, _EVENT_USER = "VirtualEvent.Read.All", "VirtualEvent.Read"
_COPILOT, _COPILOT_USER, _COPILOT_RSC = "AiEnterpriseInteraction.Read.All", "AiEnterpriseInteraction.Read", "AiEnterpriseInteraction.Read.User"

_SHARED_CHANNELS = "notifyOnIndirectMembershipUpdate suppressNotificationWhenSharedUnsharedWithTeam"
_RSC_OPTION = "useResourceSpecificConsentBasedAuthorization"

_NO_DATA_6_HOURS: _Limits = {"resource_data": False, "max_lifetime": timedelta(hours=6)}
_NO_DATA_1_DAY: _Limits = {"resource_data": False, "max_lifetime": timedelta(days=1)}
_NO_DATA_4230_MINUTES: _Limits = {"resource_data": False, "max_lifetime": timedelta(minutes=4230)}
_NO_DATA_30_DAYS: _Limits = {"resource_data": False, "max_lifetime": timedelta(days=30)}
_EMERGENCY: _Limits = {"resource_data_only": True, "fetchable": False, "max_lifetime": timedelta(days=1)}

# Columns: path, type, changes, permissions (app, signed-in user, resource-specific consent), options, limits.
# The fifteen paths of the overview article, in its order.
# Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
OVERVIEW_RESOURCES: tuple[ResourceType, ...] = (
    _row("/teams/getAllChannels", "channel", "CUD", _CHANNEL),
    _row("/teams/{team-id}/channels", "channel", "CUD", _CHANNEL, _CHANNEL, _CHANNEL_RSC),
    _row("/chats", "chat", "CU", _CHAT),
    _row("/chats/{chat-id}", "chat", "U", _CHAT, _CHAT_USER, _CHAT_RSC),
    _row("/teams/getAllMessages", "chatMessage", "CUD", _CHANNEL_MESSAGE, options="model"),
    _row("/teams/{team-id}/channels/{channel-id}/messages", "chatMessage", "CUD", _CHANNEL_MESSAGE, _CHANNEL_MESSAGE, _CHANNEL_MESSAGE_RSC, "search filter"),
    _row("/chats/getAllMessages", "chatMessage", "CUD", "Chat.Read.All", options="model"),
    _row("/chats/{chat-id}/messages", "chatMessage", "CUD", "Chat.Read.All", "Chat.Read Chat.ReadWrite", "ChatMessage.Read.Chat", "search filter"),
    _row("/users/{user-id}/chats/getAllMessages", "chatMessage", "CUD", "Chat.Read.All Chat.ReadWrite.All", "Chat.Read Chat.ReadWrite", "", "model search"),
    _row("/teams/{team-id}/members", "conversationMember", "CUD", _TEAM_MEMBER, _TEAM_MEMBER, "TeamMember.Read.Group"),
    _row("/chats/{chat-id}/members", "conversationMember", "CD", _CHAT_MEMBER, _CHAT_MEMBER_USER, "ChatMember.Read.Chat Chat.Manage.Chat"),
    _row("/chats/getAllMembers", "conversationMember", "CD", _CHAT_MEMBER),
    _row("/teams/{team-id}/channels/getAllMembers", "conversationMember", "CUD", _CHANNEL_MEMBER, options=_SHARED_CHANNELS),
    _row("/teams", "team", "CUD", _TEAM),
    _row("/teams/{team-id}", "team", "UD", _TEAM, _TEAM, _TEAM_RSC),
)

CATALOGUE: tuple[ResourceType, ...] = (
    *OVERVIEW_RESOURCES,
    # Source: https://learn.microsoft.com/graph/teams-changenotifications-chat and ...-chatmessage, -chatmembership
    _row("/users/{user-id}/chats", "chat", "CU", _CHAT, _CHAT_USER),
    _row("/appCatalogs/teamsApps/{app-id}/installedToChats", "chat", "CU", f"Chat.ReadBasic.WhereInstalled {_CHAT_INSTALLED}"),
    _row("/appCatalogs/teamsApps/{app-id}/installedToChats/getAllMessages", "chatMessage", "CUD", _CHAT_INSTALLED),
    _row("/appCatalogs/teamsApps/{app-id}/installedToChats/getAllMembers", "conversationMember", "CU", _CHAT_MEMBER_INSTALLED),
    # Source: https://learn.microsoft.com/graph/teams-changenotifications-teammembership and ...-channelmembership
    _row("/teams/getAllMembers", "conversationMember", "CUD", _TEAM_MEMBER),
    _row("/teams/getAllChannels/getAllMembers", "conversationMember", "CUD", _CHANNEL_MEMBER, beta=True),
    _row("/teams/{team-id}/channels/{channel-id}/sharedWithTeams", "sharedWithChannelTeamInfo", "CD", _CHANNEL_MEMBER, _CHANNEL_MEMBER, beta=True),
    # Source: https://learn.microsoft.com/graph/teams-changenotifications-appinstallation
    _row("/appCatalogs/teamsApps/{app-id}/installations", "teamsAppInstallation", "CUD", _APP, "", _APP_RSC, f"filter {_RSC_OPTION}"),
    # Source: https://learn.microsoft.com/graph/teams-changenotifications-callrecording-and-calltranscript
    _row("/communications/onlineMeetings/getAllTranscripts", "callTranscript", "C", _TRANSCRIPT),
    _row("/communications/onlineMeetings/{meeting-id}/transcripts", "callTranscript", "C", _TRANSCRIPT, _TRANSCRIPT, _TRANSCRIPT_RSC, _RSC_OPTION),
    _row("/users/{user-id}/onlineMeetings/getAllTranscripts", "callTranscript", "C", _TRANSCRIPT, _TRANSCRIPT),
    _row("/appCatalogs/teamsApps/{app-id}/installedToOnlineMeetings/getAllTranscripts", "callTranscript", "C", _TRANSCRIPT, "", _TRANSCRIPT_RSC, _RSC_OPTION, beta=True),
    _row("/communications/adhocCalls/getAllTranscripts", "callTranscript", "C", _AD_HOC_TRANSCRIPT, beta=True),
    # For one ad hoc call, Graph sends an app notifications about recordings, but not about transcripts.
    _row("/communications/adhocCalls/{call-id}/transcripts", "callTranscript", "C", "", _AD_HOC_TRANSCRIPT, beta=True),
    _row("/users/{user-id}/adhocCalls/getAllTranscripts", "callTranscript", "C", _AD_HOC_TRANSCRIPT, _AD_HOC_TRANSCRIPT, beta=True),
    _row("/communications/onlineMeetings/getAllRecordings", "callRecording", "C", _RECORDING),
    _row("/communications/onlineMeetings/{meeting-id}/recordings", "callRecording", "C", _RECORDING, _RECORDING, _RECORDING_RSC, _RSC_OPTION),
    _row("/users/{user-id}/onlineMeetings/getAllRecordings", "callRecording", "C", _RECORDING, _RECORDING),
    _row("/appCatalogs/teamsApps/{app-id}/installedToOnlineMeetings/getAllRecordings", "callRecording", "C", _RECORDING, "", _RECORDING_RSC, _RSC_OPTION, beta=True),
    _row("/communications/adhocCalls/getAllRecordings", "callRecording", "C", _AD_HOC_RECORDING, beta=True),
    _row("/communications/adhocCalls/{call-id}/recordings", "callRecording", "C", _AD_HOC_RECORDING, _AD_HOC_RECORDING, beta=True),
    _row("/users/{user-id}/adhocCalls/getAllRecordings", "callRecording", "C", _AD_HOC_RECORDING, _AD_HOC_RECORDING, beta=True),
    # Source: https://learn.microsoft.com/graph/changenotifications-for-callrecords, ...-for-onlinemeeting, ...-for-presence
    _row("/communications/callRecords", "callRecord", "CU", "CallRecords.Read.All", options="filter", **_NO_DATA_4230_MINUTES),
    _row("/communications/onlineMeetings(joinWebUrl={url})/meetingCallEvents", "callEvent", "U", _MEETING, fetchable=False, beta=True),
    _row("/communications/calls/getEmergencyEventsByPolicy(policyName={name})", "emergencyCallEvent", "U", "CallEvents-Emergency.Read.All", **_EMERGENCY),
    # Graph allows one subscription per app and signed-in user: use the second path for several people.
    _row("/communications/presences/{user-id}", "presence", "U", "", "Presence.Read.All", max_lifetime=timedelta(hours=1)),
    _row("/communications/presences", "presence", "U", "", "Presence.Read.All", "", "filter", max_filtered=650, max_lifetime=timedelta(hours=1)),
    # Graph does not document the change types of approvals and shifts, so all are allowed here.
    # Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions#permissions
    _row("/solutions/approval/approvalItems", "approvalItem", "CUD", "ApprovalSolution.ReadWrite.All", **_NO_DATA_30_DAYS),
    _row("/teams/{team-id}/schedule/offerShiftRequests", "offerShiftRequest", "CUD", _SCHEDULE, _SCHEDULE, **_NO_DATA_6_HOURS),
    _row("/teams/{team-id}/schedule/openShiftChangeRequests", "openShiftChangeRequest", "CUD", _SCHEDULE, _SCHEDULE, **_NO_DATA_6_HOURS),
    _row("/teams/{team-id}/schedule/shifts", "shift", "CUD", _SCHEDULE, _SCHEDULE, **_NO_DATA_6_HOURS),
    _row("/teams/{team-id}/schedule/swapShiftsChangeRequests", "swapShiftsChangeRequest", "CUD", _SCHEDULE, _SCHEDULE, **_NO_DATA_6_HOURS),
    _row("/teams/{team-id}/schedule/timeOffRequests", "timeOffRequest", "CUD", _SCHEDULE, _SCHEDULE, **_NO_DATA_6_HOURS),
    # Source: https://learn.microsoft.com/graph/changenotifications-for-virtualevent
    _row("/solutions/virtualEvents/events", "virtualEvent", "C", _EVENT, **_NO_DATA_1_DAY),
    _row("/solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds={ids})", "virtualEvent", "C", _EVENT, **_NO_DATA_1_DAY),
    _row("/solutions/virtualEvents/webinars/{webinar-id}", "virtualEvent", "U", _EVENT, _EVENT_USER, **_NO_DATA_1_DAY),
    _row("/solutions/virtualEvents/webinars/{webinar-id}/sessions", "virtualEventSession", "CU", _EVENT, _EVENT_USER, **_NO_DATA_1_DAY),
    _row("/solutions/virtualEvents/webinars/{webinar-id}/registrations", "virtualEventRegistration", "CU", _EVENT, _EVENT_USER, **_NO_DATA_1_DAY),
    # The spelling of an older edition of the article.
    _row("/solutions/virtualEvents/webinars/{webinar-id}/registration/registrants", "virtualEventRegistration", "CU", _EVENT, _EVENT_USER, **_NO_DATA_1_DAY),
    _row("/solutions/virtualEvents/townhalls/{townhall-id}", "virtualEvent", "U", _EVENT, _EVENT_USER, **_NO_DATA_1_DAY),
    _row("/solutions/virtualEvents/townhalls/{townhall-id}/sessions", "virtualEventSession", "CU", _EVENT, _EVENT_USER, **_NO_DATA_1_DAY),
    # Source: https://learn.microsoft.com/graph/aiinteraction-changenotifications-overview
    _row("/copilot/interactionHistory/getAllEnterpriseInteractions", "aiInteraction", "CUD", _COPILOT, options="filter", fetchable=False),
    _row("/copilot/users/{user-id}/interactionHistory/getAllEnterpriseInteractions", "aiInteraction", "CUD", _COPILOT, _COPILOT_USER, _COPILOT_RSC, "filter", fetchable=False),
)
# fmt: on
