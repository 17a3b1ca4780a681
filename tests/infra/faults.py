"""What a deployment by the template would lack, or have too much: the snapshot held against the code.

The compiler sees none of it: refused settings, wrong names and numbers build without a warning.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from infra.check import INFRA
from ReceiveNotification import _POSTS
from shared.audit.audit_table import TABLE as AUDITS
from shared.events.claim_check import DATA_CONTAINER
from shared.gaps.gap_table import TABLE as GAPS
from shared.gaps.snapshot_table import TABLE as KNOWN
from shared.receiving.post_store import PARKED, QUARANTINE
from shared.receiving.quarantine import KEPT_FOR
from shared.subscriptions.status_table import TABLE as STATUS
from shared.subscriptions.subscription_table import TABLE as SUBSCRIPTIONS
from tests.fakes.settings_environment import names_asked_for
from tests.infra.alerts import alert_faults, rule_identities
from tests.infra.roles import NEEDS, ROLE_IDS
from tests.infra.snapshot import Snapshot

type Check = Callable[[str, Snapshot], Iterator[str]]

# Settings of the app that a deployment does not need, each with the reason.
LEFT_OUT = {
    "AzureWebJobsStorage": "the account takes no key; an empty one beside the others breaks the host",
    "AzureWebJobsStorage__blobServiceUri": "the name of the account is enough in the public cloud",
    "AzureWebJobsStorage__queueServiceUri": "the same",
    "AzureWebJobsStorage__tableServiceUri": "the same",
    "EventHubConnection": "events go to a queue; docs/deploy.md says how an event hub takes its place",
    "EventHubConnection__clientId": "the same",
    "EventHubConnection__credential": "the same",
    "EventHubConnection__fullyQualifiedNamespace": "the same",
}
# What the host and Azure's runtime read.
OF_THE_HOST = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "FEDERATED_IDENTITY_CLIENT_ID",
    "RENEW_SCHEDULE",
}
# Source: https://learn.microsoft.com/azure/azure-functions/functions-app-settings (Flex Consumption plan deprecations)
REFUSED = {
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "TZ",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
    "WEBSITE_VNET_ROUTE_ALL",
}
_INSIGHTS = "Microsoft.Insights"
_RESOURCE_ID = re.compile(r"/subscriptions/[\w-]+/resourceGroups/\w[\w-]*(?:/providers/[\w./-]+)?")
PACKAGE = "app-package"
# Source: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#instance-sizes
_MEMORY_MB = {512, 2048, 4096}


def _settings(_name: str, snapshot: Snapshot) -> Iterator[str]:
    wanted = (names_asked_for() - LEFT_OUT.keys()) | OF_THE_HOST
    found = set(snapshot.settings)
    yield from (f"setting {name} is not set" for name in sorted(wanted - found))
    yield from (f"setting {name} is not read" for name in sorted(found - wanted))
    yield from (f"setting {name} is refused" for name in sorted(found & REFUSED))


def _roles(name: str, snapshot: Snapshot) -> Iterator[str]:
    needed = {(ROLE_IDS[need.role], need.holder, need.scope) for need in NEEDS if need.only in {"", name}}
    found = [(each.role_id, each.holder, each.scope) for each in snapshot.assignments]
    yield from (f"role is missing: {each}" for each in needed - set(found))
    yield from (f"role is not needed: {each}" for each in set(found) - needed)
    if len(found) != len(set(found)):
        yield "a role is given twice"


def _names(_name: str, snapshot: Snapshot) -> Iterator[str]:
    sink = snapshot.settings.get("EVENT_SINK", "").removeprefix("queue:")
    for kind, names in {
        "blobServices/containers": {PACKAGE, DATA_CONTAINER, PARKED, QUARANTINE},
        "queueServices/queues": {sink},
        "tableServices/tables": {AUDITS, GAPS, KNOWN, STATUS, SUBSCRIPTIONS},
    }.items():
        if snapshot.children(kind) != names:
            yield f"{kind} are {sorted(snapshot.children(kind))}, and the code uses {sorted(names)}"


def _retention(_name: str, snapshot: Snapshot) -> Iterator[str]:
    rules = snapshot.one("Microsoft.Storage/storageAccounts/managementPolicies").get("policy", {}).get("rules", [])
    days = {
        rule["definition"]["filters"]["prefixMatch"][0]: rule["definition"]["actions"]["baseBlob"]["delete"][
            "daysAfterCreationGreaterThan"
        ]
        for rule in rules
    }
    if set(days) != {f"{DATA_CONTAINER}/", f"{QUARANTINE}/"}:
        yield f"blobs are deleted in {sorted(days)}"
    elif days[f"{QUARANTINE}/"] <= KEPT_FOR.days:
        yield "quarantined items are deleted before the app would"


def _limits(_name: str, snapshot: Snapshot) -> Iterator[str]:
    host = json.loads((INFRA.parent / "host.json").read_text(encoding="utf-8"))
    config = snapshot.app.get("functionAppConfig", {})
    scale = config.get("scaleAndConcurrency", {})
    if config.get("runtime") != {"name": "python", "version": _python()}:
        yield "the runtime is not the one that the repository is tested with"
    at_once = scale.get("triggers", {}).get("http", {}).get("perInstanceConcurrency", 0)
    if not _POSTS._max_workers < at_once <= 2 * _POSTS._max_workers:
        yield f"{at_once} requests at a time do not go with {_POSTS._max_workers} threads"
    if host["extensions"]["http"].keys() & {"maxConcurrentRequests", "maxOutstandingRequests"}:
        yield "host.json limits requests as well"
    if scale.get("instanceMemoryMB") not in _MEMORY_MB:
        yield "the instances have a size that Azure does not offer"
    if [each["name"] for each in scale.get("alwaysReady", [])] != ["http"]:
        yield "the always-ready instances are not those for requests"


def _python() -> str:
    return (INFRA.parent / ".python-version").read_text(encoding="utf-8").strip()


def _public_url(_name: str, snapshot: Snapshot) -> Iterator[str]:
    host = json.loads((INFRA.parent / "host.json").read_text(encoding="utf-8"))
    route = f"https://{{0}}/{host['extensions']['http']['routePrefix']}/ReceiveNotification"
    url = snapshot.settings.get("NOTIFICATION_URL", "")
    if route not in url or "defaultHostName" not in url:
        yield "NOTIFICATION_URL is not where the host serves ReceiveNotification"


def _package(_name: str, snapshot: Snapshot) -> Iterator[str]:
    storage = snapshot.app.get("functionAppConfig", {}).get("deployment", {}).get("storage", {})
    if f"{{0}}{PACKAGE}'" not in storage.get("value", ""):
        yield "the app does not take its package from its container"
    if storage.get("type") != "blobContainer":
        yield "the package is not in a container"
    if storage.get("authentication", {}).get("type") != "UserAssignedIdentity":
        yield "the app does not fetch its package with its identity"
    sites = snapshot.of_type("Microsoft.Web/sites")
    if not sites or sites[0]["tags"].get("azd-service-name") != "app":
        yield "azd cannot find the app"


def _closed(_name: str, snapshot: Snapshot) -> Iterator[str]:
    for kind, required in _REQUIRED.items():
        found = snapshot.one(kind)
        yield from (f"{kind}: {key} is not {value}" for key, value in required.items() if found.get(key) != value)
    if snapshot.app.get("siteConfig") != {"minTlsVersion": "1.2"}:
        yield "siteConfig has what Flex Consumption refuses"
    passwords = snapshot.of_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    closed = {each["name"].rsplit("/", 1)[-1] for each in passwords if each["properties"]["allow"] is False}
    if closed != {"ftp", "scm"}:
        yield "somebody can publish with a password"
    reports = {
        each["id"].split("/providers/")[1].split("/")[0] for each in snapshot.of_type(f"{_INSIGHTS}/diagnosticSettings")
    }
    if reports != {"Microsoft.KeyVault", "Microsoft.Web"}:
        yield "what the vault or the app reports goes nowhere"


_REQUIRED: dict[str, dict[str, Any]] = {
    "Microsoft.Storage/storageAccounts": {
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    },
    "Microsoft.KeyVault/vaults": {"enableRbacAuthorization": True, "enableSoftDelete": True},
    f"{_INSIGHTS}/components": {"DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"features": {"disableLocalAuth": True}},
    "Microsoft.Web/serverfarms": {"reserved": True},
    "Microsoft.Web/sites": {"httpsOnly": True},
}


def _network(name: str, snapshot: Snapshot) -> Iterator[str]:
    groups = {
        connection["properties"]["groupIds"][0]
        for endpoint in snapshot.of_type("Microsoft.Network/privateEndpoints")
        for connection in endpoint["properties"]["privateLinkServiceConnections"]
    }
    wanted = {"blob", "queue", "table", "vault"} if name == "full" else set()
    zones = snapshot.of_type("Microsoft.Network/privateDnsZones")
    links = snapshot.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    records = snapshot.of_type("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    if groups != wanted or {len(zones), len(links), len(records)} != {len(wanted)}:
        yield f"private endpoints, zones, links and records are not those of {sorted(wanted)}"
    action = "Deny" if wanted else "Allow"
    for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"):
        if snapshot.one(kind).get("networkAcls", {}).get("defaultAction") != action:
            yield f"{kind} is not closed or open to the network"
    if bool(snapshot.app.get("virtualNetworkSubnetId")) != bool(wanted):
        yield "the app is not in the network"


def _identity(_name: str, snapshot: Snapshot) -> Iterator[str]:
    made = {each["id"] for each in snapshot.of_type("Microsoft.ManagedIdentity/userAssignedIdentities")}
    identities = made - rule_identities(snapshot)
    sites = snapshot.of_type("Microsoft.Web/sites")
    authentication = (
        snapshot.app.get("functionAppConfig", {}).get("deployment", {}).get("storage", {}).get("authentication", {})
    )
    used = (snapshot.app.get("keyVaultReferenceIdentity"), authentication.get("userAssignedIdentityResourceId"))
    held = set(sites[0]["identity"]["userAssignedIdentities"]) if sites else set()
    if held != identities or any([each] != list(identities) for each in used):
        yield "the app has not one identity for everything"


def _references(_name: str, snapshot: Snapshot) -> Iterator[str]:
    group, *made = sorted({resource["id"] for resource in snapshot.resources}, key=len) or [""]
    for found in set(_RESOURCE_ID.findall(json.dumps(snapshot.resources))):
        if found != group and not any(found == each or found.startswith(f"{each}/") for each in made):
            yield f"nothing makes {found}"


CHECKS: tuple[Check, ...] = (
    _settings,
    _roles,
    _names,
    _retention,
    _limits,
    _public_url,
    _package,
    _closed,
    _network,
    _identity,
    _references,
    alert_faults,
)


def faults(name: str, snapshot: Snapshot) -> list[str]:
    """Return what is wrong with a snapshot, of which ``name`` says which one it is."""
    return [fault for check in CHECKS for fault in check(name, snapshot)]
