"""The app on its host with all services around it, and Graph's side of a POST."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import BinaryBase64DecodePolicy, QueueClient

from sandbox.graph import Delivery
from sandbox.host.process import FunctionsHost
from sandbox.relay import Mood, Relay
from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import CERTIFICATE_NAME, Registration, World
from tests.end_to_end.relayed import relayed_services
from tests.eventually import eventually
from tests.sandbox.background import Background
from tests.sender import CLIENT_ID, OTHER_TENANT, PREVIOUS_STATE_KEY_TEXT, STATE_KEY_TEXT, TENANT, Sender

# Rich and basic, chats and teams; each for both tenants.
SUBSCRIPTIONS = (
    {"resource": "/chats/getAllMessages", "changeType": "created,updated,deleted", "includeResourceData": True},
    {"resource": "/teams", "changeType": "created,updated,deleted"},
)
NEVER = "0 0 0 1 1 *"
_EXECUTING = re.compile(r": Executing 'Functions\.\w+' \(.*Id=(\S+)\)")
_EXECUTED = re.compile(r": Executed 'Functions\.\w+' \(\w+, Id=(\S+),")
_STORAGE = re.compile(r"(Queue|Blob|Table)Endpoint=http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, kw_only=True)
class Deployed:
    background: Background
    world: World
    relays: dict[str, Relay]
    session: requests.Session
    queue: QueueClient
    blobs: BlobServiceClient
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def host(self) -> FunctionsHost:
        assert isinstance(self.world.host, FunctionsHost)
        return self.world.host

    @property
    def url(self) -> str:
        return f"{self.host.url}/api/ReceiveNotification"

    def sender(self) -> Sender:
        """Return Graph's side, with a certificate that the app has not seen yet."""
        version = self.background.run(self.world.new_certificate())
        certificate = self.world.vault.certificate(CERTIFICATE_NAME)
        return Sender(entra=self.world.entra, certificate=certificate, certificate_id=version)

    def post(self, body: bytes) -> requests.Response:
        return self.session.post(self.url, data=body, headers={"Content-Type": "application/json"}, timeout=20)

    def count(self) -> int:
        """Return how many events are in the queue."""
        return self.queue.get_queue_properties().approximate_message_count or 0

    def events(self) -> list[bytes]:
        """Return the events in the queue, 32 at most, and leave them there."""
        return [message.content for message in self.queue.peek_messages(max_messages=32)]

    def live_events(self) -> list[dict[str, Any]]:
        """Return the events of notifications in the queue, without those that the timer has recovered."""
        events = [json.loads(event) for event in self.events()]
        return [event for event in events if "recovered" not in event and not event["type"].endswith("SubscriptionGap")]

    def stored(self, container: str) -> list[bytes]:
        """Return the POSTs in a container, "parked" or "quarantine", the oldest first, but for the app's own probe."""
        names = [name for name in self._names(container) if name != "probe"]
        return [self.blobs.get_blob_client(container, name).download_blob().readall() for name in names]

    def _names(self, container: str) -> list[str]:
        with suppress(ResourceNotFoundError):
            # The app's probe of its own endpoint is no POST of Graph.
            return [name for name in self.blobs.get_container_client(container).list_blob_names() if name != "probe"]
        return []

    def run_timer(self) -> bool:
        return self.background.run(self.world.run_timer())

    def logged(self, since: int) -> list[str]:
        """Return the host's lines from number ``since`` on, once all invocations have written theirs."""
        assert eventually(lambda: self._ended(since))
        return self.host.lines[since:]

    def _ended(self, since: int) -> bool:
        # By id: the last line of an invocation before may come after the first one of this.
        begun, ended = (set(pattern.findall("\n".join(self.host.lines[since:]))) for pattern in (_EXECUTING, _EXECUTED))
        return bool(begun) and begun <= ended

    def takes(self, post: bytes) -> bool:
        """Return whether a POST is processed without being parked."""
        self.reset()
        return self.post(post).status_code == 202 and self.stored("parked") == []

    def restart(self, **environment: str) -> None:
        """Restart the app, with empty caches."""
        self.background.run(self.host.kill())
        self.host.environment |= environment
        self.background.run(self.host.start())

    def reset(self) -> None:
        """End the faults of the test before, empty the queue, and delete the stored POSTs."""
        for service in (self.world.login, self.world.vault_service, self.world.graph_service):
            service.faults.clear()
        for relay in self.relays.values():
            relay.mood = Mood.FORWARDING
        self.queue.clear_messages()
        for container in ("parked", "quarantine"):
            for name in self._names(container):
                self.blobs.get_blob_client(container, name).delete_blob()
        self.world.graph.throttle.enabled = False

    def forget_rows(self) -> None:
        """Empty the app's table of subscriptions, with the pauses after failures."""
        with TableServiceClient.from_connection_string(self.world.azurite.connection_string) as tables:
            rows = tables.get_table_client("subscriptions")
            with suppress(ResourceNotFoundError):
                for row in list(rows.list_entities()):
                    rows.delete_entity(row)

    async def forget_subscriptions(self) -> None:
        """Have Graph remove all subscriptions."""
        for subscription in self.world.graph.subscriptions():
            self.world.graph.remove_subscription(subscription.id)
        await self.world.graph.idle()


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    background = Background()
    registration = Registration(tenant_ids=(TENANT, OTHER_TENANT), client_id=CLIENT_ID, client_state_key=STATE_KEY_TEXT)
    world = World(folder, registration)
    background.run(world.start_services())
    connection_string = world.azurite.connection_string
    relays = {kind: Relay(int(port)) for kind, port in _STORAGE.findall(connection_string)}
    for relay in relays.values():
        background.run(relay.start())
    relayed = _STORAGE.sub(
        lambda match: f"{match[1]}Endpoint=http://127.0.0.1:{relays[match[1]].port}", connection_string
    )
    service_relays, leading_there = background.run(relayed_services(world))
    relays |= service_relays
    settings = {
        **leading_there,
        "AzureWebJobsStorage": relayed,
        "CLIENT_STATE_KEY_PREVIOUS": PREVIOUS_STATE_KEY_TEXT,
        # Tests send one and the same change again and again.
        "DEDUPLICATE_FOR": "0",
        # Only tests start runs.
        "RENEW_SCHEDULE": NEVER,
    }
    queue = QueueClient.from_connection_string(
        connection_string, QUEUE_NAME, message_decode_policy=BinaryBase64DecodePolicy()
    )
    try:
        background.run(world.start_host(SUBSCRIPTIONS, settings=settings))
        with (
            requests.Session() as session,
            queue,
            BlobServiceClient.from_connection_string(connection_string) as blobs,
        ):
            queue.create_queue()
            session.trust_env = False
            session.verify = str(world.tls.ca_file)
            app = Deployed(background=background, world=world, relays=relays, session=session, queue=queue, blobs=blobs)
            world.graph.on_delivery(app.deliveries.append)
            yield app
    finally:
        for relay in relays.values():
            background.run(relay.stop())
        background.run(world.stop())
        background.close()


def secrets_in(value: Any) -> Iterator[str]:
    """Return what must not reach a log of a JSON value that was posted: client states, tokens, content, keys."""
    if isinstance(value, list):
        for item in value:
            yield from secrets_in(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in {"clientState", "validationTokens", "data", "dataKey", "dataSignature"}:
                yield from _texts(item)
            yield from secrets_in(item)


def _texts(value: Any) -> Iterator[str]:
    for text in value if isinstance(value, list) else [value]:
        # Shorter ones, such as "x", are in any log.
        if isinstance(text, str) and len(text) > 4:
            yield text[:200]
