"""management.azure.com: who may do what, where Flex Consumption is, and what a function app's settings refer to.

Sources: https://learn.microsoft.com/rest/api/resources/subscriptions,
https://learn.microsoft.com/rest/api/authorization/role-assignments and
https://learn.microsoft.com/rest/api/appservice/web-apps
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.arm.refused import Refused, exists, no_right, no_token, not_found, refusals, wrong_version
from sandbox.arm.roles import BY_NAME, ROLES, Assignment, Assignments, Role
from sandbox.arm.sites import Site
from sandbox.entra import Entra

# Tokens of az are for either, with or without a slash at the end.
_AUDIENCES = ("https://management.core.windows.net", "https://management.azure.com")
# Source: https://github.com/Azure/azure-rest-api-specs (the folders of each type)
_AUTHORIZATION = ("2015-07-01", "2018-07-01", "2020-04-01-preview", "2022-04-01", "2022-05-01-preview")
_SUBSCRIPTIONS = ("2016-06-01", "2019-06-01", "2019-11-01", "2021-01-01", "2022-12-01")
_WEB = ("2020-10-01", "2022-03-01", "2022-09-01", "2023-12-01", "2024-04-01", "2024-11-01", "2025-03-01", "2025-05-01")
_PRINCIPAL_TYPES = ("User", "Group", "ServicePrincipal")
_ONE = r"{subscription:[0-9a-f-]{36}}"
_SITE = f"/subscriptions/{_ONE}/resourceGroups/{{group}}/providers/Microsoft.Web/sites/{{site}}"
_ASSIGNMENT = "/{scope:.*}/providers/Microsoft.Authorization/roleAssignments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region that has Flex Consumption, with the versions of Python there."""

    name: str
    python: tuple[str, ...] = ("3.11", "3.12", "3.13")


