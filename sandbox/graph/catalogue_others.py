"""What else around Teams can be subscribed to: apps, recordings and transcripts, calls, Shifts, events, Copilot.

Sources: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-callrecording-and-calltranscript,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-appinstallation,
https://learn.microsoft.com/en-us/graph/changenotifications-for-virtualevent
"""

from collections.abc import Iterator
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
_INSTALLED = "appCatalogs/teamsApps/{app}/installedToOnlineMeetings"


def _meetings(entity: str, last: str, every: str, both: tuple[str, str]) -> Iterator[ResourceType]:
    for template, permissions, consent, beta_only in (
        (f"communications/onlineMeetings/{every}", both[1:], False, False),
        (f"communications/onlineMeetings/{{meeting}}/{last}", both, True, False),
        (f"users/{{user}}/onlineMeetings/{every}", both[1:], False, False),
        (f"{_INSTALLED}/{every}", both, True, True),
    ):
        yield ResourceType(
            template=template,
            entity=entity,
            change_types=_CREATED,
            permissions=permissions,
            covers=(f"users/{{user}}/onlineMeetings/{{meeting}}/{last}/{{{entity}}}",),
            beta_only=beta_only,
            options=frozenset({_CONSENT}) if consent else frozenset(),
            per_app=1 if "{" in template else None,
        )


def _ad_hoc_calls(entity: str, template: str, permission: str) -> ResourceType:
    return ResourceType(
        template=template,
        entity=entity,
        change_types=_CREATED,
        permissions=(permission,),
        covers=(f"users/{{user}}/adhocCalls/{{call}}/{entity.removeprefix('call').lower()}s/{{{entity}}}",),
        beta_only=True,
        per_app=1 if "{" in template else None,
    )


# Applications cannot subscribe to the transcripts of a single ad hoc call.
_MEDIA = (
    *_meetings("callTranscript", "transcripts", "getAllTranscripts", _TRANSCRIPT),
    *_meetings("callRecording", "recordings", "getAllRecordings", _RECORDING),
    _ad_hoc_calls("callTranscript", "communications/adhocCalls/getAllTranscripts", "CallTranscripts.Read.All"),
    _ad_hoc_calls("callRecording", "communications/adhocCalls/getAllRecordings", "CallRecordings.Read.All"),
    _ad_hoc_calls("callRecording", "communications/adhocCalls/{call}/recordings", "CallRecordings.Read.All"),
    _ad_hoc_calls("callTranscript", "users/{user}/adhocCalls/getAllTranscripts", "CallTranscripts.Read.All"),
    _ad_hoc_calls("callRecording", "users/{user}/adhocCalls/getAllRecordings", "CallRecordings.Read.All"),
)

# Microsoft documents no change types for approvals and Shifts, so none is refused.
_SCHEDULES = tuple(
    ResourceType(
        template=f"teams/{{team}}/schedule/{collection}",
        entity=entity,
        change_types=ALL,
        permissions=("Schedule.Read.All", "Schedule.ReadWrite.All"),
        covers=(f"teams/{{team}}/schedule/{collection}/{{{entity}}}",),
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

_ANY_EVENT = ("webinars/{webinar}", "townhalls/{townhall}")
_REGISTRATIONS = ("webinars/{webinar}/registrations/{registration}",)
_VIRTUAL_EVENTS = tuple(
    ResourceType(
        template=f"solutions/virtualEvents/{path}",
        entity=entity,
        change_types=change_types,
        permissions=("VirtualEvent.Read.All",),
        covers=tuple(f"solutions/virtualEvents/{cover}" for cover in covers),
        rich=False,
        max_lifetime=timedelta(days=1),
        per_app=1,
    )
    for path, entity, change_types, covers in (
        ("events", "virtualEvent", _CREATED, _ANY_EVENT),
        ("events/getEventsFromOrganizers/{*organizers}", "virtualEvent", _CREATED, _ANY_EVENT),
        ("webinars/{webinar}", "virtualEvent", _UPDATED, ("webinars/{webinar}",)),
        ("webinars/{webinar}/sessions", "virtualEventSession", CREATED_UPDATED, ("webinars/{webinar}/sessions/{id}",)),
        ("webinars/{webinar}/registrations", "virtualEventRegistration", CREATED_UPDATED, _REGISTRATIONS),
        # As an older edition of the article spells it.
        ("webinars/{webinar}/registration/registrants", "virtualEventRegistration", CREATED_UPDATED, _REGISTRATIONS),
        ("townhalls/{townhall}", "virtualEvent", _UPDATED, ("townhalls/{townhall}",)),
        (
            "townhalls/{townhall}/sessions",
            "virtualEventSession",
            CREATED_UPDATED,
            ("townhalls/{townhall}/sessions/{id}",),
        ),
    )
)

OTHERS = (
    *_MEDIA,
    *_SCHEDULES,
    *_VIRTUAL_EVENTS,
    ResourceType(
        template="appCatalogs/teamsApps/{app}/installations",
        entity="teamsAppInstallation",
        covers=("appCatalogs/teamsApps/{app}/installations/{installation}",),
        change_types=ALL,
        permissions=_INSTALLATION,
        options=frozenset({"filter", _CONSENT}),
    ),
    ResourceType(
        template="communications/callRecords",
        entity="callRecord",
        covers=("communications/callRecords/{callRecord}",),
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
        covers=("communications/onlineMeetings/{joinWebUrl}/meetingCallEvents/{callEvent}",),
        change_types=_UPDATED,
        permissions=("OnlineMeetings.Read.All", "OnlineMeetings.ReadWrite.All"),
        beta_only=True,
        per_app=1,
    ),
    ResourceType(
        template="communications/calls/getEmergencyEventsByPolicy/{policy}",
        entity="emergencyCallEvent",
        covers=("communications/calls/getEmergencyEventsByPolicy/{policy}/{callEvent}",),
        change_types=_UPDATED,
        permissions=("CallEvents-Emergency.Read.All",),
        rich_only=True,
        max_lifetime=timedelta(days=1),
        per_app=1,
    ),
    ResourceType(
        template="solutions/approval/approvalItems",
        entity="approvalItem",
        covers=("solutions/approval/approvalItems/{approvalItem}",),
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
        covers=("copilot/interactionHistory/interactions/{interaction}",),
        change_types=ALL,
        permissions=("AiEnterpriseInteraction.Read.User", "AiEnterpriseInteraction.Read.All"),
        options=frozenset({"filter"}),
        per_app=1,
        per_path=10,
    ),
    ResourceType(
        template="copilot/interactionHistory/getAllEnterpriseInteractions",
        entity="aiInteraction",
        covers=("copilot/interactionHistory/interactions/{interaction}",),
        change_types=ALL,
        permissions=("AiEnterpriseInteraction.Read.All",),
        options=frozenset({"filter"}),
        per_app=1,
    ),
)
