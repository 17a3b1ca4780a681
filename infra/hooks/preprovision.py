"""Before anything is made: who is signed in may do it, the region has the plan, and the app has a registration."""

from fnmatch import fnmatchcase
from typing import Any

from infra.hooks import rights
from infra.hooks.registration import ensure_registration
from infra.hooks.tools import HookFailed, Tools

# What the template makes: groups and resources, and roles for the app.
# Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged
_ACTIONS = ("Microsoft.Resources/deployments/write", "Microsoft.Authorization/roleAssignments/write")


def preprovision(tools: Tools) -> None:
    """Check what can be checked, and make the registration, whose id the template needs."""
    environment = tools.value("AZURE_ENV_NAME")
    account = tools.az("account", "show")
    _check_account(tools, account)
    _check_rights(tools)
    _check_region(tools)
    if not tools.environ.get("TENANT_IDS"):
        tools.keep("TENANT_IDS", account["tenantId"])
        tools.say(f"TENANT_IDS is {account['tenantId']}, the tenant that az is signed in to")
    if tools.sign_in != "managedIdentity":
        ensure_registration(tools, environment)


def _check_account(tools: Tools, account: Any) -> None:
    wanted = tools.environ.get("AZURE_TENANT_ID")
    if wanted and wanted != account["tenantId"]:
        raise HookFailed(f"az is signed in to tenant {account['tenantId']}: run az login --tenant {wanted}")
    tools.say(f"signed in to tenant {account['tenantId']}, subscription {account['name']}")


def _check_rights(tools: Tools) -> None:
    path = f"{rights.subscription(tools)}/providers/Microsoft.Authorization/permissions"
    with rights.needing(tools, "Owner", rights.subscription):
        held = tools.az("rest", "--method", "get", "--url", f"{path}?api-version=2022-04-01")["value"]
    lacking = [action for action in _ACTIONS if not any(_allows(each, action) for each in held)]
    if lacking:
        raise HookFailed(
            f"{rights.lacking(tools, 'Owner', rights.subscription)}; Contributor and User Access Administrator are "
            f"enough as well (what is not allowed: {', '.join(lacking)})"
        )
    tools.say("you may make resources and assign roles")


def _allows(held: Any, action: str) -> bool:
    def matches(patterns: list[str]) -> bool:
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

    return matches(held["actions"]) and not matches(held["notActions"])


def _check_region(tools: Tools) -> None:
    region = tools.value("AZURE_LOCATION").lower().replace(" ", "")
    offered = {each["name"] for each in tools.az("functionapp", "list-flexconsumption-locations")}
    if region not in offered:
        raise HookFailed(
            f"Flex Consumption is not in {region}: azd env set AZURE_LOCATION to one of {', '.join(sorted(offered))}"
        )
    runtimes = tools.az("functionapp", "list-flexconsumption-runtimes", "--location", region, "--runtime", "python")
    if "3.13" not in {str(each.get("version")) for each in runtimes}:
        raise HookFailed(
            f"Flex Consumption has no Python 3.13 in {region}: azd env set AZURE_LOCATION to another region"
        )
    tools.say(f"{region} has Flex Consumption with Python 3.13")
