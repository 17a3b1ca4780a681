"""Resources fetched side by side through the composition root, as the app of each tenant, from a Graph with moods."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import pytest

from sandbox.entra import Application
from sandbox.serving import Fault
from sandbox.teams import Path, User
from shared.app.clients import Clients
from shared.app.receive_notification import receiver
from shared.errors import Misconfigured, NotFound, Problem, Unavailable
from shared.graph.location import ApiVersion, ResourceLocation
from shared.notifications.client_state import authenticate
from shared.notifications.collection import ChangeNotification
from shared.notifications.decryption import ResourceContent
from shared.timing import Deadline
from tests.fakes.identity_services import fault, hanging
from tests.fakes.time_limits import in_time, within
from tests.sandbox.graph_world import APP, ROLES, SECRET, GraphWorld, graph_world
from tests.sender import STATE_KEY, STATE_KEY_TEXT, basic_item, client_state
from tests.unit.graph.test_location import KEPT_IN

pytestmark = pytest.mark.slow

# What all GETs of a POST have together, and what a busy machine adds to it: less than the whole POST has.
SECONDS_TO_FETCH = 1.0
BUSY_MACHINE_SECONDS = 1.0
MANY = 12

type Fetch = Callable[[Collection[ResourceLocation], Deadline], Mapping[ResourceLocation, ResourceContent | NotFound]]


@pytest.fixture(scope="module")
def fetching_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphWorld]:
    with graph_world(tmp_path_factory.mktemp("graph")) as world:
        world.graph.throttle.enabled = False
        yield world


@pytest.fixture(scope="module")
def dee(fetching_world: GraphWorld) -> User:
    """A person of another tenant that has the app."""
    tenant_id = fetching_world.teams.add_tenant()
    tenant_ids = (fetching_world.ann.tenant_id, tenant_id)
    fetching_world.entra.register(Application(client_id=APP, tenant_ids=tenant_ids, secret=SECRET, roles=ROLES))
    return fetching_world.teams.add_user(tenant_id, "Dee Doe")


@pytest.fixture
def world(fetching_world: GraphWorld, monkeypatch: pytest.MonkeyPatch) -> GraphWorld:
    for name, value in fetching_world.tls.environment().items():
        monkeypatch.setenv(name, value)
    for service in (fetching_world.graph_service, fetching_world.login):
        service.requests.clear()
    return fetching_world


@pytest.fixture
def environ(world: GraphWorld, dee: User) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "CLIENT_ID": APP,
        "CLIENT_SECRET": SECRET,
        "CLIENT_STATE_KEY": STATE_KEY_TEXT,
        "GRAPH_URL": world.graph_service.url,
        "LOGIN_URL": world.login.url,
        "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
        "TENANT_IDS": f"{world.ann.tenant_id},{dee.tenant_id}",
    }


@pytest.fixture
def fetch(environ: dict[str, str]) -> Fetch:
    return receiver(Clients.from_environ(environ)).fetch_resources


def _location(resource: str, tenant_id: str) -> ResourceLocation:
    item = basic_item(resource=resource, tenantId=tenant_id, clientState=client_state(tenant_id))
    parsed = ChangeNotification.from_json(item)
    return ResourceLocation.from_notification(
        authenticate(parsed, keys=[STATE_KEY], tenant_ids=[tenant_id]), ApiVersion.V1_0
    )


def _messages(world: GraphWorld, count: int = 1) -> Sequence[ResourceLocation]:
    sent = world.send(*[f"hello {number}" for number in range(count)])
    return [_location("/".join(path), world.ann.tenant_id) for path in sent]


def _warm(world: GraphWorld, fetch: Fetch) -> Sequence[ResourceLocation]:
    """Return messages that can be fetched, after one has been: the token is there."""
    locations = _messages(world, MANY)
    fetch(locations[:1], in_time())
    world.graph_service.requests.clear()
    return locations


def test_each_resource_is_fetched_with_the_credential_of_its_own_tenant(
    world: GraphWorld, dee: User, fetch: Fetch
) -> None:
    chat: Path = world.do(lambda: world.teams.chats.create([dee, dee]))
    here, there = _messages(world)[0], _location("/".join(chat), dee.tenant_id)
    stranger = _location("/".join(chat), world.ann.tenant_id)
    fetched = fetch([here, there, stranger], in_time())
    own = [
        content.resource["id"] for content in (fetched[here], fetched[there]) if isinstance(content, ResourceContent)
    ]
    assert own == [here.path.rpartition("/")[2], chat[-1]]
    assert isinstance(fetched[stranger], NotFound)


def test_nothing_is_asked_of_graph_or_entra_id_before_something_is_to_be_fetched(
    world: GraphWorld, environ: dict[str, str]
) -> None:
    receiver(Clients.from_environ(environ))
    assert world.graph_service.requests == world.login.requests == []


def test_many_are_fetched_side_by_side(world: GraphWorld, fetch: Fetch) -> None:
    locations = _warm(world, fetch)
    with fault(world.graph_service, Fault(delay=0.3)):
        assert fetch(locations, in_time()).keys() == set(locations)
    # On a busy machine one may take so long that it is asked for again.
    assert len({request.path_qs for request in world.graph_service.requests}) == MANY


@pytest.mark.parametrize("resource", [resource for resource, _ in KEPT_IN.values()], ids=list(KEPT_IN))
def test_a_hostile_resource_leads_to_no_other_address_than_one_below_the_version(
    world: GraphWorld, fetch: Fetch, resource: str
) -> None:
    location = _location(resource, world.ann.tenant_id)
    with fault(world.graph_service, Fault(status=404)):
        fetch([location], in_time())
    (request,) = world.graph_service.requests
    assert request.path_qs.startswith("/v1.0/")
    assert "?" not in request.path_qs


REFUSED: dict[str, tuple[Fault, type[Problem]]] = {
    "no permission": (Fault(status=403), Misconfigured),
    "a token that is none": (Fault(status=401), Misconfigured),
    "no such kind of path": (Fault(status=400), Misconfigured),
    "too many requests": (Fault(status=429, headers={"Retry-After": "1"}), Unavailable),
    "too many requests, without a word when": (Fault(status=429), Unavailable),
    "out of order": (Fault(status=500), Unavailable),
    "away": (Fault(status=503), Unavailable),
    "an answer that is none": (Fault(status=200, body=b"<html>"), Unavailable),
}


@pytest.mark.parametrize(("trouble", "problem"), REFUSED.values(), ids=REFUSED)
def test_one_refusal_refuses_them_all_and_is_not_tried_over(
    world: GraphWorld, fetch: Fetch, trouble: Fault, problem: type[Problem]
) -> None:
    locations = _warm(world, fetch)
    with fault(world.graph_service, trouble), pytest.raises(problem):
        fetch(locations[:1], in_time())
    assert len(world.graph_service.requests) == 1
    assert len(fetch(locations, in_time())) == MANY


SLOW: dict[str, Callable[[GraphWorld], object]] = {
    "Graph": lambda world: world.graph_service.faults.add(hanging()),
    "Entra ID": lambda world: world.login.faults.add(hanging()),
}


@pytest.mark.parametrize("begin", SLOW.values(), ids=SLOW)
def test_what_hangs_is_given_up_within_the_second(
    world: GraphWorld, fetch: Fetch, begin: Callable[[GraphWorld], object]
) -> None:
    locations = _messages(world)
    begin(world)
    try:
        with within(SECONDS_TO_FETCH + BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
            fetch(locations, in_time())
    finally:
        for service in (world.graph_service, world.login):
            service.faults.clear()


def test_an_app_that_entra_id_refuses_is_told(world: GraphWorld, environ: dict[str, str]) -> None:
    clients = Clients.from_environ(environ | {"CLIENT_SECRET": "hunter2 hunter2"})
    with pytest.raises(Misconfigured, match="AADSTS7000215"):
        receiver(clients).fetch_resources(_messages(world), in_time())
