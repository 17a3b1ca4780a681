"""What an app may subscribe to for a user who has signed in: presence, which is for nobody else, and the rest.

Sources: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions#permissions (the column of
delegated permissions), https://learn.microsoft.com/en-us/graph/changenotifications-for-presence
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from sandbox.graph.resource_type import ResourceType

_PRESENCE = "communications/presences/{user}"
_HOUR = timedelta(minutes=60)

FOR_USERS_ONLY = (
    ResourceType(
        template=_PRESENCE,
        entity="presence",
        change_types=frozenset({"updated"}),
        permissions=(),
        covers=(_PRESENCE,),
        max_lifetime=_HOUR,
    ),
    ResourceType(
        template="communications/presences",
        entity="presence",
        change_types=frozenset({"updated"}),
        permissions=(),
        covers=(_PRESENCE,),
        max_lifetime=_HOUR,
        options=frozenset({"filter"}),
    ),
    ResourceType(
        template="communications/adhocCalls/{call}/transcripts",
        entity="callTranscript",
        change_types=frozenset({"created"}),
        permissions=(),
        covers=("users/{user}/adhocCalls/{call}/transcripts/{callTranscript}",),
        beta_only=True,
        per_app=1,
    ),
)

# Paths that name nobody: the filter does.
FILTER_REQUIRED = frozenset({"communications/presences"})

# Subscriptions that one app may have for one user, whatever their paths.
# Source: https://learn.microsoft.com/en-us/graph/change-notifications-overview#supported-resources
PER_USER: Mapping[str, int] = MappingProxyType({"presence": 1})

_CHAT = ("Chat.ReadBasic", "Chat.Read", "Chat.ReadWrite")
_CHAT_MESSAGE = ("Chat.Read", "Chat.ReadWrite")
_TEAM = ("Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All")
_CHANNEL = ("Channel.ReadBasic.All", "ChannelSettings.Read.All", "ChannelSettings.ReadWrite.All")
_SCHEDULE = ("Schedule.Read.All", "Schedule.ReadWrite.All")
_MEETING = "communications/onlineMeetings/{meeting}"
_AD_HOC = "communications/adhocCalls/{call}"
_EVENT = "solutions/virtualEvents"

# One of these is needed; a path that is not here is for applications only.
DELEGATED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        _PRESENCE: ("Presence.Read.All",),
        "communications/presences": ("Presence.Read.All",),
        "chats/{chat}": _CHAT,
        "chats/{chat}/messages": _CHAT_MESSAGE,
        "chats/{chat}/members": ("ChatMember.Read", "ChatMember.ReadWrite", *_CHAT),
        "users/{user}/chats": _CHAT,
        "users/{user}/chats/getAllMessages": _CHAT_MESSAGE,
        "teams/{team}": _TEAM,
        "teams/{team}/channels": _CHANNEL,
        "teams/{team}/channels/{channel}/messages": (
            "ChannelMessage.Read.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
        ),
        "teams/{team}/members": ("TeamMember.Read.All", "TeamMember.ReadWrite.All"),
        "teams/{team}/channels/{channel}/sharedWithTeams": ("ChannelMember.Read.All", "ChannelMember.ReadWrite.All"),
        f"{_MEETING}/transcripts": ("OnlineMeetingTranscript.Read.All",),
        f"{_MEETING}/recordings": ("OnlineMeetingRecording.Read.All",),
        "users/{user}/onlineMeetings/getAllTranscripts": ("OnlineMeetingTranscript.Read.All",),
        "users/{user}/onlineMeetings/getAllRecordings": ("OnlineMeetingRecording.Read.All",),
        f"{_AD_HOC}/recordings": ("CallRecordings.Read.All",),
        f"{_AD_HOC}/transcripts": ("CallTranscripts.Read.All",),
        "users/{user}/adhocCalls/getAllTranscripts": ("CallTranscripts.Read.All",),
        "users/{user}/adhocCalls/getAllRecordings": ("CallRecordings.Read.All",),
        "copilot/users/{user}/interactionHistory/getAllEnterpriseInteractions": ("AiEnterpriseInteraction.Read",),
        **{
            f"teams/{{team}}/schedule/{name}s": _SCHEDULE
            for name in (
                "offerShiftRequest",
                "openShiftChangeRequest",
                "shift",
                "swapShiftsChangeRequest",
                "timeOffRequest",
            )
        },
        **{
            f"{_EVENT}/{path}": ("VirtualEvent.Read",)
            for path in (
                "webinars/{webinar}",
                "webinars/{webinar}/sessions",
                "webinars/{webinar}/registrations",
                "webinars/{webinar}/registration/registrants",
                "townhalls/{townhall}",
                "townhalls/{townhall}/sessions",
            )
        },
    }
)
