"""The paths that the overview article does not list: apps, recordings and transcripts, calls, Shifts, Copilot.

Source: as in ``shared.catalogue``, and the article of each resource, named at its rows.
"""

from dataclasses import replace
from datetime import timedelta

from shared.catalogue import ARTICLES, Resource, may, row

_RECORDING, _TRANSCRIPT = "OnlineMeetingRecording.Read.All", "OnlineMeetingTranscript.Read.All"
_OWN_CONSENT = "useResourceSpecificConsentBasedAuthorization"
_INSTALLED = "/appCatalogs/teamsApps/{app-id}/installedToChats"
_CHAT_WHERE_INSTALLED = "Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled"
_CHANNEL_MEMBER = "ChannelMember.Read.All ChannelMember.ReadWrite.All"
_SCHEDULE = "Schedule.Read.All Schedule.ReadWrite.All"


def _basic(resource: Resource, lifetime: timedelta) -> Resource:
    return replace(resource, resource_data=False, max_lifetime=lifetime)


def _unfetchable(resource: Resource) -> Resource:
    return replace(resource, fetchable=False)


def _beta(resource: Resource) -> Resource:
    return replace(resource, beta=True)


# Source: https://learn.microsoft.com/graph/teams-changenotifications-chat and ...-chatmessage, -chatmembership
_CHATS = (
    row(
        "/users/{user-id}/chats",
        "chat",
        "CU",
        may("Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All", "Chat.ReadBasic Chat.Read Chat.ReadWrite"),
    ),
    row(_INSTALLED, "chat", "CU", may(f"Chat.ReadBasic.WhereInstalled {_CHAT_WHERE_INSTALLED}")),
    row(f"{_INSTALLED}/getAllMessages", "chatMessage", "CUD", may(_CHAT_WHERE_INSTALLED)),
    row(
        f"{_INSTALLED}/getAllMembers",
        "conversationMember",
        "CU",
        may(
            "ChatMember.Read.WhereInstalled ChatMember.ReadWrite.WhereInstalled "
            f"Chat.ReadBasic.WhereInstalled {_CHAT_WHERE_INSTALLED}"
        ),
    ),
)

# Source: https://learn.microsoft.com/graph/teams-changenotifications-teammembership and ...-channelmembership
_MEMBERS = (
    row("/teams/getAllMembers", "conversationMember", "CUD", may("TeamMember.Read.All TeamMember.ReadWrite.All")),
    _beta(row("/teams/getAllChannels/getAllMembers", "conversationMember", "CUD", may(_CHANNEL_MEMBER))),
    _beta(
        row(
            "/teams/{team-id}/channels/{channel-id}/sharedWithTeams",
            "sharedWithChannelTeamInfo",
            "CD",
            may(_CHANNEL_MEMBER, _CHANNEL_MEMBER),
        )
    ),
)

# Only the first covers all scopes; the others go with a filter on theirs.
_INSTALLATION = " ".join(
    (
        "TeamsAppInstallation.Read.All",
        *(
            f"TeamsAppInstallation.{right}For{scope}.All"
            for right in ("Read", "ReadWriteSelf", "ReadWrite", "ReadWriteAndConsentSelf", "ReadWriteAndConsent")
            for scope in ("User", "Team", "Chat")
        ),
    )
)

# Source: https://learn.microsoft.com/graph/teams-changenotifications-appinstallation
_APPS = (
    row(
        "/appCatalogs/teamsApps/{app-id}/installations",
        "teamsAppInstallation",
        "CUD",
        may(
            _INSTALLATION,
            "",
            "TeamsAppInstallation.Read.User TeamsAppInstallation.Read.Group TeamsAppInstallation.Read.Chat",
        ),
        f"filter {_OWN_CONSENT}",
    ),
)


def _artifacts(kind: str, last: str, every: str, permission: str) -> tuple[Resource, ...]:
    """Return the rows of recordings or transcripts, of which only the creation is told.

    Source: https://learn.microsoft.com/graph/teams-changenotifications-callrecording-and-calltranscript
    """
    chat = permission.replace(".All", ".Chat")
    ad_hoc = "CallRecordings.Read.All" if kind == "callRecording" else "CallTranscripts.Read.All"
    # Of one ad hoc call's transcripts an application cannot be told.
    ad_hoc_one = ad_hoc if kind == "callRecording" else ""
    meeting = "/communications/onlineMeetings/{meeting-id}"
    installed = "/appCatalogs/teamsApps/{app-id}/installedToOnlineMeetings"
    return (
        row(f"/communications/onlineMeetings/{every}", kind, "C", may(permission)),
        row(f"{meeting}/{last}", kind, "C", may(permission, permission, chat), _OWN_CONSENT),
        row(f"/users/{{user-id}}/onlineMeetings/{every}", kind, "C", may(permission, permission)),
        _beta(row(f"{installed}/{every}", kind, "C", may(permission, "", chat), _OWN_CONSENT)),
        _beta(row(f"/communications/adhocCalls/{every}", kind, "C", may(ad_hoc))),
        _beta(row(f"/communications/adhocCalls/{{call-id}}/{last}", kind, "C", may(ad_hoc_one, ad_hoc))),
        _beta(row(f"/users/{{user-id}}/adhocCalls/{every}", kind, "C", may(ad_hoc, ad_hoc))),
    )


