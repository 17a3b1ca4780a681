"""Azure, Entra ID and a vault in memory, as the commands of ``az`` show them: what exists, and what somebody may do.

Sources: https://learn.microsoft.com/cli/azure/reference-index (commands and their answers) and
https://learn.microsoft.com/graph/api/overview (applications, service principals, assignments)
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from infra.hooks.permissions import GRAPH
from infra.hooks.tools import HookFailed, NotThere, Refused, Tools
from tests.infra.azure_values import DEPLOYER, GRAPH_ID, OWNER, ROLES, SUBSCRIPTION, TENANT


class BrokenOff(Exception):
    """Somebody pressed Ctrl-C, or the network went away."""


def id_of(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


@dataclass
class FakeAzure:
    """``lacking``: what whoever is signed in may not do (``see-rights``, ``see-apps``, ``make-app``, ``change-app``,
    ``make-principal``, ``change-principal``, ``grant``, ``vault`` or one of ``certificate`` and ``secret``, ``site``);
    ``break_at``: the number of the call that breaks off, with or without having had its effect.
    """

    rights: list[Mapping[str, list[str]]] = field(default_factory=lambda: [OWNER])
    lacking: set[str] = field(default_factory=set)
    break_at: int | None = None
    breaks_after: bool = False
    regions: tuple[str, ...] = ("westeurope", "eastus")
    python: tuple[str, ...] = ("3.12", "3.13")
    roles_work_after: int = 0
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    principals: dict[str, dict[str, Any]] = field(default_factory=dict)
    grants: list[dict[str, str]] = field(default_factory=list)
    certificates: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)
    settings: dict[str, str] | None = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    commands: list[tuple[str, ...]] = field(default_factory=list)
    written: int = 0
    said: list[str] = field(default_factory=list)
    waited: timedelta = timedelta()

    def tools(self) -> Tools:
        return Tools(az=self, keep=self.keep, environ=self.environ, say=self.said.append, wait=self._wait)

    def keep(self, name: str, value: str) -> None:
        self.environ[name] = value
        self.written += 1

    def _wait(self, time: timedelta) -> None:
        self.waited += time

    def state(self) -> Any:
        """Return everything that exists, to be compared."""
        names = ("apps", "principals", "grants", "certificates", "environ")
        return json.loads(json.dumps({name: getattr(self, name) for name in names})) | {"secrets": sorted(self.secrets)}

    def __call__(self, *arguments: str) -> Any:
        self.commands.append(arguments)
        breaks = len(self.commands) == self.break_at
        if breaks and not self.breaks_after:
            raise BrokenOff
        try:
            return self._answer(arguments, _options(arguments))
        finally:
            if breaks:
                raise BrokenOff

    def _answer(self, arguments: tuple[str, ...], options: Mapping[str, str]) -> Any:
        match arguments:
            case ("account", "show", *_):
                return {"id": SUBSCRIPTION, "tenantId": TENANT, "name": "Pay as you go", "user": {"name": DEPLOYER}}
            case ("functionapp", *rest):
                return self._functions(rest)
            case ("rest", *_):
                return self._rest(options["method"], options["url"], json.loads(options.get("body", "null")))
            case ("ad", "app", *rest):
                return self._app(rest, options)
            case ("ad", "sp", verb, *_):
                return self._principal(verb, options)
            case ("keyvault", kind, verb, *_):
                return self._vault(kind, verb, options)
        raise HookFailed(f"az does not know {arguments}")

    def _functions(self, rest: list[str]) -> Any:
        match rest:
            case ["list-flexconsumption-locations", *_]:
                return [{"name": name} for name in self.regions]
            case ["list-flexconsumption-runtimes", *_]:
                return [{"name": "python", "version": version} for version in self.python]
            case ["config", "appsettings", "list", *_]:
                self._see("site")
                return self.settings and [{"name": name, "value": value} for name, value in self.settings.items()]
        raise HookFailed(f"az does not know functionapp {rest}")

    def _rest(self, method: str, url: str, body: Any) -> Any:
        routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            (
                "get",
                rf"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/permissions\?",
                self._permissions,
            ),
            ("get", r"/subscriptions/.*/config/configreferences/appsettings\?", self._references),
            ("post", r"/subscriptions/.*/config/configreferences/appsettings/refresh\?", self._refresh),
            (
                "get",
                r"https://graph\.microsoft\.com/v1\.0/applications\?\$filter=tags/any\(t:t eq '(.*?)'\)",
                self._tagged,
            ),
            ("post", r"https://graph\.microsoft\.com/v1\.0/applications$", self._new_app),
            (
                "get",
                rf"https://graph\.microsoft\.com/v1\.0/servicePrincipals\?\$filter=appId eq '{GRAPH}'",
                self._graph,
            ),
            ("get", r"https://graph\.microsoft\.com/v1\.0/servicePrincipals/(.+)/appRoleAssignments", self._granted),
            ("post", r"https://graph\.microsoft\.com/v1\.0/servicePrincipals/(.+)/appRoleAssignments", self._grant),
        )
        for verb, pattern, answer in routes:
            if verb == method and (found := re.match(pattern, url)):
                return answer(*found.groups(), **({} if body is None else {"body": body}))
        raise HookFailed(f"404: {method} {url}")

    def _permissions(self) -> Any:
        self._see("see-rights")
        return {"value": self.rights}

    def _references(self) -> Any:
        self._see("site")
        names = {name: name in self.resolved for name in ("CLIENT_STATE_KEY",)}
        states = {name: "Resolved" if known else "SecretNotFound" for name, known in names.items()}
        return {"value": [{"name": name, "properties": {"status": status}} for name, status in states.items()]}

    def _refresh(self) -> None:
        if "client-state-key" in self.secrets:
            self.resolved.add("CLIENT_STATE_KEY")
        self.written += 1

    def _tagged(self, tag: str) -> Any:
        self._see("see-apps")
        return {"value": [app for app in self.apps.values() if tag in app["tags"]]}

    def _new_app(self, *, body: Any) -> Any:
        self._need("make-app")
        app = {**body, "appId": id_of(f"app {len(self.apps)}"), "credentials": {}}
        self.apps[app["appId"]] = app
        return app

    def _graph(self) -> Any:
        roles = [{"value": name, "id": id_of(name), "allowedMemberTypes": ["Application"]} for name in ROLES]
        # Some names are of a delegated permission as well, with another id.
        users = [{"value": name, "id": id_of(f"delegated {name}"), "allowedMemberTypes": ["User"]} for name in ROLES]
        return {"value": [{"id": GRAPH_ID, "appRoles": [*roles, *users]}]}

    def _granted(self, principal_id: str) -> Any:
        return {"value": [each for each in self.grants if each["principalId"] == principal_id]}

    def _grant(self, _principal_id: str, *, body: Any) -> Any:
        self._need("grant")
        if body in self.grants:
            raise HookFailed("400: Permission being assigned already exists on the object")
        self.grants.append(body)

    def _app(self, rest: list[str], options: Mapping[str, str]) -> Any:
        self._see("see-apps")
        if options["id"] not in self.apps:
            raise NotThere("Resource does not exist or one of its queried reference-property objects are not present")
        app = self.apps[options["id"]]
        match rest:
            case ["show", *_]:
                return app
            case ["update", *_]:
                self._need("change-app")
                app["requiredResourceAccess"] = json.loads(options["required-resource-accesses"])
                return None
            case ["federated-credential", verb, *_]:
                return self._credential(app["credentials"], verb, options)
        raise HookFailed(f"az does not know ad app {rest}")

    def _credential(self, credentials: dict[str, Any], verb: str, options: Mapping[str, str]) -> Any:
        if verb == "list":
            return list(credentials.values())
        self._need("change-app")
        wanted = json.loads(options["parameters"])
        name = options["federated-credential-id"] if verb == "update" else wanted["name"]
        if (verb == "create") == (name in credentials) or (verb == "update" and "name" in wanted):
            raise HookFailed("FederatedIdentityCredential with name already exists, or does not exist")
        credentials[name] = credentials.get(name, {}) | wanted
        return wanted

    def _principal(self, verb: str, options: Mapping[str, str]) -> Any:
        if verb == "list":
            return [each for each in self.principals.values() if options["filter"] == f"appId eq '{each['appId']}'"]
        if verb == "update":
            (found,) = (each for each in self.principals.values() if each["id"] == options["id"])
            self._need("change-principal")
            found["appRoleAssignmentRequired"] = options["set"] != "appRoleAssignmentRequired=false"
            return None
        self._need("make-principal")
        if options["id"] in self.principals:
            raise HookFailed("the service principal name is already in use")
        made = {"id": id_of(f"principal {options['id']}"), "appId": options["id"], "appRoleAssignmentRequired": False}
        self.principals[options["id"]] = made
        return made

    def _vault(self, kind: str, verb: str, options: Mapping[str, str]) -> Any:
        if "vault" in self.lacking or kind in self.lacking or self.roles_work_after > 0:
            self.roles_work_after -= 1
            raise Refused("(Forbidden) Caller is not authorized to perform action on resource.")
        if verb == "show":
            name = options.get("name") or options["id"].rsplit("/", 1)[-1]
            held: Mapping[str, Any] = self.certificates if kind == "certificate" else self.secrets
            if name not in held:
                raise NotThere(
                    f"({kind.title()}NotFound) A {kind} with (name/id) {name} was not found in this key vault."
                )
            return held[name] if options.get("query") == "value" else name
        self.written += 1
        if kind == "certificate":
            self.certificates[options["name"]] = self.certificates.get(options["name"], 0) + 1
            return None
        with open(options["file"], encoding=options["encoding"]) as file:  # noqa: PTH123  as az does
            self.secrets[options["name"]] = file.read()
        return None

    def _need(self, right: str) -> None:
        self._see(right)
        self.written += 1

    def _see(self, right: str) -> None:
        if right in self.lacking:
            raise Refused("Authorization_RequestDenied: Insufficient privileges to complete the operation.")


def _options(arguments: tuple[str, ...]) -> Mapping[str, str]:
    pairs = pairwise(arguments)
    return {name.removeprefix("--"): value for name, value in pairs if name.startswith("--")}
