"""What does a change to each other type of the catalogue look like? One row a type, with sample content.

Texts are filled in with the names in braces: those of ``NAMES``, what a caller gives, and ``tenant``, ``user``,
``guid`` (a fresh one), ``number`` (epoch milliseconds), ``now``, and ``id`` (made by the row's own ``id``).

Sources: https://learn.microsoft.com/en-us/graph/teams-changenotifications-callrecording-and-calltranscript,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-appinstallation,
https://learn.microsoft.com/en-us/graph/changenotifications-for-virtualevent, …-callrecords, …-onlinemeeting,
…-emergencycalls and …-presence, https://learn.microsoft.com/en-us/graph/aiinteraction-changenotifications-overview
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sandbox.teams.values import ChangeType, Entity

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "appClass": "IPM.SkypeTeams.Message.Copilot.Teams",
        "app": "95eae4f6-3fcc-429b-9a30-daf93f8f0bb4",
        "call": "1c9ddbc9-82be-46b6-8edd-bf833fe33a03",
        "joinWebUrl": "https://teams.microsoft.com/l/meetup-join/19%3ameeting_ZmYw%40thread.v2/0?context=%7b%22t%22%7d",
        "meeting": "MSo5NzZmNGIzMS1mZDAxLTRlMGItOTE3OC0yOWNjNDBjMTQ0Mzg=",
        "policy": "EmergencyPolicy",
        "scope": "personal",
        "team": "3b2b2c2e-8a40-4fd2-a6a0-d9b1e5a5b4c1",
        "townhall": "f0b5a3d1-7c4e-4f0e-9d52-0f3b6a1f2d77@f9448ec4-804b-46af-b810-62085248da33",
        "webinar": "88b245ac-b0b2-f1aa-e34a-c81c27abdac2@f9448ec4-804b-46af-b810-62085248da33",
    }
)
_CREATED: tuple[ChangeType, ...] = ("created",)
_UPDATED: tuple[ChangeType, ...] = ("updated",)
_CREATED_UPDATED = _CREATED + _UPDATED
_ALL: tuple[ChangeType, ...] = ("created", "updated", "deleted")
_ORGANIZATION: Mapping[str, str] = MappingProxyType({"organizationId": "{tenant}"})
_PERSON: Entity = {"user": {"userIdentityType": "aadUser", "id": "{user}", "displayName": None, "tenantId": "{tenant}"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleItem:
    """One row: where an item is, which changes there are to it, and what its notifications say."""

    path: str
    odata_type: str
    change_types: tuple[ChangeType, ...]
    content: Entity = field(repr=False)
    id: str = "{guid}"
    """One with "##" in it is in Base64."""
    resource: str | None = None
    """As notifications spell the path, where that is not the path itself."""
    created_in: str | None = None
    """The resource of a creation, where that is the collection."""
    odata_id: str | None = None
    resource_id: str | None = None
    extras: Mapping[str, str] = field(default_factory=dict)


def _media(type_name: str, path: str, *, resource: str, id_: str, odata_id: str | None = None) -> SampleItem:
    return SampleItem(
        path=path,
        odata_type=f"#Microsoft.Graph.{type_name}",
        change_types=_CREATED,
        resource=resource,
        odata_id=odata_id,
        id=id_,
        content={"id": "{id}", "callId": "{call}", "createdDateTime": "{now}", "meetingOrganizer": _PERSON},
    )


def _ad_hoc(type_name: str, collection: str, resource: str) -> SampleItem:
    return _media(
        type_name,
        f"users/{{user}}/adhocCalls/{{call}}/{collection}/{{id}}",
        resource=resource,
        odata_id=f"users/{{user}}/adhoccalls/{{call}}/{collection}('{{id}}')",
        id_=f"3##{{call}}-{{number}}-{type_name}##0",
    )


_MEETING = "users/{user}/onlineMeetings"
_CALL_EVENTS = "communications/onlineMeetings(joinWebUrl='{quotedJoinWebUrl}')/meetingCallEvents"
_EMERGENCY_CALLS = "communications/calls/getEmergencyEventsByPolicy(policyName='{policy}')"
_CALLS = {
    "transcript": _media(
        "callTranscript",
        f"{_MEETING}/{{meeting}}/transcripts/{{id}}",
        resource=f"{_MEETING}('{{meeting}}')/transcripts('{{id}}')",
        id_="1##0##{guid}",
    ),
    "recording": _media(
        "callRecording",
        f"{_MEETING}/{{meeting}}/recordings/{{id}}",
        resource=f"{_MEETING}('{{meeting}}')/recordings('{{id}}')",
        id_="V2##1{user}##{guid}",
    ),
    # Quoted, unquoted, in both cases, and with a segment doubled: the article's four samples.
    **{
        f"adHocTranscript{number}": _ad_hoc("callTranscript", "transcripts", resource)
        for number, resource in (
            (1, "users/{user}/adhoccalls/{call}/transcripts('{id}')"),
            (2, "users/{user}/adhocCalls/{call}/transcripts/{id}"),
        )
    },
    **{
        f"adHocRecording{number}": _ad_hoc("callRecording", "recordings", resource)
        for number, resource in (
            (1, "users/{user}/adhoccalls('{call}')/recordings('{id}')"),
            (2, "users/{user}/adhoccalls/adhocCalls/{call}/recordings('{id}')"),
        )
    },
    "callRecord": SampleItem(
        path="communications/callRecords/{id}",
        # In lower case, as in the article's sample; the schema has a capital letter.
        odata_type="#Microsoft.Graph.callrecord",
        change_types=_CREATED_UPDATED,
        content={"id": "{id}", "version": 1, "type": "groupCall", "lastModifiedDateTime": "{now}"},
    ),
    "callEvent": SampleItem(
        path="communications/onlineMeetings/{joinWebUrl}/meetingCallEvents/{id}",
        odata_type="#microsoft.graph.callevent",
        change_types=_UPDATED,
        resource=_CALL_EVENTS,
        extras=_ORGANIZATION,
        content={"@odata.id": _CALL_EVENTS, "id": "{id}", "eventType": "callStarted", "eventDateTime": "{now}"},
    ),
    "emergencyCallEvent": SampleItem(
        path="communications/calls/getEmergencyEventsByPolicy/{policy}/{id}",
        odata_type="#microsoft.graph.emergencyCallEvent",
        change_types=_UPDATED,
        resource=_EMERGENCY_CALLS,
        extras=_ORGANIZATION,
        content={
            "@odata.id": _EMERGENCY_CALLS,
            "id": "{id}",
            "emergencyCallEvent": {"policyName": "{policy}", "eventDateTime": "{now}", "emergencyNumberDialed": "112"},
        },
    ),
    "presence": SampleItem(
        path="communications/presences/{user}",
        odata_type="#Microsoft.Graph.presence",
        change_types=_UPDATED,
        odata_id="users/{user}/presence",
        id="{user}",
        extras=_ORGANIZATION,
        content={"id": "{id}", "availability": "Available", "activity": "Available"},
    ),
}

# Neither Shifts nor approvals have an article: the form of these notifications is that of the others.
_WORK = {
    name: SampleItem(
        path=f"teams/{{team}}/schedule/{name}s/{{id}}",
        odata_type=f"#Microsoft.Graph.{name}",
        change_types=_ALL,
        resource=f"teams('{{team}}')/schedule/{name}s('{{id}}')",
        id=f"{prefix}_{{guid}}",
        content={"id": "{id}", "createdDateTime": "{now}", "lastModifiedDateTime": "{now}"},
    )
    for name, prefix in (
        ("offerShiftRequest", "SREQ"),
        ("openShiftChangeRequest", "SREQ"),
        ("shift", "SHFT"),
        ("swapShiftsChangeRequest", "SREQ"),
        ("timeOffRequest", "SREQ"),
    )
} | {
    "approvalItem": SampleItem(
        path="solutions/approval/approvalItems/{id}",
        odata_type="#Microsoft.Graph.approvalItem",
        change_types=_ALL,
        resource="solutions/approval/approvalItems('{id}')",
        content={"id": "{id}", "displayName": "Travel", "state": "pending", "createdDateTime": "{now}"},
    )
}


def _event(name: str) -> SampleItem:
    path = f"solutions/virtualEvents/{name}s/{{id}}"
    return SampleItem(
        path=path,
        odata_type="#microsoft.graph.virtualEvent",
        change_types=_CREATED_UPDATED,
        resource=f"{path}/",
        created_in="solutions/virtualEvents/events/",
        odata_id=f"{path}/",
        resource_id=f"{path}/",
        id=f"{{{name}}}",
        content={"id": "{id}", "status": "published", "displayName": "Launch", "createdBy": _PERSON},
    )


def _part_of_event(collection: str, type_name: str) -> SampleItem:
    path = f"solutions/virtualEvents/{collection}/{{id}}"
    return SampleItem(
        path=path,
        odata_type=f"#microsoft.graph.{type_name}",
        change_types=_CREATED_UPDATED,
        resource=path.rpartition("/")[0],
        odata_id=path,
        resource_id=path,
        content={"id": "{id}"},
    )


_EVENTS = {
    "webinar": _event("webinar"),
    "townhall": _event("townhall"),
    "webinarSession": _part_of_event("webinars/{webinar}/sessions", "virtualEventSession"),
    "townhallSession": _part_of_event("townhalls/{townhall}/sessions", "virtualEventSession"),
    "registration": _part_of_event("webinars/{webinar}/registrations", "virtualEventRegistration"),
}

_APPS = {
    "teamsAppInstallation": SampleItem(
        path="appCatalogs/teamsApps/{app}/installations/{id}",
        odata_type="#Microsoft.Graph.teamsAppInstallation",
        change_types=_ALL,
        resource="appCatalogs/teamsApps('{app}')/installations('{id}')",
        id="{guid}##{app}",
        content={"id": "{id}", "teamsApp": {"id": "{app}"}, "scopeInfo": {"scope": "{scope}"}},
    ),
    "aiInteraction": SampleItem(
        path="copilot/interactionHistory/interactions/{id}",
        odata_type="#Microsoft.Graph.aiInteraction",
        change_types=_ALL,
        resource="copilot/interactionHistory/interactions('{id}')",
        id="{number}",
        content={
            "id": "{id}",
            "appClass": "{appClass}",
            "interactionType": "aiResponse",
            "etag": "{number}",
            "body": {"contentType": "text", "content": "Here is the summary."},
        },
    ),
}

SAMPLE_ITEMS: Mapping[str, SampleItem] = MappingProxyType(_CALLS | _WORK | _EVENTS | _APPS)
