"""Which operation needs which role: what the code does, what its host does, and what whoever deploys does.

Sources: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles (data actions) and
https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity (host)
"""

from collections.abc import Mapping
from dataclasses import dataclass

ROLE_IDS: Mapping[str, str] = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Queue Data Message Sender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
    "Storage Queue Data Reader": "19e7f393-937e-4f77-808e-94535e297925",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Key Vault Certificates Officer": "a4417e6f-fecd-4de8-b567-7b0420556985",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Log Analytics Reader": "73c42c96-874c-492b-b04d-ab87d138a893",
}

ACCOUNT = "Microsoft.Storage/storageAccounts"
QUEUE = f"{ACCOUNT}/queueServices/queues"
VAULT = "Microsoft.KeyVault/vaults"
COMPONENT = "Microsoft.Insights/components"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Operations that ``who`` (code, host, deployer or alerts) does, and the role that allows them at a scope.

    ``only``: the deployment in which they are done; empty in each.
    """

    operations: tuple[str, ...]
    who: str
    role: str
    scope: str
    only: str = ""

    @property
    def holder(self) -> str:
        return "app" if self.who in {"code", "host"} else self.who


def _need(who: str, role: str, scope: str, *operations: str, only: str = "") -> Need:
    return Need(operations=operations, who=who, role=role, scope=scope, only=only)


_BLOBS = "Storage Blob Data Owner"
_TABLES = "Storage Table Data Contributor"

NEEDS = (
    _need("code", _BLOBS, ACCOUNT, "GET blob", "HEAD blob", "PUT blob", "DELETE blob"),
    _need("code", _BLOBS, ACCOUNT, "GET container", "HEAD container", "PUT container", "POST container"),
    _need("host", _BLOBS, ACCOUNT, "locks of the timer", "keys of the functions", "the package"),
    _need("code", _TABLES, ACCOUNT, "GET rows", "POST row", "PUT row", "PATCH row", "DELETE row", "POST batch"),
    _need("code", _TABLES, ACCOUNT, "GET tables", "POST table", "DELETE table"),
    _need("host", _TABLES, ACCOUNT, "diagnostic events"),
    _need("code", "Storage Queue Data Message Sender", QUEUE, "POST message"),
    _need("code", "Storage Queue Data Reader", QUEUE, "GET queue", "GET message"),
    _need("code", "Key Vault Secrets User", VAULT, "GET secret"),
    _need("host", "Key Vault Secrets User", VAULT, "references in settings"),
    _need("code", "Key Vault Secrets Officer", VAULT, "PUT secret", only="full"),
    _need("host", "Monitoring Metrics Publisher", COMPONENT, "logs and metrics"),
    _need("deployer", "Storage Blob Data Reader", ACCOUNT, "parked list", "quarantine list"),
    _need("deployer", "Storage Queue Data Reader", ACCOUNT, "events peek"),
    _need("deployer", _TABLES, ACCOUNT, "subscriptions list", "subscriptions remove --all"),
    _need("deployer", "Key Vault Certificates Officer", VAULT, "the encryption certificate"),
    _need("deployer", "Key Vault Secrets Officer", VAULT, "the client-state key"),
    _need("deployer", "Log Analytics Reader", WORKSPACE, "the log"),
    _need("alerts", "Log Analytics Reader", WORKSPACE, "the queries of the rules"),
)

# The tables, queue and containers are there before the app is, so that it needs no right to make a queue.
MADE_BY_THE_TEMPLATE = ("PUT queue",)
