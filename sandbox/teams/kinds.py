"""The kinds of things around Teams: calls and what is kept of them, Shifts, approvals, virtual events, apps, Copilot.

Sources: https://learn.microsoft.com/en-us/graph/changenotifications-for-virtualevent,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-appinstallation,
https://learn.microsoft.com/en-us/graph/aiinteraction-changenotifications-overview
"""

from collections.abc import Mapping
from types import MappingProxyType

from sandbox.teams.kind import Kind, identities
from sandbox.teams.kinds_of_calls import CALLS
from sandbox.teams.presence import PRESENCE

# Neither Shifts nor approvals have an article: the form of these notifications is that of the others.
_WORK = {
    name: Kind(
        path=f"teams/{{team}}/schedule/{name}s/{{id}}",
        odata_type=f"#Microsoft.Graph.{name}",
        resources=(f"teams('{{team}}')/schedule/{name}s('{{id}}')",),
        id=f"{prefix}_{{guid}}",
        body={"id": "{id}", "createdDateTime": "{now}", "lastModifiedDateTime": "{now}"},
    )
    for name, prefix in (
        ("offerShiftRequest", "SREQ"),
        ("openShiftChangeRequest", "SREQ"),
        ("shift", "SHFT"),
        ("swapShiftsChangeRequest", "SREQ"),
        ("timeOffRequest", "SREQ"),
    )
} | {
    "approvalItem": Kind(
        path="solutions/approval/approvalItems/{id}",
        odata_type="#Microsoft.Graph.approvalItem",
        resources=("solutions/approval/approvalItems('{id}')",),
        body={"id": "{id}", "displayName": "Travel", "state": "pending", "createdDateTime": "{now}"},
    )
}


def _event(collection: str) -> Kind:
    path = f"solutions/virtualEvents/{collection}/{{id}}"
    return Kind(
        path=path,
        odata_type="#microsoft.graph.virtualEvent",
        resources=(f"{path}/",),
        created_as="solutions/virtualEvents/events/",
        odata_id=f"{path}/",
        resource_id=f"{path}/",
        id="{guid}@{tenant}",
        body={"id": "{id}", "status": "published", "displayName": "Launch", "createdBy": identities("{organizer}")},
    )


def _part_of_event(collection: str, odata_type: str) -> Kind:
    path = f"solutions/virtualEvents/{collection}/{{id}}"
    return Kind(
        path=path,
        odata_type=odata_type,
        resources=(path.rpartition("/")[0],),
        odata_id=path,
        resource_id=path,
        body={"id": "{id}"},
    )


_EVENTS = {
    "webinar": _event("webinars"),
    "townhall": _event("townhalls"),
    "webinarSession": _part_of_event("webinars/{webinar}/sessions", "#microsoft.graph.virtualEventSession"),
    "townhallSession": _part_of_event("townhalls/{townhall}/sessions", "#microsoft.graph.virtualEventSession"),
    "registration": _part_of_event("webinars/{webinar}/registrations", "#microsoft.graph.virtualEventRegistration"),
}

_APPS = {
    "teamsAppInstallation": Kind(
        path="appCatalogs/teamsApps/{app}/installations/{id}",
        odata_type="#Microsoft.Graph.teamsAppInstallation",
        resources=("appCatalogs/teamsApps('{app}')/installations('{id}')",),
        id="{place}##{app}",
        body={
            "id": "{id}",
            "teamsApp": {"id": "{app}"},
            "scopeInfo": {
                "@odata.type": "#microsoft.graph.{scope}TeamsAppInstallationScopeInfo",
                "{placeId}": "{place}",
                "scope": "{scope}",
            },
        },
    ),
    "aiInteraction": Kind(
        path="copilot/interactionHistory/interactions/{id}",
        odata_type="#Microsoft.Graph.aiInteraction",
        resources=("copilot/interactionHistory/interactions('{id}')",),
        id="{number}",
        body={
            "id": "{id}",
            "sessionId": "19:{guid}@thread.v2",
            "requestId": "{guid}",
            "appClass": "{appClass}",
            "interactionType": "aiResponse",
            "conversationType": "appchat",
            "etag": "{number}",
            "createdDateTime": "{now}",
            "locale": "en-us",
            "contexts": [],
            "from": {
                "@odata.type": "#microsoft.graph.chatMessageFromIdentitySet",
                "device": None,
                "user": None,
                "application": {"displayName": "Copilot in Teams", "applicationIdentityType": "bot"},
            },
            "body": {"contentType": "text", "content": "Here is the summary."},
            "attachments": [],
            "links": [],
            "mentions": [],
        },
    ),
}

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        **CALLS,
        **_WORK,
        **_EVENTS,
        **_APPS,
        **PRESENCE,
    }
)
