"""Microsoft's clouds as data: the addresses and the token issuers of each."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One of Microsoft's clouds; "{tid}" in an issuer stands for the tenant id.

    ``exchange_audience``: whom a managed identity's token is for that stands in for an application's secret.

    Source: https://learn.microsoft.com/graph/deployments (addresses),
    https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers
    (vaults), https://learn.microsoft.com/answers/questions/1190472 (issuers) and
    https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    (token exchange)
    """

    graph_url: str
    login_url: str
    issuer_v1: str
    issuer_v2: str
    storage_suffix: str
    key_vault_suffix: str
    exchange_audience: str


CLOUDS: Mapping[str, Cloud] = {
    "global": Cloud(
        graph_url="https://graph.microsoft.com",
        login_url="https://login.microsoftonline.com",
        issuer_v1="https://sts.windows.net/{tid}/",
        issuer_v2="https://login.microsoftonline.com/{tid}/v2.0",
        storage_suffix="core.windows.net",
        key_vault_suffix="vault.azure.net",
        exchange_audience="api://AzureADTokenExchange",
    ),
    "usgov": Cloud(
        graph_url="https://graph.microsoft.us",
        login_url="https://login.microsoftonline.us",
        issuer_v1="https://sts.windows.net/{tid}/",
        issuer_v2="https://login.microsoftonline.us/{tid}/v2.0",
        storage_suffix="core.usgovcloudapi.net",
        key_vault_suffix="vault.usgovcloudapi.net",
        exchange_audience="api://AzureADTokenExchangeUSGov",
    ),
    "dod": Cloud(
        graph_url="https://dod-graph.microsoft.us",
        login_url="https://login.microsoftonline.us",
        issuer_v1="https://sts.windows.net/{tid}/",
        issuer_v2="https://login.microsoftonline.us/{tid}/v2.0",
        storage_suffix="core.usgovcloudapi.net",
        key_vault_suffix="vault.usgovcloudapi.net",
        exchange_audience="api://AzureADTokenExchangeUSGov",
    ),
    "china": Cloud(
        graph_url="https://microsoftgraph.chinacloudapi.cn",
        login_url="https://login.chinacloudapi.cn",
        issuer_v1="https://sts.chinacloudapi.cn/{tid}/",
        issuer_v2="https://login.partner.microsoftonline.cn/{tid}/v2.0",
        storage_suffix="core.chinacloudapi.cn",
        key_vault_suffix="vault.azure.cn",
        exchange_audience="api://AzureADTokenExchangeChina",
    ),
}
