"""What a step may lack: the sentence that says which role, at which scope, for whom, and who can give it.

Sources: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles and
https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infra.hooks.tools import Refused, Tools

# From what az and azd know to an id in Azure, or to ``tenant ID``, whose roles are Entra ID's.
type Scope = Callable[[Tools], str]


@contextmanager
def needing(tools: Tools, role: str, scope: Scope) -> Iterator[None]:
    """Name the role that whoever is signed in lacks, where what is done here is refused.

    Raises:
        Refused: it is refused.
    """
    try:
        yield
    except Refused as refused:
        raise Refused(f"{lacking(tools, role, scope)} ({refused})") from refused


@contextmanager
def going_on(tools: Tools, otherwise: str) -> Iterator[None]:
    """Say what is refused here and what is ``otherwise`` so, and let the hook do the rest."""
    try:
        yield
    except Refused as refused:
        tools.say(f"!! {refused}")
        tools.say(f"!! {otherwise}: once that is mended, run azd hooks run postprovision")


def lacking(tools: Tools, role: str, scope: Scope) -> str:
    """Return the sentence; the name of whoever az is signed in as is what ``--assignee`` takes."""
    who, where = tools.az("account", "show")["user"]["name"], scope(tools)
    if not where.startswith("/"):
        whom = "a Privileged Role Administrator or a Global Administrator"
        return f"{who} lacks the role {role} in {where}: ask {whom} for it, or have somebody run this who has it"
    command = f'az role assignment create --assignee {who} --role "{role}" --scope {where}'
    return f"{who} lacks the role {role} on {where}: let an Owner or a User Access Administrator run {command}"


def tenant(tools: Tools) -> str:
    """Return the tenant that az is signed in to."""
    return f"tenant {tools.az('account', 'show')['tenantId']}"


def subscription(tools: Tools) -> str:
    """Return the id of the subscription."""
    return f"/subscriptions/{tools.environ.get('AZURE_SUBSCRIPTION_ID') or tools.az('account', 'show')['id']}"


def vault(tools: Tools) -> str:
    """Return the id of the vault of this environment."""
    return f"{_group(tools)}/providers/Microsoft.KeyVault/vaults/{tools.value('AZURE_VAULT_NAME')}"


def site(tools: Tools) -> str:
    """Return the id of the function app of this environment."""
    return f"{_group(tools)}/providers/Microsoft.Web/sites/{tools.value('AZURE_APP_NAME')}"


def _group(tools: Tools) -> str:
    return f"{subscription(tools)}/resourceGroups/{tools.value('AZURE_RESOURCE_GROUP')}"
