"""A client that reads Graph's lists: one token, one connection, and every link followed."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import requests

from sandbox.entra import Account, Application, Entra
from sandbox.graph.paths import odata
from sandbox.teams import Path, User
from sandbox.teams.channels import MembershipType
from tests.sandbox.graph_world import APP, POWERLESS_APP, ROLES, SECRET, GraphWorld

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """``get`` answers one request, ``follow`` yields every page there is."""

    session: requests.Session
    url: str

    def get(self, path: str, **options: object) -> requests.Response:
        url = path if path.startswith("https:") else f"{self.url}/v1.0/{path}"
        params = {f"${name}": str(value) for name, value in options.items()}
        return self.session.get(url, params=params, timeout=20, allow_redirects=False)

    def status(self, path: str, **options: object) -> int:
        return self.get(path, **options).status_code

    def follow(self, path: str, **options: object) -> list[dict[str, Any]]:
        pages = [_body(self.get(path, **options))]
        while "@odata.nextLink" in pages[-1]:
            pages.append(_body(self.get(pages[-1]["@odata.nextLink"])))
        return pages

    def all(self, path: str, **options: object) -> list[dict[str, Any]]:
        return [item for page in self.follow(path, **options) for item in page["value"]]

    def ids(self, path: str, **options: object) -> list[str]:
        return [item["id"] for item in self.all(path, **options)]


def another_tenant(world: GraphWorld) -> GraphWorld:
    """Return the same services with a tenant that nothing has happened in, and no throttle."""
    tenant_id = world.do(world.teams.add_tenant)
    ann, bob = (world.do(lambda name=name: world.teams.add_user(tenant_id, name)) for name in ("Ann Ames", "Bob Burns"))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    register(world.entra, tenant_id)
    world.graph.throttle.enabled = False
    world.graph.paging.hollow, world.graph.paging.most = False, None
    return replace(world, ann=ann, bob=bob)


def register(entra: Entra, tenant_id: str) -> None:
    """Have an app that may read everything in a tenant, and one that may read none of it."""
    for app, roles in ((APP, (*ROLES, "User.Read.All")), (POWERLESS_APP, ("Mail.Read",))):
        entra.register(Application(client_id=app, tenant_ids=(tenant_id,), secret=SECRET, roles=roles))


def reader(world: GraphWorld) -> Reader:
    """Return a reader for the app itself."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(world.tls.ca_file)
    session.headers.update(world.bearer())
    return Reader(session=session, url=world.graph_service.url)


def bearer_of(world: GraphWorld, user: User, app: str = APP) -> dict[str, str]:
    """Return the header of an app for which a user has signed in."""
    account = Account(object_id=user.id, tenant_id=user.tenant_id, name=user.display_name, username=user.email)

    def post(endpoint: str, **form: str) -> Any:
        url = f"{world.login.url}/{user.tenant_id}/oauth2/v2.0/{endpoint}"
        return requests.post(url, data={"client_id": app, **form}, timeout=5, verify=str(world.tls.ca_file)).json()

    flow = post("devicecode", scope="https://graph.microsoft.com/.default")
    world.entra.approve(flow["user_code"], account)
    token = post("token", grant_type=GRANT, device_code=flow["device_code"])["access_token"]
    return {"Authorization": f"Bearer {token}"}


def address(*path: str) -> str:
    """Return a path, the last of it a collection, as notifications would spell it."""
    return f"{odata(path[:-1])}/{path[-1]}"


def notified(world: GraphWorld, path: Path) -> dict[str, Any]:
    """Return a message as a notification has it, without the navigation properties that are empty there."""
    entity = world.teams.get(path, tenant_id=world.ann.tenant_id)
    assert entity is not None
    return {name: value for name, value in entity.items() if name not in {"replies", "hostedContents"}}


def write(world: GraphWorld, place: Path, *texts: str) -> list[Path]:
    """Have Ann write in a chat or channel, a minute between any two messages."""
    sent = []
    for text in texts:
        world.clock.advance(timedelta(minutes=1))
        sent.append(world.do(lambda text=text: world.teams.messages.send(place, world.ann, text)))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    return sent


def new_channel(world: GraphWorld, membership_type: MembershipType = "standard") -> Path:
    """Return a channel of a new team."""
    team = world.do(lambda: world.teams.teams.create(world.ann, "Rockets"))
    return world.do(lambda: world.teams.channels.create(team, "Fuel", membership_type=membership_type))


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item without its annotations."""
    return {name: value for name, value in item.items() if "@" not in name}


def _body(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
