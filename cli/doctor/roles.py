"""The command that grants what a refusal says is missing.

Source: https://learn.microsoft.com/cli/azure/role/assignment
"""

import re

# As shared/azure_calls.py and shared/events/event_hub.py write it.
_REFUSAL = re.compile(r"identity (?P<oid>[0-9a-f-]{36}) .*grant it the role (?P<role>[^,]+) on (?P<host>[^,\s]+),")
_WAIT = "a new role takes up to ten minutes; what waits in `parked` meanwhile is not lost"


def role_remedies(refusal: str) -> tuple[str, ...]:
    """Return the command that grants the role named in a refusal; nothing if it names none."""
    found = _REFUSAL.search(refusal)
    if found is None:
        return ()
    name = found["host"].partition(".")[0]
    command = (
        f'az role assignment create --assignee-object-id {found["oid"]} --role "{found["role"]}" '
        f"--scope $({_shown(refusal, name)} --output tsv)"
    )
    return command, _WAIT


def _shown(refusal: str, name: str) -> str:
    if refusal.startswith("the event hub"):
        # To show a namespace, the CLI asks for its resource group, which nobody here knows.
        return f"az resource list --name {name} --resource-type Microsoft.EventHub/namespaces --query [0].id"
    kind = "keyvault" if refusal.startswith("Key Vault") else "storage account"
    return f"az {kind} show --name {name} --query id"


def of_the_login(refusal: str) -> str:
    """Return a refusal of the operator's own login, which the text of a client takes for the app's."""
    return refusal.replace("the app's identity", "your login")
