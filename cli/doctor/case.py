"""What the checks look at: the settings, the clients with the operator's own login, and the row of the app's last run.

Source: https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from cli.vault_certificates import VaultCertificates
from shared.app.clients import Clients
from shared.errors import Misconfigured
from shared.settings import Settings
from shared.subscriptions.deployment_status import Answers, DeploymentStatus
from shared.subscriptions.tracked import TenantState, TrackedSubscription


# Not frozen: what was read once is kept. No slots: cached_property needs a dictionary.
@dataclass(kw_only=True)
class Case:
    """One visit of the doctor. Properties raise Misconfigured and Unavailable as what they read does."""

    environ: Mapping[str, str]
    requested_tenant: str = ""
    requirements: Path = Path(__file__).parents[2] / "requirements.txt"
    _certificates: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict, init=False)
    _states: dict[str, TenantState] = field(default_factory=dict, init=False)

    def now(self) -> datetime:
        """Return storage's time, by which the app writes its rows; this machine's if storage does not answer."""
        return self.clients.clock.now()

    @cached_property
    def settings(self) -> Settings:
        """Return the settings; the problem names every fault."""
        return Settings.from_environ(self.environ)

    @cached_property
    def clients(self) -> Clients:
        """Return the clients, which sign in as the operator."""
        clients = Clients(self.settings)
        clients.synchronise_clock()
        return clients

    @property
    def tenant_ids(self) -> Sequence[str]:
        """Return the tenants to look at."""
        return (self.requested_tenant,) if self.requested_tenant else self.settings.tenant_ids

    @cached_property
    def login(self) -> TokenCredential:
        """Return the operator's own login."""
        identity = self.settings.managed_identity
        return DefaultAzureCredential(managed_identity_client_id=identity, connection_timeout=1, read_timeout=2)

    @cached_property
    def login_claims(self) -> Mapping[str, Any]:
        """Return what the login's token says of the operator, for people to see.

        Raises:
            Misconfigured: nobody is signed in.
        """
        try:
            payload = self.login.get_token(f"{self.settings.cloud.graph_url}/.default").token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except AzureError as exc:
            raise Misconfigured("nobody is signed in to Azure here: run az login") from exc
        except (IndexError, ValueError):
            return {}
        return claims if isinstance(claims, dict) else {}

    @cached_property
    def owner(self) -> DeploymentStatus | None:
        """Return the row of the deployment that looks after the subscriptions; None before its first run."""
        return self.clients.status_table().load().of_owner()

    @property
    def answers(self) -> Answers:
        """Return what the systems answered to the app itself in its last run."""
        row = self.owner
        if row is None or row.answers is None:
            raise Misconfigured("no run of RenewSubscriptions has ended yet")
        return row.answers

    def state(self, tenant_id: str) -> TenantState:
        """Return what the table has of a tenant."""
        if tenant_id not in self._states:
            self._states[tenant_id] = self.clients.subscription_table().load(tenant_id)
        return self._states[tenant_id]

    def rows(self) -> Sequence[TrackedSubscription]:
        """Return what is tracked in the tenants to look at."""
        return [row for tenant_id in self.tenant_ids for row in self.state(tenant_id).tracked]

    def certificate(self, name: str, version: str = "") -> Mapping[str, Any]:
        """Return a certificate as the vault shows it without its key.

        Raises:
            NotFound: there is none.
        """
        if (name, version) not in self._certificates:
            self._certificates[name, version] = self.certificates.get(name, version)
        return self._certificates[name, version]

    @cached_property
    def certificates(self) -> VaultCertificates:
        """Return the vault's certificates."""
        return VaultCertificates(SecretClient(self.settings.key_vault_url or "", self.login))
