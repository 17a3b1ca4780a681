"""graph.microsoft.com for administrators: registrations, service principals, and the permissions that they hold.

Sources: https://learn.microsoft.com/graph/api/resources/application,
https://learn.microsoft.com/graph/api/resources/serviceprincipal,
https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments and
https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference (roles)
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from aiohttp import web

from sandbox.arm.refused import Refused, refusals
from sandbox.entra import Entra

GRAPH = "00000003-0000-0000-c000-000000000000"
_AUDIENCE = "https://graph.microsoft.com"
_ADMINISTRATORS = frozenset({"Application Administrator", "Cloud Application Administrator", "Global Administrator"})
_FILTERS = (
    (re.compile(r"appId eq '([^']*)'"), lambda thing, value: thing["appId"] == value),
    (re.compile(r"tags/any\(t:t eq '([^']*)'\)"), lambda thing, value: value in thing.get("tags", ())),
    (re.compile(r"servicePrincipalNames/any\(c:c eq '([^']*)'\)"), lambda thing, value: thing["appId"] == value),
)
# What a PATCH may change here. A credential's name "cannot be changed once created".
# Source: https://learn.microsoft.com/graph/api/federatedidentitycredential-update
_OF_AN_APP = frozenset({"requiredResourceAccess", "displayName", "signInAudience", "tags"})
_OF_A_PRINCIPAL = frozenset({"appRoleAssignmentRequired", "accountEnabled", "displayName", "tags"})
_OF_A_CREDENTIAL = frozenset({"issuer", "subject", "audiences", "description"})

type Thing = dict[str, Any]


class AdminGraph:
    """The directory of one tenant, as whoever is signed in may see and change it.

    ``roles``: the directory roles of the callers; ``owners``: whether who makes a registration owns it, as is the rule.
    """

    def __init__(self, entra: Entra, *, permissions: Mapping[str, str], graph_id: str) -> None:
        self.roles: set[str] = set()
        self.owners = True
        self.apps: dict[str, Thing] = {}
        self.principals: dict[str, Thing] = {graph_id: _graph(graph_id, permissions)}
        self.assignments: list[Thing] = []
        self._entra = entra
        app = "/v1.0/applications/{id}"
        credential = f"{app}/federatedIdentityCredentials"
        principal = "/v1.0/servicePrincipals/{id}"
        self.app = web.Application(middlewares=[refusals])
        self.app.add_routes(
            [
                web.get("/v1.0/applications", self._list_apps),
                web.post("/v1.0/applications", self._make_app),
                web.get(app, self._get_app),
                web.patch(app, self._change_app),
                web.get(credential, self._list_credentials),
                web.post(credential, self._make_credential),
                web.patch(f"{credential}/{{name}}", self._change_credential),
                web.get("/v1.0/servicePrincipals", self._list_principals),
                web.post("/v1.0/servicePrincipals", self._make_principal),
                web.get(principal, self._get_principal),
                web.patch(principal, self._change_principal),
                web.post("/v1.0/directoryObjects/getByIds", self._by_ids),
                web.get(f"{principal}/appRoleAssignments", self._list_assignments),
                web.post(f"{principal}/appRoleAssignments", self._assign),
            ]
        )

    def add_principal(self, principal_id: str, app_id: str) -> None:
        """Add a service principal that is there before anybody asks for it."""
        self.principals[principal_id] = {"id": principal_id, "appId": app_id, "appRoleAssignmentRequired": False}

    def _admit(self, request: web.Request, *allowed: str) -> Mapping[str, Any]:
        """Return who calls, if they hold one of the roles; without any, whoever is a member of the tenant may."""
        claims = None
        for audience in (_AUDIENCE, f"{_AUDIENCE}/"):
            claims = claims or self._entra.access_claims(request.headers.get("Authorization", ""), audience)
        if claims is None:
            raise Refused(401, "InvalidAuthenticationToken", "Access token is empty.")
        enough = {*allowed, *_ADMINISTRATORS} if allowed else {"member"}
        if "guest" in self.roles or (allowed and not self.roles & enough):
            message = "Insufficient privileges to complete the operation."
            raise Refused(403, "Authorization_RequestDenied", message)
        return claims

    def _admit_owner(self, request: web.Request, thing: Thing) -> None:
        who = self._admit(request)
        if who["oid"] not in thing.get("owners", ()):
            self._admit(request, "Application Administrator")

    async def _list_apps(self, request: web.Request) -> web.Response:
        self._admit(request)
        return _listed(request, self.apps)

    async def _make_app(self, request: web.Request) -> web.Response:
        who = self._admit(request, "Application Developer")
        body = await request.json()
        if not isinstance(body.get("displayName"), str):
            raise Refused(400, "Request_BadRequest", "A value is required for property 'displayName' of resource.")
        owners = [who["oid"]] if self.owners else []
        app = {"requiredResourceAccess": [], "tags": [], **body, "id": str(uuid4()), "appId": str(uuid4())}
        self.apps[app["id"]] = {**app, "owners": owners, "credentials": {}}
        return web.json_response(_shown(self.apps[app["id"]]), status=201)

    async def _get_app(self, request: web.Request) -> web.Response:
        self._admit(request)
        return web.json_response(_shown(_found(self.apps, request.match_info["id"])))

    async def _change_app(self, request: web.Request) -> web.Response:
        app = _found(self.apps, request.match_info["id"])
        self._admit_owner(request, app)
        app |= _changes(await request.json(), _OF_AN_APP)
        return web.Response(status=204)

    async def _list_credentials(self, request: web.Request) -> web.Response:
        self._admit(request)
        app = _found(self.apps, request.match_info["id"])
        return web.json_response({"value": list(app["credentials"].values())})

    async def _make_credential(self, request: web.Request) -> web.Response:
        app = _found(self.apps, request.match_info["id"])
        self._admit_owner(request, app)
        body = await request.json()
        for each in app["credentials"].values():
            if each["name"] == body["name"]:
                raise _conflict(f"FederatedIdentityCredential with name {body['name']} already exists.")
            if (each["issuer"], each["subject"]) == (body["issuer"], body["subject"]):
                raise _conflict("FederatedIdentityCredential with this issuer and subject already exists.")
        app["credentials"][body["name"]] = {**body, "id": str(uuid4())}
        return web.json_response(app["credentials"][body["name"]], status=201)

    async def _change_credential(self, request: web.Request) -> web.Response:
        app = _found(self.apps, request.match_info["id"])
        self._admit_owner(request, app)
        credential = _found(app["credentials"], request.match_info["name"])
        credential |= _changes(await request.json(), _OF_A_CREDENTIAL)
        return web.Response(status=204)

    async def _list_principals(self, request: web.Request) -> web.Response:
        self._admit(request)
        return _listed(request, self.principals)

    async def _make_principal(self, request: web.Request) -> web.Response:
        app_id = (await request.json())["appId"]
        own = next((app for app in self.apps.values() if app["appId"] == app_id), {})
        self._admit_owner(request, own)
        if any(each["appId"] == app_id for each in self.principals.values()):
            message = f"The service principal cannot be created because the name {app_id} is already in use."
            raise Refused(409, "Request_MultipleObjectsWithSameKeyValue", message)
        owners = own.get("owners", [])
        made = {"id": str(uuid4()), "appId": app_id, "displayName": own.get("displayName", ""), "owners": owners}
        self.principals[made["id"]] = {**made, "appRoleAssignmentRequired": False, "appRoles": []}
        return web.json_response(_shown(self.principals[made["id"]]), status=201)

    async def _get_principal(self, request: web.Request) -> web.Response:
        self._admit(request)
        return web.json_response(_shown(_found(self.principals, request.match_info["id"])))

    async def _change_principal(self, request: web.Request) -> web.Response:
        principal = _found(self.principals, request.match_info["id"])
        self._admit_owner(request, principal)
        principal |= _changes(await request.json(), _OF_A_PRINCIPAL)
        return web.Response(status=204)

    async def _by_ids(self, request: web.Request) -> web.Response:
        self._admit(request)
        wanted = (await request.json())["ids"]
        kind = {"@odata.type": "#microsoft.graph.servicePrincipal"}
        return web.json_response(
            {"value": [kind | _shown(self.principals[id_]) for id_ in wanted if id_ in self.principals]}
        )

    async def _list_assignments(self, request: web.Request) -> web.Response:
        self._admit(request)
        principal_id = _found(self.principals, request.match_info["id"])["id"]
        return web.json_response({"value": [each for each in self.assignments if each["principalId"] == principal_id]})

    async def _assign(self, request: web.Request) -> web.Response:
        # Neither kind of application administrator may grant Graph's application permissions.
        self._admit(request)
        if not self.roles & {"Privileged Role Administrator", "Global Administrator"}:
            raise Refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        wanted = {name: (await request.json())[name] for name in ("principalId", "resourceId", "appRoleId")}
        roles = {role["id"] for role in _found(self.principals, wanted["resourceId"])["appRoles"]}
        if wanted["principalId"] != request.match_info["id"] or wanted["appRoleId"] not in roles:
            raise Refused(400, "Request_BadRequest", "Not a valid reference update.")
        if any(wanted.items() <= each.items() for each in self.assignments):
            raise Refused(400, "Request_BadRequest", "Permission being assigned already exists on the object")
        self.assignments.append({**wanted, "id": uuid4().hex})
        return web.json_response(self.assignments[-1], status=201)


def _graph(graph_id: str, permissions: Mapping[str, str]) -> Thing:
    roles = [{"value": name, "id": id_, "allowedMemberTypes": ["Application"]} for name, id_ in permissions.items()]
    return {"id": graph_id, "appId": GRAPH, "displayName": "Microsoft Graph", "appRoles": roles}


def _listed(request: web.Request, things: Mapping[str, Thing]) -> web.Response:
    asked = request.query.get("$filter", "")
    for pattern, holds in _FILTERS:
        if found := pattern.fullmatch(asked):
            return web.json_response({"value": [_shown(each) for each in things.values() if holds(each, found[1])]})
    raise Refused(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause: {asked}")


def _found(things: Mapping[str, Thing], key: str) -> Thing:
    if key not in things:
        message = f"Resource '{key}' does not exist or one of its queried reference-property objects are not present."
        raise Refused(404, "Request_ResourceNotFound", message)
    return things[key]


def _shown(thing: Thing) -> Thing:
    return {name: value for name, value in thing.items() if name not in {"owners", "credentials"}}


def _changes(body: Thing, allowed: frozenset[str]) -> Thing:
    if refused := body.keys() - allowed:
        message = f"Property '{min(refused)}' is read-only and cannot be set."
        raise Refused(400, "Request_BadRequest", message)
    return body


def _conflict(message: str) -> Refused:
    return Refused(409, "Request_MultipleObjectsWithSameKeyValue", message)
