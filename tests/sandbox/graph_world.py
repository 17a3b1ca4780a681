"""Graph, Entra and a receiver on loopback, with a Teams that tests write in, and blocking calls to all of them."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path as Folder
from typing import Any
from urllib.parse import quote

import jwt
import requests

from sandbox.clock import Clock
from sandbox.entra import Application, Entra
from sandbox.graph import Delivery, Graph, Pace, Patience, Temper
from sandbox.graph.callers import Caller
from sandbox.serving import Service
from sandbox.teams import Path, Teams, User
from sandbox.teams.sample_items import NAMES
from sandbox.tls import Tls
from tests.sandbox.background import Background, running
from tests.sandbox.graph_receiver import Receiver
from tests.sandbox.used_keys import used_keys

GUID = "3b2b2c2e-8a40-4fd2-a6a0-d9b1e5a5b4c1"
CHAT = "19:0123456789abcdef0123456789abcdef@thread.v2"
APP = "8e460676-ae3f-4b1e-8790-ee0fb5d6148f"
OTHER_APP = "0d7c5c1d-6c5b-4c60-9f0b-2b5d9b2bb1a5"
POWERLESS_APP = "5a1e35a5-2a1d-4f1e-8a4d-0d5a5f0e9b11"
SECRET = "correct horse battery staple"
CHANGE_TRACKING = "0bf30f3b-4a52-48df-9a82-234910c4a086"
ROLES = (
    "Chat.Read.All",
    "ChannelMessage.Read.All",
    "Team.ReadBasic.All",
    "Channel.ReadBasic.All",
    "ChatMember.Read.All",
    "TeamMember.Read.All",
    "ChannelMember.Read.All",
    "CallRecords.Read.All",
)


@dataclass(frozen=True, kw_only=True)
class GraphWorld:
    background: Background
    clock: Clock
    entra: Entra
    teams: Teams
    graph: Graph
    graph_service: Service
    login: Service
    receiver: Receiver
    receiver_service: Service
    tls: Tls
    ann: User
    bob: User
    deliveries: list[Delivery] = field(default_factory=list)

    def do[T](self, operation: Callable[[], T]) -> T:
        """Run an operation in the loop of the services, as the sandbox does."""

        async def run() -> T:
            return operation()

        return self.background.run(run())

    def settle(self) -> None:
        self.background.run(self.graph.idle())

    def new_chat(self) -> Path:
        return self.do(lambda: self.teams.chats.create([self.ann, self.bob], topic="Lunch"))

    def send(self, *texts: str, chat: Path | None = None) -> list[Path]:
        """Have Ann write in a chat, and wait until Graph has notified the app."""
        to = chat or self.new_chat()
        sent = self.do(lambda: [self.teams.messages.send(to, self.ann, text) for text in texts])
        self.settle()
        return sent

    def health(self) -> str:
        return self.graph.health(f"{self.receiver_service.url}/hook")

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))
        self.settle()

    def bearer(self, app: str = APP, tenant_id: str | None = None) -> dict[str, str]:
        form = {"grant_type": "client_credentials", "client_id": app, "client_secret": SECRET}
        form["scope"] = "https://graph.microsoft.com/.default"
        url = f"{self.login.url}/{tenant_id or self.ann.tenant_id}/oauth2/v2.0/token"
        answer = requests.post(url, data=form, timeout=5, verify=str(self.tls.ca_file))
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def call(self, method: str, path: str, body: Any = None, *, app: str = APP, **kwargs: Any) -> requests.Response:
        headers = kwargs.pop("headers", None) or self.bearer(app)
        url = path if path.startswith("https:") else f"{self.graph_service.url}/{path}"
        if body is not None:
            kwargs["json"] = body
        return requests.request(
            method, url, headers=headers, timeout=20, verify=str(self.tls.ca_file), allow_redirects=False, **kwargs
        )

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return a good request, with changes; a change to None leaves the property out."""
        body = {
            "changeType": "created,updated,deleted",
            "notificationUrl": f"{self.receiver_service.url}/hook?code=a%2Bb%7e",
            "lifecycleNotificationUrl": f"{self.receiver_service.url}/life",
            "resource": "/chats/getAllMessages",
            "expirationDateTime": self.at(hours=24),
            "clientState": "s3cret",
        }
        return {name: value for name, value in (body | changes).items() if value is not None}

    def subscribe(self, *, app: str = APP, version: str = "v1.0", **changes: Any) -> dict[str, Any]:
        answer = self.call("POST", f"{version}/subscriptions", self.body(**changes), app=app)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def at(self, **ahead: float) -> str:
        return (self.clock.now() + timedelta(**ahead)).isoformat()

    def claims(self, token: str) -> dict[str, Any]:
        keys = jwt.PyJWKClient(f"{self.login.url}/common/discovery/v2.0/keys", ssl_context=self.tls.client_context)
        key = keys.get_signing_key_from_jwt(token)
        # The clock of the sandbox is not the one that PyJWT reads.
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=["RS256"], audience=APP, options={"verify_nbf": False, "verify_iat": False}
        )
        return claims


