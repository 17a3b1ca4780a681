"""Entra ID and Key Vault on loopback, with outages that a test can begin and end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.clock import Clock
from sandbox.entra import Application, Entra
from sandbox.keyvault import KeyVault
from sandbox.serving import Fault, Service
from sandbox.tls import Tls
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sandbox.background import Background, running
from tests.sandbox.used_keys import used_keys
from tests.sender import CLIENT_ID, OTHER_TENANT, TENANT

CERTIFICATE_NAME = "graph-notifications"
CLIENT_SECRET = "correct horse battery staple"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"
IDENTITY = Application(client_id="f3f1a0f4-6b0c-4b0e-9ed4-7ad6d7d3a5c1", tenant_ids=(TENANT,))
REGISTRATION = Application(
    client_id=CLIENT_ID, tenant_ids=(TENANT, OTHER_TENANT), secret=CLIENT_SECRET, roles=("Chat.Read.All",)
)


@dataclass(frozen=True, kw_only=True)
class IdentityServices:
    background: Background
    tls: Tls
    entra: Entra
    vault: KeyVault
    login: Service
    vault_service: Service

    def environment(self) -> dict[str, str]:
        """Return what makes the real clients trust this world, and find their managed identity in it."""
        identity = {"IDENTITY_ENDPOINT": f"{self.login.url}/msi/token", "IDENTITY_HEADER": self.entra.identity_header}
        return self.tls.environment() | identity

    def as_it_was(self) -> None:
        """End what a test before has changed; what is in the vault stays, under versions of its own."""
        for service in (self.login, self.vault_service):
            service.faults.clear()
            service.requests.clear()
        self.vault.readers = None
        self.entra.register(REGISTRATION)

    @contextmanager
    def down(self, service: Service) -> Iterator[None]:
        """Refuse every connection to the service's address."""
        self.background.run(service.stop())
        try:
            yield
        finally:
            self.background.run(service.start())


@contextmanager
def fault(service: Service, switched_on: Fault) -> Iterator[None]:
    handle = service.faults.add(switched_on)
    try:
        yield
    finally:
        service.faults.remove(handle)


@contextmanager
def identity_services(folder: Path) -> Iterator[IdentityServices]:
    clock, tls, keys = Clock(), Tls(folder), used_keys()
    entra = Entra(clock, key_source=keys)
    entra.system_identity = IDENTITY
    vault = KeyVault(entra, clock, key_source=keys)
    login, vault_service = Service(entra.app, tls), Service(vault.app, tls)
    with running(login, vault_service) as background:
        yield IdentityServices(
            background=background, tls=tls, entra=entra, vault=vault, login=login, vault_service=vault_service
        )


def hanging(path: str = "", *, times: int | None = None) -> Fault:
    """Return a fault that outlasts Graph's patience."""
    return replace(Fault(delay=2 * PATIENCE_SECONDS, times=times), path=path)
