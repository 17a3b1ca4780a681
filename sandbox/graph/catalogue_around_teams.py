"""What else can be subscribed to around Teams? Media, calls, Shifts, approvals, events, apps, Copilot and presence.

Sources: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions,
https://learn.microsoft.com/en-us/graph/change-notifications-overview#supported-resources,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-callrecording-and-calltranscript,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-appinstallation,
https://learn.microsoft.com/en-us/graph/changenotifications-for-virtualevent, …-for-presence
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from sandbox.graph.resource_type import ResourceType

_CREATED = frozenset({"created"})
_UPDATED = frozenset({"updated"})
_CREATED_UPDATED = _CREATED | _UPDATED
_ALL = _CREATED_UPDATED | {"deleted"}
_FILTER = frozenset({"filter"})
_CONSENT = frozenset({"useResourceSpecificConsentBasedAuthorization"})
_DAY = timedelta(days=1)


def _of_meetings(entity: str, part: str, permission: str) -> Iterator[ResourceType]:
    every, both = f"getAll{part.capitalize()}", (permission.replace(".All", ".Chat"), permission)
    row = partial(
        ResourceType,
        entity=entity,
        change_types=_CREATED,
        covers=(f"users/{{user}}/onlineMeetings/{{meeting}}/{part}/{{{entity}}}",),
    )
    yield row(template=f"communications/onlineMeetings/{every}", permissions=(permission,))
    one = partial(row, per_app=1)
    yield one(
        template=f"communications/onlineMeetings/{{meeting}}/{part}",
        permissions=both,
        delegated=(permission,),
        options=_CONSENT,
    )
    yield one(
        template=f"users/{{user}}/onlineMeetings/{every}",
        permissions=(permission,),
        delegated=(permission,),
    )
    yield one(
        template=f"appCatalogs/teamsApps/{{app}}/installedToOnlineMeetings/{every}",
        permissions=both,
        options=_CONSENT,
        beta_only=True,
    )


def _of_ad_hoc_calls(
    entity: str, part: str, permission: str, *, of_one_call: tuple[str, ...]
) -> Iterator[ResourceType]:
    every = f"getAll{part.capitalize()}"
    row = partial(
        ResourceType,
        entity=entity,
        change_types=_CREATED,
        covers=(f"users/{{user}}/adhocCalls/{{call}}/{part}/{{{entity}}}",),
        beta_only=True,
    )
    yield row(template=f"communications/adhocCalls/{every}", permissions=(permission,))
    one = partial(row, delegated=(permission,), per_app=1)
    yield one(template=f"communications/adhocCalls/{{call}}/{part}", permissions=of_one_call)
    yield one(template=f"users/{{user}}/adhocCalls/{every}", permissions=(permission,))


_RECORDINGS = "CallRecordings.Read.All"
_MEDIA = (
    *_of_meetings("callTranscript", "transcripts", "OnlineMeetingTranscript.Read.All"),
    *_of_meetings("callRecording", "recordings", "OnlineMeetingRecording.Read.All"),
    # Applications cannot subscribe to the transcripts of a single ad hoc call.
    *_of_ad_hoc_calls("callTranscript", "transcripts", "CallTranscripts.Read.All", of_one_call=()),
    *_of_ad_hoc_calls("callRecording", "recordings", _RECORDINGS, of_one_call=(_RECORDINGS,)),
)

_EMERGENCY = "communications/calls/getEmergencyEventsByPolicy/{policy}"
_MEETING_CALL_EVENTS = "communications/onlineMeetings/{joinWebUrl}/meetingCallEvents"
_CALLS = (
    ResourceType(
        template="communications/callRecords",
        entity="callRecord",
        covers=("communications/callRecords/{callRecord}",),
        change_types=_CREATED_UPDATED,
        permissions=("CallRecords.Read.All",),
        rich=False,
        max_lifetime=timedelta(minutes=4230),
        options=_FILTER,
        per_path=100,
    ),
    ResourceType(
        template=_MEETING_CALL_EVENTS,
        entity="callEvent",
        covers=(f"{_MEETING_CALL_EVENTS}/{{callEvent}}",),
        change_types=_UPDATED,
        permissions=("OnlineMeetings.Read.All", "OnlineMeetings.ReadWrite.All"),
        beta_only=True,
        per_app=1,
    ),
    ResourceType(
        template=_EMERGENCY,
        entity="emergencyCallEvent",
        covers=(f"{_EMERGENCY}/{{callEvent}}",),
        change_types=_UPDATED,
        permissions=("CallEvents-Emergency.Read.All",),
        rich_only=True,
        max_lifetime=_DAY,
        per_app=1,
    ),
)

_SCHEDULE = ("Schedule.Read.All", "Schedule.ReadWrite.All")
# Microsoft documents no change types for approvals and Shifts, so none is refused.
_WORK = (
    *(
        ResourceType(
            template=f"teams/{{team}}/schedule/{entity}s",
            entity=entity,
            covers=(f"teams/{{team}}/schedule/{entity}s/{{{entity}}}",),
            change_types=_ALL,
            permissions=_SCHEDULE,
            delegated=_SCHEDULE,
            rich=False,
            max_lifetime=timedelta(minutes=360),
            per_app=1,
        )
        for entity in (
            "offerShiftRequest",
            "openShiftChangeRequest",
            "shift",
            "swapShiftsChangeRequest",
            "timeOffRequest",
        )
    ),
    ResourceType(
        template="solutions/approval/approvalItems",
        entity="approvalItem",
        covers=("solutions/approval/approvalItems/{approvalItem}",),
        change_types=_ALL,
        permissions=("ApprovalSolution.ReadWrite.All",),
        rich=False,
        max_lifetime=timedelta(minutes=43_200),
        per_app=1,
        per_path=1000,
    ),
)

_EVENTS = "solutions/virtualEvents"
_ANY_EVENT = (f"{_EVENTS}/webinars/{{webinar}}", f"{_EVENTS}/townhalls/{{townhall}}")
_events = partial(ResourceType, permissions=("VirtualEvent.Read.All",), rich=False, max_lifetime=_DAY, per_app=1)
_VIRTUAL_EVENTS = (
    *(
        _events(
            template=f"{_EVENTS}/events{organizers}", entity="virtualEvent", change_types=_CREATED, covers=_ANY_EVENT
        )
        for organizers in ("", "/getEventsFromOrganizers/{*organizers}")
    ),
    *(
        _events(
            template=event,
            entity="virtualEvent",
            change_types=_UPDATED,
            covers=(event,),
            delegated=("VirtualEvent.Read",),
        )
        for event in _ANY_EVENT
    ),
    *(
        _events(
            template=f"{event}/{path}",
            entity=entity,
            change_types=_CREATED_UPDATED,
            covers=(f"{event}/{path.partition('/')[0].removesuffix('s')}s/{{id}}",),
            delegated=("VirtualEvent.Read",),
        )
        for event, path, entity in (
            (_ANY_EVENT[0], "sessions", "virtualEventSession"),
            (_ANY_EVENT[1], "sessions", "virtualEventSession"),
            (_ANY_EVENT[0], "registrations", "virtualEventRegistration"),
            # As an older edition of the article spells it.
            (_ANY_EVENT[0], "registration/registrants", "virtualEventRegistration"),
        )
    ),
)

_PRESENCE = "communications/presences/{user}"
_INTERACTIONS = "interactionHistory/getAllEnterpriseInteractions"
_presence = partial(
    ResourceType,
    entity="presence",
    covers=(_PRESENCE,),
    change_types=_UPDATED,
    delegated=("Presence.Read.All",),
    max_lifetime=timedelta(minutes=60),
    per_user=1,
)
_interactions = partial(
    ResourceType,
    entity="aiInteraction",
    covers=("copilot/interactionHistory/interactions/{interaction}",),
    change_types=_ALL,
    options=_FILTER,
    per_app=1,
)
_APPS_AND_PEOPLE = (
    ResourceType(
        template="appCatalogs/teamsApps/{app}/installations",
        entity="teamsAppInstallation",
        covers=("appCatalogs/teamsApps/{app}/installations/{installation}",),
        change_types=_ALL,
        permissions=(
            "TeamsAppInstallation.Read.All",
            *(
                f"TeamsAppInstallation.{right}For{scope}.All"
                for scope in ("User", "Team", "Chat")
                for right in ("Read", "ReadWriteSelf", "ReadWrite", "ReadWriteAndConsentSelf", "ReadWriteAndConsent")
            ),
            *(f"TeamsAppInstallation.Read.{scope}" for scope in ("User", "Group", "Chat")),
        ),
        options=_FILTER | _CONSENT,
    ),
    _interactions(
        template=f"copilot/users/{{user}}/{_INTERACTIONS}",
        permissions=("AiEnterpriseInteraction.Read.User", "AiEnterpriseInteraction.Read.All"),
        delegated=("AiEnterpriseInteraction.Read",),
        per_path=10,
    ),
    _interactions(template=f"copilot/{_INTERACTIONS}", permissions=("AiEnterpriseInteraction.Read.All",)),
    _presence(template=_PRESENCE),
    _presence(template="communications/presences", options=_FILTER, filter_required=True),
)

AROUND_TEAMS = (*_MEDIA, *_CALLS, *_WORK, *_VIRTUAL_EVENTS, *_APPS_AND_PEOPLE)
