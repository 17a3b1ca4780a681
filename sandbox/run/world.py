"""Everything outside the app, started and wired together on loopback, with the app on its host in the middle."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiohttp

from sandbox.azurite import Azurite
from sandbox.clock import Clock
from sandbox.entra import Account, Application, Entra
from sandbox.graph import Graph
from sandbox.host.core_tools import CoreTools
from sandbox.host.process import FunctionsHost
from sandbox.keyvault import KeyVault
from sandbox.run.deployment import stage
from sandbox.run.relayed_storage import RelayedStorage
from sandbox.run.sign_in import SignIn, register
from sandbox.run.sink import Sink, new_event_hubs, sink_settings
from sandbox.serving import Service
from sandbox.teams import Teams, User
from sandbox.tls import Tls

if TYPE_CHECKING:
    from sandbox.eventhubs import EventHubs

CERTIFICATE_NAME = "graph-notifications"

# Application permissions, least privilege first, for the articles' resources.
# Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions#permissions
_ROLES = (
    "Chat.ReadBasic.All",
    "Chat.Read.All",
    "ChatMember.Read.All",
    "ChannelMessage.Read.All",
    "Team.ReadBasic.All",
    "Channel.ReadBasic.All",
    "TeamMember.Read.All",
    "ChannelMember.Read.All",
    # To list the people whose chats are read to close a gap.
    "User.Read.All",
    # Of these, Graph has no list from which a gap could be closed.
    "CallRecords.Read.All",
)

# What users who sign in may grant the app.
_SCOPES = ("Chat.Read", "ChatMessage.Send", "Presence.Read.All")

_EXECUTED = re.compile(r"Executed 'Functions\.RenewSubscriptions' \((Succeeded|Failed)")
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The app's registration in Entra ID, and the secret that it signs client states with."""

    tenant_ids: tuple[str, ...]
    client_id: str = field(default_factory=lambda: str(uuid4()))
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    client_state_key: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)


