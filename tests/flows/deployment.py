"""The app deployed in this process, with everything that it needs on loopback and on one clock."""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path as Folder
from typing import Any

import pytest
from aiohttp import web

from sandbox.azurite import Azurite
from sandbox.clock import Clock
from sandbox.entra import Application, Entra
from sandbox.graph import Graph, Patience, Subscription, Temper
from sandbox.keyvault import KeyVault
from sandbox.serving import Fault, Service
from sandbox.teams import Path, Teams, User
from sandbox.tls import Tls
from shared.subscriptions.tracked import TrackedSubscription
from tests.fakes.identity_services import CERTIFICATE_NAME, CLIENT_SECRET, IDENTITY, fault
from tests.flows.app import App
from tests.sandbox.background import Background
from tests.sandbox.graph_world import ROLES
from tests.sandbox.used_keys import used_keys
from tests.sender import CLIENT_ID, STATE_KEY_TEXT

_TOKEN_LIFETIME = timedelta(hours=1)
# By the real clock, and for answers that come: a machine that runs two test suites at once is slow.
_PATIENT = Temper(patience=Patience(first=timedelta(seconds=10)))
_FOREIGN = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_TOKEN_CREDENTIALS")


class LoopbackDeployment:
    """The app, ``app``, and the services around it, in ``tenants`` tenants with two people each.

    The tenants have random ids, so that deployments may share a storage account.
    """

    def __init__(self, tls: Tls, azurite: Azurite, *, tenants: int, token_lifetime: timedelta, temper: Temper) -> None:
        self.background, self.tls, self.clock = Background(), tls, Clock()
        self.entra = Entra(self.clock, access_token_lifetime=token_lifetime, key_source=used_keys())
        self.entra.system_identity = IDENTITY
        self.vault = KeyVault(self.entra, self.clock, key_source=used_keys())
        # Another seed, other tenants.
        self.teams = Teams(self.clock, seed=secrets.randbits(64))
        self.graph = Graph(clock=self.clock, entra=self.entra, teams=self.teams, tls=tls, temper=temper)
        self.app = App(clock=self.clock, environ={}, fresh_for=token_lifetime / 2)
        self.login, self.vault_service = Service(self.entra.app, tls), Service(self.vault.app, tls)
        self.graph_service, self.endpoint_service = Service(self.graph.app, tls), Service(_endpoint(self.app), tls)
        self.people: Mapping[str, tuple[User, User]] = dict(_people(self.teams) for _ in range(tenants))
        self._azurite = azurite

    @property
    def tenant_ids(self) -> tuple[str, ...]:
        return tuple(self.people)

    @property
    def tenant_id(self) -> str:
        return self.tenant_ids[0]

    @property
    def keyed_url(self) -> str:
        """Return NOTIFICATION_URL with the id of the key that signs."""
        url = self.app.settings.notification_url
        return f"{url}{'&' if '?' in url else '?'}key={self.app.settings.client_state_keys[0].key_id}"

    def environment(self) -> dict[str, str]:
        """Return what makes the real clients trust these services, and find their managed identity here."""
        identity = {"IDENTITY_ENDPOINT": f"{self.login.url}/msi/token", "IDENTITY_HEADER": self.entra.identity_header}
        return self.tls.environment() | identity

    @contextmanager
    def started(self) -> Iterator[None]:
        """Run the services for a while, and never again."""
        services = (self.login, self.vault_service, self.graph_service, self.endpoint_service)
        for service in services:
            self.background.run(service.start())
        self.background.run(self.graph.start())
        self._configure()
        try:
            yield
        finally:
            self.background.run(self.graph.stop())
            for service in services:
                self.background.run(service.stop())
            self.background.close()

    def _configure(self) -> None:
        self.vault.create_certificate(CERTIFICATE_NAME)
        self.grant(*self.tenant_ids)
        self.app.environ |= {
            "AzureWebJobsStorage": self._azurite.connection_string,
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "CLIENT_STATE_KEY": STATE_KEY_TEXT,
            "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME,
            "GRAPH_URL": self.graph_service.url,
            "KEY_VAULT_URL": self.vault_service.url,
            "LOGIN_URL": self.login.url,
            "NOTIFICATION_URL": f"{self.endpoint_service.url}/api/ReceiveNotification",
            "TENANT_IDS": ",".join(self.tenant_ids),
        }

    def do[T](self, operation: Callable[[], T]) -> T:
        """Run an operation of Teams or Graph in the loop of the services, as they expect."""

        async def run() -> T:
            return operation()

        return self.background.run(run())

    def run(self, *, force: bool = False) -> Mapping[str, int]:
        """Run the timer's flow once; return its counts, zeros left out."""
        done = {name: count for name, count in self.app.run(force=force).items() if count}
        self.settle()
        return done

    def settle(self) -> None:
        """Return once Graph has sent what is due."""
        self.background.run(self.graph.idle())

    def later(self, **by: float) -> None:
        """Let time pass, named as ``timedelta`` does."""
        self.clock.advance(timedelta(**by))
        self.settle()

    def subscriptions(self, tenant_id: str | None = None) -> list[Subscription]:
        """Return what exists at Graph in a tenant, by default the first."""
        wanted = tenant_id or self.tenant_id
        return [each for each in self.do(self.graph.subscriptions) if each.tenant_id == wanted]

    def subscription_ids(self) -> set[str]:
        """Return the ids of what exists at Graph in all tenants."""
        return {each.id for each in self.do(self.graph.subscriptions)}

    def remove_subscription(self, subscription_id: str) -> None:
        """Have Graph remove a subscription without the app's doing."""
        self.do(lambda: self.graph.remove_subscription(subscription_id))

    def rows(self, tenant_id: str | None = None) -> tuple[TrackedSubscription, ...]:
        """Return what is tracked in a tenant, by default the first."""
        return self.app.rows(tenant_id or self.tenant_id).tracked

    def row(self, resource: str) -> TrackedSubscription:
        """Return the row of a resource of the first tenant."""
        [row] = [each for each in self.rows() if each.desired.resource == resource]
        return row

    def failure(self, resource: str) -> str:
        """Return the error on the row of a resource of the first tenant."""
        failure = self.row(resource).failure
        assert failure is not None
        return failure.text

    def new_chat(self, tenant_id: str | None = None) -> Path:
        ann, bob = self.people[tenant_id or self.tenant_id]
        return self.do(lambda: self.teams.chats.create([ann, bob], topic="Lunch"))

    def send(self, text: str, *, chat: Path | None = None, tenant_id: str | None = None) -> Path:
        """Send a message to a chat, and return once Graph has delivered its notifications."""
        ann, _ = self.people[tenant_id or self.tenant_id]
        to = chat or self.new_chat(tenant_id)
        message = self.do(lambda: self.teams.messages.send(to, ann, text))
        self.settle()
        return message

    def texts(self) -> list[str]:
        """Return what the app has published of messages with their content."""
        contents = [json.loads(event.data).get("content", {}) for event in self.app.published]
        return [content["body"]["content"] for content in contents if "body" in content]

    def event_types(self) -> list[str]:
        """Return what the app has published, without the names' common beginning."""
        return [event.type.removeprefix("Microsoft.Graph.") for event in self.app.published]

    def subscribe_by_hand(self, **changes: Any) -> str:
        """Create a subscription of the same app registration past the app, and return its id."""
        properties = {
            "changeType": "created",
            "notificationUrl": self.keyed_url,
            "lifecycleNotificationUrl": self.app.settings.notification_url,
            "resource": "/teams",
            "expirationDateTime": (self.clock.now() + timedelta(minutes=50)).isoformat(),
        }
        asked = {name: value for name, value in (properties | changes).items() if value is not None}
        return self.app.clients.graph_for_tenant(self.tenant_id).create_subscription(asked).subscription_id

    def grant(self, *tenant_ids: str, roles: tuple[str, ...] = ROLES) -> None:
        """Grant consent to the app in these tenants, with these permissions, and nowhere else."""
        application = Application(client_id=CLIENT_ID, tenant_ids=tenant_ids, secret=CLIENT_SECRET, roles=roles)
        self.entra.register(application)

    def writes(self) -> list[str]:
        """Return the methods of the writes that have come to Graph."""
        return [each.method for each in self.graph_service.requests if each.method != "GET"]

    def fault(self, service: Service, switched_on: Fault) -> AbstractContextManager[None]:
        """Switch a fault on for a while."""
        return fault(service, switched_on)


