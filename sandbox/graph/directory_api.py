"""How does Graph show applications? The registration with its credentials, and its service principal in a tenant.

Sources: https://learn.microsoft.com/en-us/graph/api/serviceprincipal-get,
https://learn.microsoft.com/en-us/graph/api/application-get,
https://learn.microsoft.com/en-us/graph/api/serviceprincipal-list-approleassignedto
"""

from datetime import datetime
from typing import Any

from aiohttp import web

from sandbox.entra import Application
from sandbox.entra.tokens import CHANGE_TRACKING_APP_ID
from sandbox.graph.api import Parts
from sandbox.graph.errors import Refused

_VERSION = r"/{version:v1\.0|beta}"
_PERMISSIONS = ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")


class DirectoryApi:
    """The handlers of ``/applications`` and ``/servicePrincipals``, by application id."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.without_change_tracking: set[str] = set()
        """The ids of tenants that have no service principal of Microsoft Graph Change Tracking."""

    def routes(self) -> list[web.RouteDef]:
        """Return what is served under both versions."""
        principal = f"{_VERSION}/servicePrincipals(appId='{{id}}')"
        return [
            web.get(f"{_VERSION}/applications(appId='{{id}}')", self.application),
            web.get(principal, self.principal),
            web.get(f"{principal}/appRoleAssignedTo", self.assigned),
        ]

    async def application(self, request: web.Request) -> web.Response:
        """Answer a registration, with its credentials but without their values."""
        found, _ = self._find(request)
        shown = {"appId": found.client_id, "passwordCredentials": _secrets(found), "keyCredentials": _keys(found)}
        return web.json_response(shown)

    async def principal(self, request: web.Request) -> web.Response:
        """Answer a service principal."""
        found, tenant_id = self._find(request)
        required = found.client_id in self._parts.poster.role_assignment_required
        shown = {"id": found.object_id(tenant_id), "appId": found.client_id, "appRoleAssignmentRequired": required}
        return web.json_response(shown)

    async def assigned(self, request: web.Request) -> web.Response:
        """Answer who holds a role of the application; where one is required, Change Tracking lacks it."""
        self._find(request)
        return web.json_response({"value": []})

    def _find(self, request: web.Request) -> tuple[Application, str]:
        who = self._parts.admit(request, "get")
        who.require(_PERMISSIONS)
        client_id = request.match_info["id"]
        if client_id == CHANGE_TRACKING_APP_ID and who.tenant_id not in self.without_change_tracking:
            return Application(client_id=client_id, tenant_ids=(who.tenant_id,)), who.tenant_id
        found = self._parts.entra.find_application(client_id, who.tenant_id)
        if found is None:
            message = f"Resource '{client_id}' does not exist or one of its queried reference-property objects are not."
            raise Refused(404, "Request_ResourceNotFound", message)
        return found, who.tenant_id


def _secrets(found: Application) -> list[dict[str, Any]]:
    if found.secret is None:
        return []
    return [{"hint": found.secret[:3], "endDateTime": _time(found.secret_ends_at)}]


def _keys(found: Application) -> list[dict[str, Any]]:
    if found.certificate is None:
        return []
    return [{"type": "AsymmetricX509Cert", "endDateTime": _time(found.certificate.not_valid_after_utc)}]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
