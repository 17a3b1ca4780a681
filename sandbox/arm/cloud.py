"""A small public cloud on loopback for ``az``: what is made in it, where it is found, and who signs in."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from sandbox.arm.directory import AdminGraph
from sandbox.arm.front import Front
from sandbox.arm.roles import Allowed
from sandbox.arm.service import Arm
from sandbox.arm.sites import Site
from sandbox.clock import Clock
from sandbox.entra import Entra
from sandbox.entra.directory import Application
from sandbox.keyvault import KeyVault
from sandbox.serving import Service
from sandbox.tls import Tls

TENANT = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"
IDENTITY = "77777777-7777-4777-8777-777777777777"
_IDENTITY_CLIENT_ID = "88888888-8888-4888-8888-888888888888"
GRAPH_ID = "99999999-9999-4999-8999-999999999999"
# It opens nothing but this sandbox.
_SECRET = "of-the-deployer"  # noqa: S105
DEPLOYER = Application(client_id="22222222-2222-4222-8222-222222222222", tenant_ids=(TENANT,), secret=_SECRET)
DEPLOYER_ID = DEPLOYER.object_id(TENANT)
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SCOPE}/resourceGroups/rg-teams"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-teams"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/func-teams"
_ARM, _GRAPH, _LOGIN = "management.azure.com", "graph.microsoft.com", "login.microsoftonline.com"
_VAULT = "kv-teams.vault.azure.net"
_NAMES = (_ARM, _GRAPH, _LOGIN, _VAULT)


class AzureCloud:
    """One tenant, one subscription, a vault and an app, and the deployer, who holds every right at first."""

    def __init__(self, folder: Path, *, permissions: Mapping[str, str]) -> None:
        self.tls = Tls(folder, names=_NAMES)
        self._clock = Clock()
        self._permissions = permissions
        self._entra = Entra(self._clock)
        self._entra.system_identity = Application(client_id=_IDENTITY_CLIENT_ID, tenant_ids=(TENANT,))
        self._entra.register(DEPLOYER)
        self._login = Service(self._entra.app, self.tls)
        self._front = Front({})
        self._services: dict[str, Service] = {}
        self._build()

    def _build(self) -> None:
        self.arm = Arm(self._entra, subscription_id=SUBSCRIPTION, tenant_id=TENANT)
        self.directory = AdminGraph(self._entra, permissions=self._permissions, graph_id=GRAPH_ID)
        self.directory.add_principal(DEPLOYER_ID, DEPLOYER.client_id)
        self.vault = KeyVault(self._entra, self._clock)
        apps = {_ARM: self.arm.app, _GRAPH: self.directory.app, _VAULT: self.vault.app}
        self._services = {name: Service(app, self.tls) for name, app in apps.items()}
        self._close_vault()
        self.grant_everything()

    def grant_everything(self) -> None:
        """Let the deployer do whatever the hooks do."""
        self.arm.assignments.held.clear()
        self.arm.grant(DEPLOYER_ID, "Owner", SCOPE)
        self.arm.grant(DEPLOYER_ID, "Key Vault Certificates Officer", VAULT)
        self.arm.grant(DEPLOYER_ID, "Key Vault Secrets Officer", VAULT)
        self.directory.roles = {
            "Application Developer",
            "Cloud Application Administrator",
            "Privileged Role Administrator",
        }

    def provision(self) -> None:
        """Make what the template makes, as far as somebody asks for it here."""
        self.directory.add_principal(IDENTITY, _IDENTITY_CLIENT_ID)
        reference = f"@Microsoft.KeyVault(SecretUri=https://{_VAULT}/secrets/client-state-key)"
        settings = {"CLIENT_STATE_KEY": reference, "TENANT_IDS": TENANT}
        self.arm.sites.setdefault(SITE, Site(settings=settings, versions=self.vault.versions))

    def writes(self) -> list[str]:
        """Return the requests so far that were to change something."""
        sent = (each for service in self._services.values() for each in service.requests)
        asking = ("/appsettings/list", "/getByIds")
        paths = ((each.method, each.path_qs.partition("?")[0]) for each in sent if each.method != "GET")
        return [f"{method} {path}" for method, path in paths if not path.endswith(asking)]

    async def start(self) -> None:
        """Serve everything."""
        await self._login.start()
        await self._front.start()
        await self._serve()

    async def empty(self) -> None:
        """Begin again with nothing in the cloud; who is signed in stays it."""
        await self._end()
        self._build()
        await self._serve()

    async def stop(self) -> None:
        """End everything."""
        await self._front.stop()
        await self._end()
        await self._login.stop()

    async def _serve(self) -> None:
        await asyncio.gather(*(service.start() for service in self._services.values()))
        self._front.ports = {name: _port(each) for name, each in {**self._services, _LOGIN: self._login}.items()}

    async def _end(self) -> None:
        await asyncio.gather(*(service.stop() for service in self._services.values()))

    def environment(self, folder: Path) -> dict[str, str]:
        """Return the variables with which ``az`` finds this cloud and no other, and keeps its login in ``folder``."""
        proxy = f"http://127.0.0.1:{self._front.port}"
        return {
            **self.tls.environment(),
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_CORE_NO_COLOR": "yes",
            "AZURE_CORE_SURVEY_MESSAGE": "no",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
            "HTTPS_PROXY": proxy,
            "HTTP_PROXY": proxy,
            "NO_PROXY": "",
        }

    def _close_vault(self) -> None:
        def who(action: str) -> Allowed:
            known = {DEPLOYER_ID: DEPLOYER.client_id}
            return Allowed(self.arm.assignments, known, f"Microsoft.KeyVault/vaults/{action}", VAULT)

        self.vault.readers = who("secrets/getSecret/action")
        self.vault.writers = who("secrets/setSecret/action")
        self.vault.certificates.readers = who("certificates/read")
        self.vault.certificates.writers = who("certificates/create/action")


def _port(service: Service) -> int:
    return int(service.url.rpartition(":")[2])
