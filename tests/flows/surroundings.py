"""What is around the app and can be used by a test: services, Teams and its people, what the app did and keeps."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.entra import Application, Entra
from sandbox.graph import Graph, Subscription
from sandbox.keyvault import KeyVault
from sandbox.serving import Fault, Service
from sandbox.teams import Path, Teams, User
from sandbox.tls import Tls
from shared.subscriptions.tracked import TrackedSubscription
from tests.fakes.identity_services import CERTIFICATE_NAME, CLIENT_SECRET
from tests.flows.app import App
from tests.sandbox.background import Background
from tests.sandbox.graph_world import ROLES
from tests.sender import CLIENT_ID, STATE_KEY_TEXT


@dataclass(frozen=True, kw_only=True)
class World:
    """The outside of one deployment, in N tenants with two people each; ``app`` is the deployment."""

    background: Background
    tls: Tls
    clock: Clock
    entra: Entra
    vault: KeyVault
    teams: Teams
    graph: Graph
    login: Service
    vault_service: Service
    graph_service: Service
    endpoint_service: Service
    people: Mapping[str, tuple[User, User]]
    app: App

    @property
    def tenant_ids(self) -> tuple[str, ...]:
        return tuple(self.people)

    @property
    def tenant_id(self) -> str:
        return self.tenant_ids[0]

    def settings(self) -> dict[str, str]:
        """Return the app settings of a deployment here, but for its storage account."""
        return {
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

    def environment(self) -> dict[str, str]:
        """Return what makes the real clients trust this world, and find their managed identity in it."""
        identity = {"IDENTITY_ENDPOINT": f"{self.login.url}/msi/token", "IDENTITY_HEADER": self.entra.identity_header}
        return self.tls.environment() | identity

    @contextmanager
    def started(self) -> Iterator[None]:
        """Have everything run for a while, and never again."""
        services = (self.login, self.vault_service, self.graph_service, self.endpoint_service)
        for service in services:
            self.background.run(service.start())
        self.background.run(self.graph.start())
        try:
            yield
        finally:
            self.background.run(self.graph.stop())
            for service in services:
                self.background.run(service.stop())
            self.background.close()

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
        """Return what lives at Graph in a tenant, by default the first."""
        wanted = tenant_id or self.tenant_id
        return [each for each in self.do(self.graph.subscriptions) if each.tenant_id == wanted]

    def rows(self, tenant_id: str | None = None) -> tuple[TrackedSubscription, ...]:
        """Return what is tracked in a tenant, by default the first."""
        return self.app.rows(tenant_id or self.tenant_id).tracked

    def row(self, resource: str) -> TrackedSubscription:
        """Return the row of a resource of the first tenant."""
        [row] = [each for each in self.rows() if each.desired.resource == resource]
        return row

    def new_chat(self, tenant_id: str | None = None) -> Path:
        ann, bob = self.people[tenant_id or self.tenant_id]
        return self.do(lambda: self.teams.chats.create([ann, bob], topic="Lunch"))

    def send(self, text: str, *, chat: Path | None = None, tenant_id: str | None = None) -> Path:
        """Have somebody write in a chat; Graph has told about it when this returns."""
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
        """Return the id of a subscription of the same app registration that nobody told the app about."""
        properties = {
            "changeType": "created",
            "notificationUrl": self.app.settings.notification_url,
            "lifecycleNotificationUrl": self.app.settings.notification_url,
            "resource": "/teams",
            "expirationDateTime": (self.clock.now() + timedelta(minutes=50)).isoformat(),
        }
        asked = {name: value for name, value in (properties | changes).items() if value is not None}
        return self.app.clients.graph_for_tenant(self.tenant_id).create_subscription(asked).subscription_id

    def grant(self, *tenant_ids: str, roles: tuple[str, ...] = ROLES) -> None:
        """Have the app consented to in these tenants, with these permissions, and nowhere else."""
        application = Application(client_id=CLIENT_ID, tenant_ids=tenant_ids, secret=CLIENT_SECRET, roles=roles)
        self.entra.register(application)

    def writes(self) -> list[str]:
        """Return the methods of the writes that have come to Graph."""
        return [each.method for each in self.graph_service.requests if each.method != "GET"]

    @contextmanager
    def fault(self, service: Service, fault: Fault) -> Iterator[None]:
        """Have a fault switched on for a while."""
        handle = service.faults.add(fault)
        try:
            yield
        finally:
            service.faults.remove(handle)