@contextmanager
def loopback_deployment(
    folder: Folder,
    azurite: Azurite,
    *,
    tenants: int = 1,
    token_lifetime: timedelta = _TOKEN_LIFETIME,
    temper: Temper = _PATIENT,
) -> Iterator[LoopbackDeployment]:
    """Start a deployment with a certificate and consent in its tenants; it changes this process's environment."""
    made = LoopbackDeployment(Tls(folder), azurite, tenants=tenants, token_lifetime=token_lifetime, temper=temper)
    with made.started(), pytest.MonkeyPatch.context() as environment:
        for name in _FOREIGN:
            environment.delenv(name, raising=False)
        for name, value in made.environment().items():
            environment.setenv(name, value)
        yield made


def _people(teams: Teams) -> tuple[str, tuple[User, User]]:
    tenant_id = teams.add_tenant()
    return tenant_id, (teams.add_user(tenant_id, "Ann Ames"), teams.add_user(tenant_id, "Bob Burns"))


def _endpoint(app: App) -> web.Application:
    """Return the app's public endpoint, which serves every path so that a test may change the notification URL."""

    async def post(request: web.Request) -> web.Response:
        token = request.query.get("validationToken")
        if token is not None:
            return web.Response(text=token)
        # The app's own calls are answered by this very loop.
        status = await asyncio.to_thread(app.receive, await request.read(), request.query.get("fetch"))
        return web.Response(status=status)

    async def not_found(_request: web.Request) -> web.Response:
        return web.Response(status=404)

    served = web.Application()
    served.router.add_post("/{anything:.*}", post)
    # The host has nothing for other methods.
    served.router.add_route("*", "/{anything:.*}", not_found)
    return served
