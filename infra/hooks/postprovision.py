"""After the resources are made: certificate, key, trust and permissions, and settings that refer to the vault."""

from datetime import timedelta
from pathlib import Path

from infra.hooks import rights
from infra.hooks.permissions import (
    ensure_change_tracking,
    ensure_listed,
    ensure_open,
    ensure_permissions,
    required,
    service_principal,
)
from infra.hooks.registration import ensure_federated_credential
from infra.hooks.tools import HookFailed, Tools
from infra.hooks.vault import ensure_certificate, ensure_key, exists
from shared.app.deployments import SUBSCRIPTIONS_FILE

# Who owns the registration can do the same without the role.
_OF_OWNERS = "Cloud Application Administrator"
_API = "api-version=2022-03-01"
_PAUSE, _PATIENCE = timedelta(seconds=10), timedelta(minutes=10)


def postprovision(tools: Tools, file: Path = SUBSCRIPTIONS_FILE) -> None:
    """Make what the template cannot make."""
    vault = tools.value("AZURE_VAULT_NAME")
    ensure_certificate(tools, vault)
    ensure_key(tools, vault)
    _prepare_graph(tools, vault, file)
    refresh_references(tools)


def _prepare_graph(tools: Tools, vault: str, file: Path) -> None:
    identity = tools.value("AZURE_IDENTITY_PRINCIPAL_ID")
    tenant_ids = [each.strip() for each in tools.value("TENANT_IDS").split(",")]
    permissions = required(file, tenant_ids)
    if tools.sign_in == "managedIdentity":
        ensure_permissions(tools, identity, permissions)
    else:
        client_id = tools.value("CLIENT_ID")
        otherwise = f"registration {client_id} is not as the app needs it"
        with rights.going_on(tools, otherwise), rights.needing(tools, _OF_OWNERS, rights.tenant):
            principal = service_principal(tools, client_id)
            ensure_permissions(tools, principal["id"], permissions)
            ensure_open(tools, principal)
        with rights.going_on(tools, otherwise), rights.needing(tools, _OF_OWNERS, rights.tenant):
            _trust(tools, vault, client_id, identity)
            ensure_listed(tools, client_id, permissions)
        _say_consent(tools, client_id, tenant_ids)
    ensure_change_tracking(tools)


def _trust(tools: Tools, vault: str, client_id: str, identity: str) -> None:
    tenant_id = tools.az("account", "show")["tenantId"]
    if tools.sign_in == "federated":
        ensure_federated_credential(tools, client_id=client_id, tenant_id=tenant_id, principal_id=identity)
        return
    name = "client-secret" if tools.sign_in == "secret" else tools.value("CLIENT_CERTIFICATE_NAME")
    if not exists(tools, vault, name):
        tools.say(f"!! {vault} has no {name}, with which the app signs in: docs/deploy.md says how to make it")


def _say_consent(tools: Tools, client_id: str, tenant_ids: list[str]) -> None:
    home = tools.az("account", "show")["tenantId"]
    for tenant_id in tenant_ids:
        if tenant_id != home:
            url = f"{tools.cloud.login_url}/{tenant_id}/adminconsent?client_id={client_id}"
            tools.say(f"!! an administrator of tenant {tenant_id} has to consent once: {url}")


def refresh_references(tools: Tools) -> None:
    """Have the app fetch the secrets that its settings refer to, which it would do within a day.

    Source: https://learn.microsoft.com/azure/app-service/app-service-key-vault-references

    Raises:
        HookFailed: one of them is not resolved within ten minutes.
    """
    references = f"{rights.site(tools)}/config/configreferences/appsettings"
    with rights.needing(tools, "Website Contributor", rights.site):
        unresolved, waited = _unresolved(tools, references), timedelta()
        if unresolved:
            tools.az("rest", "--method", "post", "--url", f"{references}/refresh?{_API}")
        while unresolved and waited < _PATIENCE:
            tools.wait(_PAUSE)
            waited += _PAUSE
            unresolved = _unresolved(tools, references)
    if unresolved:
        raise HookFailed(f"these settings refer to secrets that the app does not get: {', '.join(unresolved)}")
    tools.say("the app has the secrets that its settings refer to")


def _unresolved(tools: Tools, references: str) -> list[str]:
    found = tools.az("rest", "--method", "get", "--url", f"{references}?{_API}")["value"]
    states = {each["name"]: each["properties"]["status"] for each in found}
    return [f"{name} ({status})" for name, status in sorted(states.items()) if status != "Resolved"]
