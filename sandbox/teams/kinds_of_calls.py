"""Recordings and transcripts, records and events of calls.

Sources: https://learn.microsoft.com/en-us/graph/teams-changenotifications-callrecording-and-calltranscript,
https://learn.microsoft.com/en-us/graph/changenotifications-for-callrecords, …-onlinemeeting and …-emergencycalls
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from sandbox.teams.kind import Kind, identities
from sandbox.teams.values import Entity

_ORGANIZATION: Mapping[str, str] = MappingProxyType({"organizationId": "{tenant}"})

_ARTIFACT: Entity = {
    "id": "{id}",
    "meetingId": "{meeting}",
    "callId": "{call}",
    "endDateTime": "{now}",
    "contentCorrelationId": "{guid}-0",
    "meetingOrganizer": identities("{user}"),
}
_MEETING = "users/{user}/onlineMeetings('{meeting}')"
_TRANSCRIPT = Kind(
    path="users/{user}/onlineMeetings/{meeting}/transcripts/{id}",
    odata_type="#Microsoft.Graph.callTranscript",
    resources=(f"{_MEETING}/transcripts('{{id}}')",),
    id="1##0##{guid}",
    body=_ARTIFACT
    | {
        "createdDateTime": None,
        "transcriptContentUrl": "users/{user}/onlineMeetings/{meeting}/transcripts/{id}/content",
    },
)
_RECORDING = Kind(
    path="users/{user}/onlineMeetings/{meeting}/recordings/{id}",
    odata_type="#Microsoft.Graph.callRecording",
    resources=(f"{_MEETING}/recordings('{{id}}')",),
    id="V2##1{user}{tenant}##{guid}",
    body=_ARTIFACT
    | {
        "createdDateTime": "{now}",
        "recordingContentUrl": "users/{user}/{meeting}/recordings/{id}/content",
        "content": None,
    },
)
# Quoted, unquoted, in both cases, and with a segment doubled: the article's four samples.
_AD_HOC_TRANSCRIPT = replace(
    _TRANSCRIPT,
    path="users/{user}/adhocCalls/{call}/transcripts/{id}",
    resources=(
        "users/{user}/adhoccalls/{call}/transcripts('{id}')",
        "users/{user}/adhocCalls/{call}/transcripts/{id}",
    ),
    odata_id="users/{user}/adhoccalls/{call}/transcripts('{id}')",
    id="3##{call}-{number}-TranscriptV2##0",
    body=_TRANSCRIPT.body
    | {"meetingId": None, "transcriptContentUrl": "users/{user}/adhoccalls/{call}/transcripts/{id}/content"},
)
_AD_HOC_RECORDING = replace(
    _RECORDING,
    path="users/{user}/adhocCalls/{call}/recordings/{id}",
    resources=(
        "users/{user}/adhoccalls('{call}')/recordings('{id}')",
        "users/{user}/adhoccalls/adhocCalls/{call}/recordings('{id}')",
    ),
    odata_id="users/{user}/adhoccalls/{call}/recordings('{id}')",
    id="V3##{call}-{number}-Recording##0",
    body=_RECORDING.body
    | {"meetingId": None, "recordingContentUrl": "users/{user}/adhoccalls/{call}/recordings/{id}/content"},
)

_CALL_EVENTS = "communications/onlineMeetings(joinWebUrl='{quotedJoinWebUrl}')/meetingCallEvents"
_EMERGENCY_CALLS = "communications/calls/getEmergencyEventsByPolicy(policyName='{policy}')"
CALLS: Mapping[str, Kind] = {
    "callTranscript": _TRANSCRIPT,
    "callRecording": _RECORDING,
    "adHocTranscript": _AD_HOC_TRANSCRIPT,
    "adHocRecording": _AD_HOC_RECORDING,
    "callRecord": Kind(
        path="communications/callRecords/{id}",
        # In lower case, as in the article's sample; the schema has a capital letter.
        odata_type="#Microsoft.Graph.callrecord",
        resources=("communications/callRecords/{id}",),
        body={
            "id": "{id}",
            "version": 1,
            "type": "groupCall",
            "modalities": ["audio", "video"],
            "lastModifiedDateTime": "{now}",
            "startDateTime": "{now}",
            "endDateTime": "{now}",
            "organizer": identities("{user}"),
            "joinWebUrl": None,
        },
    ),
    "callEvent": Kind(
        path="communications/onlineMeetings/{joinWebUrl}/meetingCallEvents/{id}",
        odata_type="#microsoft.graph.callevent",
        resources=(_CALL_EVENTS,),
        extras=_ORGANIZATION,
        body={
            "@odata.type": "#microsoft.graph.callevent",
            "@odata.id": _CALL_EVENTS,
            "id": "{id}",
            "eventType": "{eventType}",
            "eventDateTime": "{now}",
        },
    ),
    "emergencyCallEvent": Kind(
        path="communications/calls/getEmergencyEventsByPolicy/{policy}/{id}",
        odata_type="#microsoft.graph.emergencyCallEvent",
        resources=(_EMERGENCY_CALLS,),
        extras=_ORGANIZATION,
        body={
            "@odata.id": _EMERGENCY_CALLS,
            "@odata.type": "#microsoft.graph.emergencyCallEvent",
            "id": "{id}",
            "emergencyCallEvent": {
                "id": "{id}",
                "callEventType": "callStarted",
                "policyName": "{policy}",
                "eventDateTime": "{now}",
                "emergencyNumberDialed": "112",
                "callerInfo": {"displayName": "{user}", "tenantId": "{tenant}", "location": None},
            },
        },
    ),
}
