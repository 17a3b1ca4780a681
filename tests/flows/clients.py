"""The real clients of one process of the app: settings in, everything that it calls out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from shared.authenticity import GRAPH_CHANGE_TRACKING, Audience, ValidationTokens
from shared.credentials import AppCredential
from shared.graph import Graph
from shared.hearing import Hearing
from shared.inventory import Inventory
from shared.keyvault import Certificates
from shared.limits import LISTS, RateLimiter
from shared.reader import ResourceReader
from shared.settings import Settings
from shared.signing_keys import SigningKeys
from shared.storage import table_service
from shared.timing import Clock
from shared.tracking import Tracking
from tests.edges.outside import GRAPH_SCOPE


@dataclass(frozen=True, kw_only=True)
class Clients:
    """What the app calls; ``made_at`` by the sandbox's clock."""

    settings: Settings
    made_at: datetime
    graphs: Mapping[str, Graph]
    certificates: Certificates
    tracking: Tracking
    hearing: Hearing
    signing_keys: SigningKeys
    validation_tokens: ValidationTokens
    reader: ResourceReader
    inventory: Inventory

    @classmethod
    def made(cls, settings: Settings, clock: Clock, now: datetime) -> Self:
        credential = ManagedIdentityCredential()
        lists = RateLimiter(clock, LISTS)
        graphs = {tenant_id: _graph(settings, tenant_id, lists) for tenant_id in settings.tenant_ids}
        vault = SecretClient(settings.key_vault_url or "", credential)
        tables = table_service(settings, credential)
        tracking = Tracking(tables)
        return cls(
            settings=settings,
            made_at=now,
            graphs=graphs,
            certificates=Certificates(vault, settings.encryption_certificate_name or ""),
            tracking=tracking,
            hearing=Hearing(tracking.hear),
            signing_keys=SigningKeys(settings.login_url),
            validation_tokens=ValidationTokens(_audience(settings)),
            reader=ResourceReader(lambda location: graphs[location.tenant_id].get(location)),
            inventory=Inventory(tables),
        )

    def serve(self, settings: Settings) -> bool:
        """Return whether ``settings`` are what these were made from, as far as clients go."""
        return _of_clients(self.settings) == _of_clients(settings)


def _of_clients(settings: Settings) -> Settings:
    kept = timedelta(minutes=1)
    return replace(settings, client_state_keys=(), notification_url="", renew_after=kept, subscription_lifetime=kept)


def _graph(settings: Settings, tenant_id: str, lists: RateLimiter) -> Graph:
    credential = AppCredential(settings, tenant_id, lambda: settings.client_secret or "")
    return Graph(settings.graph_url, credential, scope=GRAPH_SCOPE, turn=lists.wait)


def _audience(settings: Settings) -> Audience:
    return Audience(
        client_id=settings.client_id,
        tenant_ids=settings.tenant_ids,
        cloud=settings.cloud,
        caller_id=GRAPH_CHANGE_TRACKING,
    )