class Arm:
    """One subscription, with at most one function app in it."""

    def __init__(self, entra: Entra, *, subscription_id: str, tenant_id: str) -> None:
        self.assignments = Assignments()
        self.regions = [Region(name="West Europe"), Region(name="East US")]
        self.sites: dict[str, Site] = {}
        self._entra = entra
        self._subscription_id, self._tenant_id = subscription_id, tenant_id
        one = f"/subscriptions/{_ONE}"
        self.app = web.Application(middlewares=[refusals])
        self.app.add_routes(
            [
                web.get("/subscriptions", self._subscriptions),
                web.get("/tenants", self._tenants),
                web.get(f"{one}/locations", self._locations),
                web.get(f"{one}/providers/Microsoft.Authorization/permissions", self._permissions),
                web.get("/{scope:.*}/providers/Microsoft.Authorization/roleDefinitions", self._definitions),
                web.get(_ASSIGNMENT, self._list_assignments),
                web.put(f"{_ASSIGNMENT}/{{name}}", self._assign),
                web.get(f"{one}/providers/Microsoft.Web/geoRegions", self._geo_regions),
                web.get("/providers/Microsoft.Web/locations/{region}/functionAppStacks", self._stacks),
                web.post(f"{_SITE}/config/appsettings/list", self._settings),
                web.get(_SITE, self._get_site),
                web.get(f"{_SITE}/config/configreferences/appsettings", self._references),
                web.post(f"{_SITE}/config/configreferences/appsettings/refresh", self._refresh),
            ]
        )

    def grant(self, principal_id: str, role: str, scope: str) -> None:
        """Give a role, as an owner does in the portal."""
        name = f"00000000-0000-4000-8000-{len(self.assignments.held):012}"
        kind = "ServicePrincipal"
        given = Assignment(name=name, principal_id=principal_id, principal_type=kind, role=BY_NAME[role], scope=scope)
        self.assignments.held.append(given)

    def revoke(self, role: str) -> None:
        """Take a role from everybody, at every scope."""
        self.assignments.held = [each for each in self.assignments.held if each.role.name != role]

    def _caller(self, request: web.Request, kind: str, versions: tuple[str, ...]) -> Mapping[str, Any]:
        """Return who calls, once the token and the API version are right."""
        header = request.headers.get("Authorization", "")
        audiences = (f"{each}{end}" for each in _AUDIENCES for end in ("/", ""))
        claims = next(filter(None, (self._entra.access_claims(header, each) for each in audiences)), None)
        if claims is None:
            raise no_token()
        version = request.query.get("api-version")
        if version not in versions:
            raise wrong_version(version, kind, versions)
        return claims

    def _check(self, claims: Mapping[str, Any], action: str, scope: str) -> None:
        if not self.assignments.allow(claims["oid"], action, scope):
            raise no_right(claims["appid"], claims["oid"], action, scope)

    @property
    def _scope(self) -> str:
        return f"/subscriptions/{self._subscription_id}"

    async def _subscriptions(self, request: web.Request) -> web.Response:
        claims = self._caller(request, "subscriptions", _SUBSCRIPTIONS)
        if not self.assignments.allow(claims["oid"], "Microsoft.Resources/subscriptions/read", self._scope):
            return web.json_response({"value": []})
        shown = {
            "id": self._scope,
            "subscriptionId": self._subscription_id,
            "tenantId": self._tenant_id,
            "displayName": "Pay as you go",
            "state": "Enabled",
        }
        return web.json_response({"value": [shown]})

    async def _tenants(self, request: web.Request) -> web.Response:
        self._caller(request, "tenants", _SUBSCRIPTIONS)
        return web.json_response({"value": [{"id": f"/tenants/{self._tenant_id}", "tenantId": self._tenant_id}]})

    async def _locations(self, request: web.Request) -> web.Response:
        claims = self._caller(request, "locations", _SUBSCRIPTIONS)
        self._check(claims, "Microsoft.Resources/subscriptions/locations/read", self._scope)
        names = [_plain(region.name) for region in self.regions]
        return web.json_response({"value": [{"id": f"{self._scope}/locations/{name}", "name": name} for name in names]})

    async def _permissions(self, request: web.Request) -> web.Response:
        claims = self._caller(request, "permissions", _AUTHORIZATION)
        self._check(claims, "Microsoft.Authorization/permissions/read", self._scope)
        return web.json_response(
            {"value": [_allowed(each) for each in self.assignments.of(claims["oid"], self._scope)]}
        )

    async def _definitions(self, request: web.Request) -> web.Response:
        scope = f"/{request.match_info['scope']}"
        claims = self._caller(request, "roleDefinitions", _AUTHORIZATION)
        self._check(claims, "Microsoft.Authorization/roleDefinitions/read", scope)
        wanted = re.fullmatch(r"roleName eq '(.*)'", request.query.get("$filter", ""))
        found = [role for role in ROLES if wanted is None or role.name == wanted[1]]
        return web.json_response({"value": [self._definition(role) for role in found]})

    def _definition(self, role: Role) -> dict[str, Any]:
        properties = {"roleName": role.name, "type": "BuiltInRole", "permissions": [_allowed(role)]}
        path = f"{self._scope}/providers/Microsoft.Authorization/roleDefinitions/{role.id}"
        return {"id": path, "name": role.id, "properties": properties}

    async def _list_assignments(self, request: web.Request) -> web.Response:
        scope = f"/{request.match_info['scope']}"
        claims = self._caller(request, "roleAssignments", _AUTHORIZATION)
        self._check(claims, "Microsoft.Authorization/roleAssignments/read", scope)
        return web.json_response({"value": [each.shown() for each in self.assignments.held if each.reaches(scope)]})

    async def _assign(self, request: web.Request) -> web.Response:
        scope, name = f"/{request.match_info['scope']}", request.match_info["name"]
        claims = self._caller(request, "roleAssignments", _AUTHORIZATION)
        self._check(claims, "Microsoft.Authorization/roleAssignments/write", scope)
        made = _assignment(await request.json(), scope, name)
        for each in self.assignments.held:
            same = (each.principal_id, each.role, each.scope.lower()) == (made.principal_id, made.role, scope.lower())
            if same or each.name == name:
                raise exists(each.name)
        self.assignments.held.append(made)
        return web.json_response(made.shown(), status=201)

    async def _geo_regions(self, request: web.Request) -> web.Response:
        claims = self._caller(request, "geoRegions", _WEB)
        self._check(claims, "Microsoft.Web/geoRegions/Read", self._scope)
        if request.query.get("sku") != "FlexConsumption":
            raise Refused(400, "BadRequest", "Only the regions of Flex Consumption are known here.")
        return web.json_response({"value": [{"name": each.name, "properties": {}} for each in self.regions]})

    async def _stacks(self, request: web.Request) -> web.Response:
        self._caller(request, "locations/functionAppStacks", _WEB)
        region = next((each for each in self.regions if _plain(each.name) == request.match_info["region"]), None)
        if region is None or request.query.get("stack") != "python":
            raise not_found(request.path)
        minors = [{"value": version, "stackSettings": _linux(version)} for version in region.python]
        stack = {"name": "python", "properties": {"majorVersions": [{"value": "3", "minorVersions": minors}]}}
        return web.json_response({"value": [stack]})

    def _site(self, request: web.Request, action: str) -> Site:
        claims = self._caller(request, "sites/config", _WEB)
        scope = request.path.partition("/config/")[0]
        self._check(claims, action, scope)
        if scope not in self.sites:
            raise not_found(f"Microsoft.Web/sites/{request.match_info['site']}")
        return self.sites[scope]

    async def _settings(self, request: web.Request) -> web.Response:
        site = self._site(request, "Microsoft.Web/sites/config/list/Action")
        return web.json_response({"name": "appsettings", "properties": dict(site.settings)})

    async def _get_site(self, request: web.Request) -> web.Response:
        self._site(request, "Microsoft.Web/sites/Read")
        plan = f"{request.path.partition('/sites/')[0]}/serverfarms/plan"
        name = request.match_info["site"]
        shown = {"id": request.path, "name": name, "type": "Microsoft.Web/sites", "kind": "functionapp,linux"}
        return web.json_response(shown | {"properties": {"serverFarmId": plan, "sku": "FlexConsumption"}})

    async def _references(self, request: web.Request) -> web.Response:
        site = self._site(request, "Microsoft.Web/sites/config/Read")
        return web.json_response({"value": site.shown()})

    async def _refresh(self, request: web.Request) -> web.Response:
        site = self._site(request, "Microsoft.Web/sites/config/Write")
        site.refresh()
        return web.json_response({"value": site.shown()})


