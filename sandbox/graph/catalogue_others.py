"""What else around Teams can be subscribed to; nothing of it changes in the sandbox, so these never report anything.

Sources: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-callrecording-and-calltranscript,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-teamsappinstallation
"""

from datetime import timedelta

from sandbox.graph.resource_type import ALL, CREATED_UPDATED, ResourceType

_CREATED = frozenset({"created"})
_UPDATED = frozenset({"updated"})
_CONSENT = "useResourceSpecificConsentBasedAuthorization"
_INSTALLATION = (
    "TeamsAppInstallation.Read.All",
    *(
        f"TeamsAppInstallation.{right}For{scope}.All"
        for scope in ("User", "Team", "Chat")
        for right in ("Read", "ReadWriteSelf", "ReadWrite", "ReadWriteAndConsentSelf", "ReadWriteAndConsent")
    ),
    *(f"TeamsAppInstallation.Read.{scope}" for scope in ("User", "Group", "Chat")),
)
_TRANSCRIPT = ("OnlineMeetingTranscript.Read.Chat", "OnlineMeetingTranscript.Read.All")
_RECORDING = ("OnlineMeetingRecording.Read.Chat", "OnlineMeetingRecording.Read.All")


def _media(template: str, entity: str, *permissions: str, beta_only: bool = False) -> ResourceType:
    return ResourceType(
        template=template,
        entity=entity,
        change_types=_CREATED,
        permissions=permissions,
        beta_only=beta_only,
        options=frozenset({_CONSENT}),
        per_app=1 if "{" in template else None,
    )


_MEDIA = (
    _media("communications/onlineMeetings/getAllTranscripts", "callTranscript", "OnlineMeetingTranscript.Read.All"),
    _media("communications/onlineMeetings/getAllRecordings", "callRecording", "OnlineMeetingRecording.Read.All"),
    _media("communications/onlineMeetings/{meeting}/transcripts", "callTranscript", *_TRANSCRIPT),
    _media("communications/onlineMeetings/{meeting}/recordings", "callRecording", *_RECORDING),
    _media("users/{user}/onlineMeetings/getAllTranscripts", "callTranscript", "OnlineMeetingTranscript.Read.All"),
    _media("users/{user}/onlineMeetings/getAllRecordings", "callRecording", "OnlineMeetingRecording.Read.All"),
    _media(
        "appCatalogs/teamsApps/{app}/installedToOnlineMeetings/getAllTranscripts",
        "callTranscript",
        *_TRANSCRIPT,
        beta_only=True,
    ),
    _media(
        "appCatalogs/teamsApps/{app}/installedToOnlineMeetings/getAllRecordings",
        "callRecording",
        *_RECORDING,
        beta_only=True,
    ),
    _media("communications/adhocCalls/getAllTranscripts", "callTranscript", "CallTranscripts.Read.All", beta_only=True),
    _media("communications/adhocCalls/getAllRecordings", "callRecording", "CallRecordings.Read.All", beta_only=True),
    _media("communications/adhocCalls/{call}/recordings", "callRecording", "CallRecordings.Read.All", beta_only=True),
    _media("users/{user}/adhocCalls/getAllTranscripts", "callTranscript", "CallTranscripts.Read.All", beta_only=True),
    _media("users/{user}/adhocCalls/getAllRecordings", "callRecording", "CallRecordings.Read.All", beta_only=True),
)

# Microsoft documents no change types for approvals and Shifts, so none is refused.
_SCHEDULES = tuple(
    ResourceType(
        template=f"teams/{{team}}/schedule/{collection}",
        entity=entity,
        change_types=ALL,
        permissions=("Schedule.Read.All", "Schedule.ReadWrite.All"),
        rich=False,
        max_lifetime=timedelta(minutes=360),
        per_app=1,
    )
    for collection, entity in (
        ("offerShiftRequests", "offerShiftRequest"),
        ("openShiftChangeRequests", "openShiftChangeRequest"),
        ("shifts", "shift"),
        ("swapShiftsChangeRequests", "swapShiftsChangeRequest"),
        ("timeOffRequests", "timeOffRequest"),
    )
)

_VIRTUAL_EVENTS = tuple(
    ResourceType(
        template=f"solutions/virtualEvents/{path}",
        entity="virtualEvent",
        change_types=change_types,
        permissions=("VirtualEvent.Read.All",),
        rich=False,
        max_lifetime=timedelta(days=1),
    )
    for path, change_types in (
        ("events", _CREATED),
        ("events/geteventsfromorganizers/{organizers}", _CREATED),
        ("webinars/{webinar}", _UPDATED),
        ("webinars/{webinar}/sessions", CREATED_UPDATED),
        ("webinars/{webinar}/registration/registrants", CREATED_UPDATED),
    )
)

OTHERS = (
    *_MEDIA,
    *_SCHEDULES,
    *_VIRTUAL_EVENTS,
    ResourceType(
        template="appCatalogs/teamsApps/{app}/installations",
        entity="teamsAppInstallation",
        change_types=ALL,
        permissions=_INSTALLATION,
        options=frozenset({"filter", _CONSENT}),
    ),
    ResourceType(
        template="communications/callRecords",
        entity="callRecord",
        change_types=CREATED_UPDATED,
        permissions=("CallRecords.Read.All",),
        rich=False,
        max_lifetime=timedelta(minutes=4230),
        options=frozenset({"filter"}),
        per_path=100,
    ),
    ResourceType(
        template="communications/onlineMeetings/{joinWebUrl}/meetingCallEvents",
        entity="callEvent",
        change_types=_UPDATED,
        permissions=("OnlineMeetings.Read.All", "OnlineMeetings.ReadWrite.All"),
        beta_only=True,
        per_app=1,
    ),
    ResourceType(
        template="communications/calls/getEmergencyEventsByPolicy/{policy}",
        entity="emergencyCallEvent",
        change_types=_UPDATED,
        permissions=("CallEvents-Emergency.Read.All",),
        max_lifetime=timedelta(days=1),
        per_app=1,
    ),
    ResourceType(
        template="solutions/approval/approvalItems",
        entity="approvalItem",
        change_types=ALL,
        permissions=("ApprovalSolution.ReadWrite.All",),
        rich=False,
        max_lifetime=timedelta(minutes=43_200),
        per_app=1,
        per_path=1000,
    ),
    ResourceType(
        template="copilot/users/{user}/interactionHistory/getAllEnterpriseInteractions",
        entity="aiInteraction",
        change_types=ALL,
        permissions=("AiEnterpriseInteraction.Read.User", "AiEnterpriseInteraction.Read.All"),
        options=frozenset({"filter"}),
        per_app=1,
        per_path=10,
    ),
    ResourceType(
        template="copilot/interactionHistory/getAllEnterpriseInteractions",
        entity="aiInteraction",
        change_types=ALL,
        permissions=("AiEnterpriseInteraction.Read.All",),
        options=frozenset({"filter"}),
        per_app=1,
    ),
)
