"""The app's registration in Entra ID: found by its tag or made; it trusts the app's identity.

Sources:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity and
https://learn.microsoft.com/graph/api/application-post-applications
"""

import json
from collections.abc import Mapping
from typing import Any

from infra.hooks import rights
from infra.hooks.tools import HookFailed, NotThere, Refused, Tools

CREDENTIAL_NAME = "teams-change-notifications"
# Source: the first page above, and its pages for other clouds.
AUDIENCES: Mapping[str, str] = {
    "global": "api://AzureADTokenExchange",
    "usgov": "api://AzureADTokenExchangeUSGov",
    "dod": "api://AzureADTokenExchangeUSGov",
    "china": "api://AzureADTokenExchangeChina",
}


def ensure_registration(tools: Tools, environment: str) -> str:
    """Return the client id of the registration of this environment of azd; make one if there is none.

    Raises:
        HookFailed: the one that CLIENT_ID names does not exist, or Entra ID refuses to make one.
    """
    if client_id := tools.environ.get("CLIENT_ID"):
        try:
            with rights.needing(tools, "Directory Readers", rights.tenant):
                tools.az("ad", "app", "show", "--id", client_id)
        except NotThere as exc:
            raise HookFailed(f"CLIENT_ID is {client_id}, which is no registration of this tenant: correct it") from exc
        tools.say(f"registration {client_id} is there")
        return client_id
    tag = f"azd-env-name:{environment}"
    query = f"applications?$filter=tags/any(t:t eq '{tag}')&$select=appId,displayName"
    with rights.needing(tools, "Directory Readers", rights.tenant):
        found = tools.graph("get", query)["value"]
    if len(found) > 1:
        raise HookFailed(f"{len(found)} registrations have the tag {tag}: azd env set CLIENT_ID to the right one")
    app = found[0] if found else _make(tools, environment, tag)
    tools.say(f"registration {app['displayName']} ({app['appId']}) {'is there' if found else 'was made'}")
    tools.keep("CLIENT_ID", app["appId"])
    return str(app["appId"])


def _make(tools: Tools, environment: str, tag: str) -> Any:
    several = "," in tools.environ.get("TENANT_IDS", "")
    body = {
        "displayName": f"Teams change notifications ({environment})",
        "signInAudience": "AzureADMultipleOrgs" if several else "AzureADMyOrg",
        "tags": [tag],
    }
    try:
        with rights.needing(tools, "Application Developer", rights.tenant):
            return tools.graph("post", "applications", body)
    except Refused as exc:
        raise HookFailed(f"{exc}. Or have a registration made, then azd env set CLIENT_ID ID") from exc


def ensure_federated_credential(tools: Tools, *, client_id: str, tenant_id: str, principal_id: str) -> None:
    """Let the registration trust tokens of the app's identity."""
    wanted = {
        "name": CREDENTIAL_NAME,
        "issuer": tools.cloud.issuer_v2.format(tid=tenant_id),
        "subject": principal_id,
        "audiences": [AUDIENCES[tools.environ.get("GRAPH_CLOUD") or "global"]],
    }
    credential = ("ad", "app", "federated-credential")
    found = {each["name"]: each for each in tools.az(*credential, "list", "--id", client_id)}
    present = found.get(CREDENTIAL_NAME)
    if present is not None and {key: present.get(key) for key in wanted} == wanted:
        tools.say("the registration trusts the app's identity already")
    elif present is not None:
        # The identity was made anew: another subject under the same name, which itself cannot be changed.
        # Source: https://learn.microsoft.com/graph/api/federatedidentitycredential-update
        changed = {key: value for key, value in wanted.items() if key != "name"}
        which = ("--id", client_id, "--federated-credential-id", CREDENTIAL_NAME)
        tools.az(*credential, "update", *which, "--parameters", json.dumps(changed))
        tools.say("the registration trusts the app's identity again")
    else:
        tools.az(*credential, "create", "--id", client_id, "--parameters", json.dumps(wanted))
        tools.say("the registration trusts the app's identity from now on")
