"""Graph's application permissions: which ones the subscriptions need, and who grants them.

``az ad app permission admin-consent`` calls a service that is not documented. Roles are assigned as Graph documents it.

Source: https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.permission_check import least_privileged, needs
from infra.hooks import rights
from infra.hooks.tools import Tools
from shared.json_file import read_json_file
from shared.subscriptions.desired import desired_from_json

GRAPH = "00000003-0000-0000-c000-000000000000"
# Who sends the notifications. Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data
CHANGE_TRACKING = "0bf30f3b-4a52-48df-9a82-234910c4a086"

# What reading the gaps of a whole tenant needs besides: docs/operations.md has the same table.
FOR_GAPS: Mapping[str, tuple[str, ...]] = {
    "/chats": ("Chat.ReadBasic.All", "User.Read.All"),
    "/chats/getAllMessages": ("Chat.Read.All", "User.Read.All"),
    "/chats/getAllMembers": ("ChatMember.Read.All", "Chat.ReadBasic.All", "User.Read.All"),
    "/teams/getAllMessages": ("ChannelMessage.Read.All", "Team.ReadBasic.All"),
    "/teams/getAllChannels": ("Channel.ReadBasic.All", "Team.ReadBasic.All"),
    "/teams/getAllMembers": ("TeamMember.Read.All", "Team.ReadBasic.All"),
    "/teams/getAllChannels/getAllMembers": ("ChannelMember.Read.All", "Channel.ReadBasic.All", "Team.ReadBasic.All"),
}


def required(file: Path, tenant_ids: Sequence[str]) -> Sequence[str]:
    """Return the names of the permissions that the entries of a ``subscriptions.json`` need.

    Raises:
        Misconfigured: the file is wrong.
    """
    desired = desired_from_json(read_json_file(file), tenant_ids=tenant_ids)
    names = set(least_privileged(needs(desired, delegated=False)))
    for each in desired:
        if not each.delegated:
            names |= set(FOR_GAPS.get(each.resource.partition("?")[0], ()))
    return sorted(names)


def service_principal(tools: Tools, client_id: str) -> Any:
    """Return the service principal of an application in the signed-in tenant; make it if there is none."""
    listed = tools.az("ad", "sp", "list", "--filter", f"appId eq '{client_id}'")
    return listed[0] if listed else tools.az("ad", "sp", "create", "--id", client_id)


def graph_roles(tools: Tools) -> tuple[str, Mapping[str, str]]:
    """Return the id of Graph's service principal, and the ids of its application permissions by name."""
    listed = tools.graph("get", f"servicePrincipals?$filter=appId eq '{GRAPH}'&$select=id,appRoles")["value"]
    roles = listed[0]["appRoles"]
    return listed[0]["id"], {role["value"]: role["id"] for role in roles if "Application" in role["allowedMemberTypes"]}


def ensure_listed(tools: Tools, client_id: str, names: Iterable[str]) -> None:
    """Let the registration list the permissions: an administrator of another tenant consents to that list."""
    _, ids = graph_roles(tools)
    wanted = [{"resourceAppId": GRAPH, "resourceAccess": [{"id": ids[name], "type": "Role"} for name in sorted(names)]}]
    if _flat(tools.az("ad", "app", "show", "--id", client_id).get("requiredResourceAccess")) != _flat(wanted):
        tools.az("ad", "app", "update", "--id", client_id, "--required-resource-accesses", json.dumps(wanted))
        tools.say("the registration lists the permissions")


def _flat(accesses: Any) -> set[tuple[str, str]]:
    return {(each["resourceAppId"], role["id"]) for each in accesses or () for role in each["resourceAccess"]}


def ensure_permissions(tools: Tools, principal_id: str, names: Iterable[str]) -> None:
    """Assign Graph's roles to a service principal; say who can, if whoever is signed in cannot."""
    graph_id, ids = graph_roles(tools)
    held = tools.graph("get", f"servicePrincipals/{principal_id}/appRoleAssignments")["value"]
    assigned = {each["appRoleId"] for each in held if each["resourceId"] == graph_id}
    missing = [name for name in names if ids[name] not in assigned]
    if not missing:
        tools.say("Graph's permissions are granted")
        return
    otherwise = f"the app lacks {', '.join(missing)}"
    with rights.going_on(tools, otherwise), rights.needing(tools, "Privileged Role Administrator", rights.tenant):
        for name in missing:
            body = {"principalId": principal_id, "resourceId": graph_id, "appRoleId": ids[name]}
            tools.graph("post", f"servicePrincipals/{principal_id}/appRoleAssignments", body)
            tools.say(f"granted {name}")


def ensure_open(tools: Tools, principal: Any) -> None:
    """Let Graph get tokens for the app: with "assignment required" it sends no validation tokens."""
    if principal.get("appRoleAssignmentRequired"):
        tools.az("ad", "sp", "update", "--id", principal["id"], "--set", "appRoleAssignmentRequired=false")
        tools.say("assignment is no longer required")


def ensure_change_tracking(tools: Tools) -> None:
    """Make the service principal of Graph Change Tracking, in whose name notifications come."""
    app_id = tools.environ.get("GRAPH_CHANGE_TRACKING_APP_ID") or CHANGE_TRACKING
    if tools.az("ad", "sp", "list", "--filter", f"appId eq '{app_id}'"):
        return
    otherwise = f"Graph sends nothing before somebody has run az ad sp create --id {app_id}"
    with rights.going_on(tools, otherwise), rights.needing(tools, "Cloud Application Administrator", rights.tenant):
        tools.az("ad", "sp", "create", "--id", app_id)
        tools.say("Microsoft Graph Change Tracking has a service principal now")