IMPATIENT = Temper(
    patience=Patience(handshake=timedelta(seconds=0.5), first=timedelta(seconds=0.3), retry=timedelta(seconds=0.6)),
    pace=Pace(least_answers=4),
    page_size=3,
)


@contextmanager
def graph_world(folder: Folder, *, token_lifetime: timedelta = timedelta(hours=1)) -> Iterator[GraphWorld]:
    clock, tls = Clock(), Tls(folder)
    entra = Entra(clock, access_token_lifetime=token_lifetime, key_source=used_keys())
    teams, receiver = Teams(clock, seed=7), Receiver()
    tenant = teams.add_tenant()
    for app, roles in ((APP, ROLES), (OTHER_APP, ROLES), (POWERLESS_APP, ("User.Read.All",))):
        entra.register(Application(client_id=app, tenant_ids=(tenant,), secret=SECRET, roles=roles))
    graph = Graph(clock=clock, entra=entra, teams=teams, tls=tls, temper=IMPATIENT)
    services = Service(graph.app, tls), Service(entra.app, tls), Service(receiver.app(), tls)
    with running(*services) as background:
        world = GraphWorld(
            background=background,
            clock=clock,
            entra=entra,
            teams=teams,
            graph=graph,
            graph_service=services[0],
            login=services[1],
            receiver=receiver,
            receiver_service=services[2],
            tls=tls,
            ann=teams.add_user(tenant, "Ann Ames"),
            bob=teams.add_user(tenant, "Bob Burns"),
        )
        graph.on_delivery(world.deliveries.append)
        background.run(graph.start())
        try:
            yield world
        finally:
            background.run(graph.stop())


def error(answer: requests.Response) -> tuple[int, str, str]:
    """Return status, code and message of a refusal, after a look at its form."""
    body = answer.json()["error"]
    assert set(body) == {"code", "message", "innerError"}
    assert set(body["innerError"]) == {"date", "request-id", "client-request-id"}
    assert answer.headers["request-id"] == body["innerError"]["request-id"]
    return answer.status_code, body["code"], body["message"]


def filled(template: str, ids: Mapping[str, str]) -> str:
    """Return a path of the catalogue with the ids given, or with sample ones."""
    known = {**NAMES, "channel": "19:0@thread.tacv2", "chat": CHAT, "joinWebUrl": quote(NAMES["joinWebUrl"], safe="")}
    return re.sub(r"\{([^}]*)\}", lambda name: (known | {**ids}).get(name[1], GUID), template)


def caller(*, roles: tuple[str, ...] = ("Chat.Read.All",)) -> Caller:
    """Return an application on its own behalf, for rules that need no server."""
    ends = datetime(2090, 1, 1, tzinfo=UTC)
    return Caller(application_id=APP, tenant_id=GUID, object_id=GUID, roles=frozenset(roles), token_expires_at=ends)