class World:
    """The outside world of one deployment. ``start_services``, then ``start_host``; ``stop`` ends whatever runs."""

    def __init__(
        self,
        folder: Path,
        registration: Registration | None = None,
        *,
        clock: Clock | None = None,
        sign_in: SignIn = SignIn.SECRET,
        sink: Sink = Sink.QUEUE,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clock = clock or Clock()
        self.tls = Tls(folder)
        self.teams = Teams(self.clock)
        self.registration = registration or Registration(tenant_ids=(self.teams.add_tenant(),))
        self.entra = Entra(self.clock)
        self.vault = KeyVault(self.entra, self.clock)
        self.graph = Graph(clock=self.clock, entra=self.entra, teams=self.teams, tls=self.tls)
        self.azurite = Azurite()
        self.storage = RelayedStorage()
        self.event_hubs = new_event_hubs(sink, self.clock)
        self.login = Service(self.entra.app, self.tls)
        self.vault_service = Service(self.vault.app, self.tls)
        self.graph_service = Service(self.graph.app, self.tls)
        self.host: FunctionsHost | CoreTools | None = None
        self._sign_in_settings = self._register(sign_in)

    def _register(self, sign_in: SignIn) -> Mapping[str, str]:
        tenant_ids = self.registration.tenant_ids
        # It is the operator's login too, who may look at registrations.
        system = Application(client_id=str(uuid4()), tenant_ids=tenant_ids[:1], roles=("Application.Read.All",))
        assigned = Application(client_id=str(uuid4()), tenant_ids=tenant_ids[:1])
        self.entra.system_identity = system
        self.entra.register(assigned)
        app = Application(
            client_id=self.registration.client_id,
            tenant_ids=tenant_ids,
            secret=self.registration.client_secret,
            roles=_ROLES,
            scopes=_SCOPES,
            public_client=True,
        )
        # With a managed identity as the app, the same one reads the vault.
        reader = app if sign_in is SignIn.MANAGED_IDENTITY else system
        self.vault.readers = self.vault.writers = {reader.client_id}
        return register(sign_in, app, self.entra, self.vault, identity=assigned)

    def add_account(self, user: User) -> None:
        """Let a person of Teams sign in."""
        self.entra.add_account(
            Account(object_id=user.id, tenant_id=user.tenant_id, name=user.display_name, username=user.email)
        )

    async def start_services(self) -> None:
        """Return once everything but the app's host answers."""
        await asyncio.gather(*(service.start() for service in self._services()))
        await self.graph.start()
        await self.new_certificate()

    async def start_host(
        self,
        subscriptions: Sequence[Mapping[str, Any]],
        *,
        settings: Mapping[str, str] | None = None,
        core_tools: bool = False,
        on_line: Callable[[str], None] | None = None,
        before_start: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Return once the app, watching ``subscriptions``, serves; ``settings`` come on top of the usual ones.

        ``before_start`` is awaited when the app's files are in ``app_root`` and its host has its address.
        """
        app_root = await asyncio.to_thread(stage, self.app_root, subscriptions)
        host_class = CoreTools if core_tools else FunctionsHost
        self.host = host_class(app_root, {}, self.tls, on_line=on_line)
        self.host.environment |= self.settings(f"{self.host.url}/api/ReceiveNotification") | dict(settings or {})
        if before_start is not None:
            await before_start()
        await self.host.start()

    @property
    def app_root(self) -> Path:
        """Where the app's files are that its host runs."""
        return self.folder / "app"

    @property
    def host_url(self) -> str:
        """The address of the app's host.

        Raises:
            RuntimeError: it has not been started.
        """
        if self.host is None:
            raise RuntimeError("the app's host has not been started")
        return self.host.url

    def last_lines(self, count: int = 20) -> str:
        """Return the last lines that the app's host has written, for a person to read."""
        return "\n".join(["", *self.host.lines[-count:]]) if self.host else "(a host of your own)"

    async def stop(self) -> None:
        """End everything; harmless for what does not run."""
        if self.host is not None:
            await self.host.stop()
        await self.graph.stop()
        await self.storage.stop()
        await asyncio.gather(*(service.stop() for service in self._services()))

    def _services(self) -> "Iterator[Azurite | Service | EventHubs]":
        yield from (self.azurite, self.login, self.vault_service, self.graph_service)
        if self.event_hubs is not None:
            yield self.event_hubs

    async def new_certificate(self, key_size: int = 2048) -> str:
        """Return the version of a certificate that the vault has from here on; its key has ``key_size`` bits."""
        return await asyncio.to_thread(self.vault.create_certificate, CERTIFICATE_NAME, key_size=key_size)

    def settings(self, notification_url: str) -> dict[str, str]:
        """Return the app settings with which the app runs in this world, managed identity and trust included."""
        return self.tls.environment() | {
            **self._sign_in_settings,
            **sink_settings(self.event_hubs),
            "AzureWebJobsStorage": self.storage.connection_string or self.azurite.connection_string,
            "CLIENT_ID": self.registration.client_id,
            "CLIENT_STATE_KEY": self.registration.client_state_key,
            "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME,
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "GRAPH_URL": self.graph_service.url,
            "IDENTITY_ENDPOINT": f"{self.login.url}/msi/token",
            "IDENTITY_HEADER": self.entra.identity_header,
            "KEY_VAULT_URL": self.vault_service.url,
            "LOGIN_URL": self.login.url,
            "NOTIFICATION_URL": notification_url,
            "RENEW_SCHEDULE": "0 */5 * * * *",
            "TENANT_IDS": ",".join(self.registration.tenant_ids),
        }

    async def fire_timer(self, host_url: str) -> None:
        """Have a host run RenewSubscriptions, as an administrator would by hand; it runs when this returns.

        Source: https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http

        Raises:
            aiohttp.ClientError: the host does not answer, or not with 202.
        """
        url = f"{host_url}/admin/functions/RenewSubscriptions"
        async with aiohttp.ClientSession() as session:
            await session.post(url, json={"input": ""}, ssl=self.tls.client_context, raise_for_status=True)

    async def run_timer(self) -> bool:
        """Return whether a run of RenewSubscriptions, started here, succeeded.

        Raises:
            RuntimeError: there is no host, or the run has not ended within a minute.
        """
        before = len(self._timer_runs())
        await self.fire_timer(self.host_url)
        await self.until(lambda: len(self._timer_runs()) > before, otherwise="RenewSubscriptions has not ended")
        return self._timer_runs()[before] == "Succeeded"

    async def until(self, condition: Callable[[], bool], *, otherwise: str) -> None:
        """Return once ``condition`` holds.

        Raises:
            RuntimeError: it did not within a minute; ``otherwise`` is the message.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not condition():
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as exc:
            raise RuntimeError(f"{otherwise} within a minute. Its log: {self.last_lines()}") from exc

    def _timer_runs(self) -> list[str]:
        """Return how each run of the timer ended, with or without success; a failed run may be followed by retries."""
        lines = self.host.lines if self.host else []
        return [match[1] for match in map(_EXECUTED.search, lines) if match]