# Source: https://learn.microsoft.com/graph/changenotifications-for-callrecords, ...-for-onlinemeeting, ...-for-presence
_CALLS = (
    _basic(
        row("/communications/callRecords", "callRecord", "CU", may("CallRecords.Read.All"), "filter"),
        timedelta(minutes=4230),
    ),
    _unfetchable(
        _beta(
            row(
                "/communications/onlineMeetings(joinWebUrl={url})/meetingCallEvents",
                "callEvent",
                "U",
                may("OnlineMeetings.Read.All OnlineMeetings.ReadWrite.All"),
            )
        )
    ),
    replace(
        row(
            "/communications/calls/getEmergencyEventsByPolicy(policyName={name})",
            "emergencyCallEvent",
            "U",
            may("CallEvents-Emergency.Read.All"),
        ),
        resource_data_only=True,
        fetchable=False,
        max_lifetime=timedelta(days=1),
    ),
    # One subscription for each app and signed-in user: several people need the second path.
    replace(
        row("/communications/presences/{user-id}", "presence", "U", may("", "Presence.Read.All")),
        max_lifetime=timedelta(minutes=60),
    ),
    replace(
        row("/communications/presences", "presence", "U", may("", "Presence.Read.All"), "filter"),
        max_lifetime=timedelta(minutes=60),
        max_filtered=650,
    ),
)

# Shifts and approvals: which changes are told is not documented, so all are let through to Graph.
# Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions#permissions
_WORK = (
    _basic(
        row("/solutions/approval/approvalItems", "approvalItem", "CUD", may("ApprovalSolution.ReadWrite.All")),
        timedelta(minutes=43200),
    ),
    *(
        _basic(
            row(f"/teams/{{team-id}}/schedule/{name}s", name, "CUD", may(_SCHEDULE, _SCHEDULE)), timedelta(minutes=360)
        )
        for name in (
            "offerShiftRequest",
            "openShiftChangeRequest",
            "shift",
            "swapShiftsChangeRequest",
            "timeOffRequest",
        )
    ),
)

# Source: https://learn.microsoft.com/graph/changenotifications-for-virtualevent
_EVENTS = tuple(
    _basic(
        row(
            f"/solutions/virtualEvents/{path}",
            f"virtualEvent{part}",
            changes,
            may("VirtualEvent.Read.All", "" if path.startswith("events") else "VirtualEvent.Read"),
        ),
        timedelta(days=1),
    )
    for path, part, changes in (
        ("events", "", "C"),
        ("events/getEventsFromOrganizers(organizerIds={ids})", "", "C"),
        ("webinars/{webinar-id}", "", "U"),
        ("webinars/{webinar-id}/sessions", "Session", "CU"),
        ("webinars/{webinar-id}/registrations", "Registration", "CU"),
        # As an older edition of the article spells it.
        ("webinars/{webinar-id}/registration/registrants", "Registration", "CU"),
        ("townhalls/{townhall-id}", "", "U"),
        ("townhalls/{townhall-id}/sessions", "Session", "CU"),
    )
)

# Source: https://learn.microsoft.com/graph/aiinteraction-changenotifications-overview
_COPILOT = tuple(
    _unfetchable(
        row(f"/copilot/{path}interactionHistory/getAllEnterpriseInteractions", "aiInteraction", "CUD", needed, "filter")
    )
    for path, needed in (
        ("", may("AiEnterpriseInteraction.Read.All")),
        (
            "users/{user-id}/",
            may(
                "AiEnterpriseInteraction.Read.All", "AiEnterpriseInteraction.Read", "AiEnterpriseInteraction.Read.User"
            ),
        ),
    )
)

CATALOGUE: tuple[Resource, ...] = (
    *ARTICLES,
    *_CHATS,
    *_MEMBERS,
    *_APPS,
    *_artifacts("callTranscript", "transcripts", "getAllTranscripts", _TRANSCRIPT),
    *_artifacts("callRecording", "recordings", "getAllRecordings", _RECORDING),
    *_CALLS,
    *_WORK,
    *_EVENTS,
    *_COPILOT,
)
