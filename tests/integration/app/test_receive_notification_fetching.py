"""Resources fetched in parallel through the composition root, as the app of each tenant, from a Graph with faults."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import pytest

from sandbox.entra import Application
from sandbox.serving import Fault
from sandbox.teams import Path, User
from shared.app.clients import Clients
from shared.app.receive_notification import receiver
from shared.errors import Misconfigured, NotFound, Problem, Unavailable
from shared.graph.location import ApiVersion, ResourceLocation
from shared.notifications.decryption import ResourceContent
from shared.receiving.item_publisher import Fetched
from shared.timing import Deadline
from tests.fakes.identity_services import fault, hanging
from tests.fakes.settings_environment import LEAST
from tests.fakes.time_limits import in_time, within
from tests.hostile.resources import CONFINED_RESOURCES
from tests.sandbox.graph_world import APP, ROLES, SECRET, GraphWorld
from tests.sender import authentic, basic_item, client_state

pytestmark = pytest.mark.slow

# What all GETs of a POST have together, and what a busy machine adds to it: less than the whole POST has.
SECONDS_TO_FETCH = 1.0
BUSY_MACHINE_SECONDS = 1.0
MANY = 12

type Fetch = Callable[[Collection[ResourceLocation], Deadline], Fetched]


@pytest.fixture(scope="module")
def dee(graph_services: GraphWorld) -> User:
    """A person of another tenant that has the app."""
    tenant_id = graph_services.teams.add_tenant()
    tenant_ids = (graph_services.ann.tenant_id, tenant_id)
    graph_services.entra.register(Application(client_id=APP, tenant_ids=tenant_ids, secret=SECRET, roles=ROLES))
    return graph_services.teams.add_user(tenant_id, "Dee Doe")


@pytest.fixture
def environ(world: GraphWorld, dee: User) -> dict[str, str]:
    return LEAST | {
        "CLIENT_ID": APP,
        "CLIENT_SECRET": SECRET,
        "GRAPH_URL": world.graph_service.url,
        "LOGIN_URL": world.login.url,
        "TENANT_IDS": f"{world.ann.tenant_id},{dee.tenant_id}",
    }


@pytest.fixture
def fetch(environ: dict[str, str]) -> Fetch:
    return receiver(Clients.from_environ(environ)).publisher.fetch_resources


def _location(resource: str, tenant_id: str) -> ResourceLocation:
    item = basic_item(resource=resource, tenantId=tenant_id, clientState=client_state(tenant_id))
    return ResourceLocation.from_notification(authentic(item), ApiVersion.V1_0)


def _messages(world: GraphWorld, count: int = 1) -> Sequence[ResourceLocation]:
    sent = world.send(*[f"hello {number}" for number in range(count)])
    return [_location("/".join(path), world.ann.tenant_id) for path in sent]


def _warm(world: GraphWorld, fetch: Fetch) -> Sequence[ResourceLocation]:
    """Return messages that can be fetched, after one has been: the token is there."""
    locations = _messages(world, MANY)
    fetch(locations[:1], in_time())
    world.graph_service.requests.clear()
    return locations


def test_resource_is_fetched_with_the_credential_of_its_tenant(world: GraphWorld, dee: User, fetch: Fetch) -> None:
    chat: Path = world.do(lambda: world.teams.chats.create([dee, dee]))
    here, there = _messages(world)[0], _location("/".join(chat), dee.tenant_id)
    stranger = _location("/".join(chat), world.ann.tenant_id)
    fetched = fetch([here, there, stranger], in_time())
    own = [
        content.resource["id"] for content in (fetched[here], fetched[there]) if isinstance(content, ResourceContent)
    ]
    assert own == [here.path.rpartition("/")[2], chat[-1]]
    assert isinstance(fetched[stranger], NotFound)


def test_many_resources_are_fetched_in_parallel(world: GraphWorld, fetch: Fetch) -> None:
    locations = _warm(world, fetch)
    with fault(world.graph_service, Fault(delay=0.3)):
        assert fetch(locations, in_time()).keys() == set(locations)
    # On a busy machine one may take so long that it is asked for again.
    assert len({request.path_qs for request in world.graph_service.requests}) == MANY


@pytest.mark.parametrize(
    "resource", [resource for resource, _ in CONFINED_RESOURCES.values()], ids=list(CONFINED_RESOURCES)
)
def test_hostile_resource_is_requested_below_the_version_only(world: GraphWorld, fetch: Fetch, resource: str) -> None:
    location = _location(resource, world.ann.tenant_id)
    with fault(world.graph_service, Fault(status=404)):
        fetch([location], in_time())
    (request,) = world.graph_service.requests
    assert request.path_qs.startswith("/v1.0/")
    assert "?" not in request.path_qs


REFUSED: dict[str, tuple[Fault, type[Problem]]] = {
    "no permission": (Fault(status=403), Misconfigured),
    "too many requests": (Fault(status=429, headers={"Retry-After": "1"}), Unavailable),
    "too many requests without Retry-After": (Fault(status=429), Unavailable),
    "out of order": (Fault(status=503), Unavailable),
    "no JSON": (Fault(status=200, body=b"<html>"), Unavailable),
}


@pytest.mark.parametrize(("refusal", "problem"), REFUSED.values(), ids=REFUSED)
def test_refused_resource_is_not_asked_for_again_and_refuses_no_other(
    world: GraphWorld, fetch: Fetch, refusal: Fault, problem: type[Problem]
) -> None:
    locations = _warm(world, fetch)
    with fault(world.graph_service, replace(refusal, times=1)):
        fetched = fetch(locations, in_time())
    assert len(world.graph_service.requests) == MANY
    assert Counter(type(each) for each in fetched.values()) == {problem: 1, ResourceContent: MANY - 1}


@pytest.mark.parametrize("service", ["graph_service", "login"])
def test_hanging_service_is_given_up_within_the_second(world: GraphWorld, fetch: Fetch, service: str) -> None:
    locations = _messages(world)
    with fault(getattr(world, service), hanging()), within(SECONDS_TO_FETCH + BUSY_MACHINE_SECONDS):
        fetched = fetch(locations, in_time())
    assert [type(problem) for problem in fetched.values()] == [Unavailable]