def _plain(name: str) -> str:
    return name.lower().replace(" ", "")


def _allowed(role: Role) -> dict[str, Any]:
    shown = {"actions": role.actions, "notActions": role.not_actions, "dataActions": role.data_actions}
    return {**{name: list(value) for name, value in shown.items()}, "notDataActions": []}


def _linux(version: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "runtimeVersion": f"Python|{version}",
        "isDefault": version == "3.13",
        "appInsightsSettings": {"isSupported": True},
        "appSettingsDictionary": {"FUNCTIONS_WORKER_RUNTIME": "python"},
        "gitHubActionSettings": {"isSupported": True, "supportedVersion": version},
        "Sku": [{"skuCode": "FC1", "functionAppConfigProperties": {"runtime": {"name": "python", "version": version}}}],
    }
    return {"linuxRuntimeSettings": settings}


def _assignment(body: Any, scope: str, name: str) -> Assignment:
    properties = json.loads(json.dumps(body)).get("properties", {})
    role_id = str(properties.get("roleDefinitionId", "")).rpartition("/")[2]
    role = next((each for each in ROLES if each.id == role_id), None)
    if role is None:
        message = f"The specified role definition with ID '{role_id.replace('-', '')}' does not exist."
        raise Refused(400, "RoleDefinitionDoesNotExist", message)
    if properties.get("principalType") not in (None, *_PRINCIPAL_TYPES) or "principalId" not in properties:
        raise Refused(400, "InvalidPrincipalType", "The principal type or id is missing or wrong.")
    kind, principal_id = properties.get("principalType") or "User", properties["principalId"]
    return Assignment(name=name, principal_id=principal_id, principal_type=kind, role=role, scope=scope)
