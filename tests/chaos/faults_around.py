"""What other people do: strangers on the app's URL, a tenant that refuses it, a new address, and lists that forget."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlsplit

from sandbox.graph import Subscription
from sandbox.relay import Relay
from tests.chaos.app_faults import InApp
from tests.chaos.faults import denied, forgetful
from tests.chaos.storage import Storage
from tests.chaos.strangers import Strangers
from tests.end_to_end.deployed import Deployed
from tests.sender import CLIENT_ID, OTHER_TENANT, TENANT


def lists_without(forgets: Callable[[Subscription], bool]) -> InApp:
    """Have Graph's lists forget."""
    return lambda app: _in_loop(app, forgetful(app.world.graph, forgets))


def asks_for_none_again(app: Deployed) -> None:
    """Run the timer on lists that forget: what it knows by its id is renewed, and nothing is created."""
    graph = app.world.graph
    before, lists = graph.subscriptions(), graph.listing.forgetful
    assert app.run_timer()
    assert graph.listing.forgetful > lists
    assert [each.id for each in graph.subscriptions()] == [each.id for each in before]
    assert not graph.asked_again


def neighbour_refused(app: Deployed) -> AbstractContextManager[None]:
    """Have Graph refuse the app in the other tenant, where its subscriptions are gone."""
    return _in_loop(app, denied(app.world.graph, OTHER_TENANT))


def serves_the_other_tenant(app: Deployed) -> None:
    """Run the timer while one tenant refuses the app: in the other one everything is renewed."""
    graph = app.world.graph
    before = {each.id: each.renewed_at for each in graph.subscriptions() if each.tenant_id == TENANT}
    refused = graph.denial.refused[OTHER_TENANT]
    app.run_timer()
    assert graph.denial.refused[OTHER_TENANT] > refused
    after = {each.id: each.renewed_at for each in graph.subscriptions() if each.tenant_id == TENANT}
    assert after.keys() == before.keys()
    assert all(after[id_] != before[id_] for id_ in before)


def strangers(*, in_our_tenant: bool) -> InApp:
    """Have another app subscribe with the app's URL."""
    return lambda app: _in_loop(app, _strangers_of(app).subscribed(in_our_tenant=in_our_tenant))


def ignores_strangers(app: Deployed) -> None:
    """Have something happen in the stranger's tenant and in ours: Graph posts the stranger's items to the app."""
    deliveries = len(app.deliveries)

    async def write() -> None:
        _strangers_of(app).write()
        people = [app.world.teams.add_user(TENANT, name) for name in ("Isaiah Langer", "Lee Gu")]
        app.world.teams.messages.send(app.world.teams.chats.create(people), people[0], "Hello")
        await app.world.graph.idle()

    app.background.run(write())
    items = [item for delivery in app.deliveries[deliveries:] for item in delivery.items]
    assert any(item.subscription.application_id != CLIENT_ID for item in items)
    assert app.stored("parked") == app.stored("quarantine") == []


def moves(app: Deployed) -> None:
    """Give the app another NOTIFICATION_URL, and run the timer: every subscription is replaced by one with that URL."""
    relay = app.relays["address"] = Relay(urlsplit(app.host.url).port or 0)
    app.background.run(relay.start())
    url = f"https://127.0.0.1:{relay.port}/api/ReceiveNotification"
    app.restart(NOTIFICATION_URL=url)

    async def end_turn() -> None:
        async with Storage.open(app.world.azurite.connection_string) as storage:
            await storage.end_turn()

    app.background.run(end_turn())
    assert app.run_timer()
    assert {each.notification_url.partition("?")[0] for each in app.world.graph.subscriptions()} == {url}


_STRANGERS: dict[int, Strangers] = {}


def _strangers_of(app: Deployed) -> Strangers:
    world = app.world
    return _STRANGERS.setdefault(id(world), Strangers(world.teams, world.graph, CLIENT_ID))


@contextmanager
def _in_loop(app: Deployed, context: AbstractContextManager[None]) -> Iterator[None]:
    """Enter and leave a context in the loop of the services."""

    async def entered() -> None:
        context.__enter__()

    async def left() -> None:
        context.__exit__(None, None, None)

    app.background.run(entered())
    try:
        yield
    finally:
        app.background.run(left())
