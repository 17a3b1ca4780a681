"""What can fail in the app and around its timer, one thing at a time, for as long as a context lasts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from threading import Thread

import requests
from azure.data.tables import TableServiceClient, UpdateMode

from sandbox.relay import Mood
from sandbox.serving import Fault
from tests.chaos.faults import failing_connections
from tests.end_to_end.deployed import Deployed
from tests.eventually import eventually
from tests.fakes.identity_services import fault
from tests.sender import basic_item, body

type InApp = Callable[[Deployed], AbstractContextManager[object]]

_RELAYS: Mapping[str, str] = {"blobs": "Blob", "queues": "Queue", "tables": "Table"}
_SUBSCRIPTIONS_PATH = "/v1.0/subscriptions"


def nothing(_app: Deployed) -> AbstractContextManager[object]:
    return nullcontext()


def stores(what: str, *names: str) -> InApp:
    return lambda app: failing_connections([app.relays[_RELAYS[name]] for name in names], what)


@contextmanager
def killed(app: Deployed) -> Iterator[None]:
    """Kill the app when an event is in the queue and the app has no answer yet."""
    relay = app.relays["Queue"]
    relay.mood = Mood.LATE

    def kill() -> None:
        assert eventually(lambda: app.count() > 0)
        app.background.run(app.host.kill())

    thread = Thread(target=kill)
    thread.start()
    yield
    thread.join()
    relay.mood = Mood.FORWARDING
    _start(app)


def _start(app: Deployed) -> None:
    """Start the app, and wait until it has imported everything: the time of that is not the fault's."""
    app.background.run(app.host.start())
    assert eventually(lambda: app.post(body(basic_item())).status_code == requests.codes.accepted)


def refused_by_graph(answer: Fault, method: str | None = None) -> InApp:
    """Have Graph give ``answer`` to requests about subscriptions only."""
    return lambda app: fault(app.world.graph_service, replace(answer, method=method, path=_SUBSCRIPTIONS_PATH))


def changes_nothing(app: Deployed) -> None:
    """Run the timer into what Graph answers: the rest of its run is done."""
    before, disturbed = {each.id for each in app.world.graph.subscriptions()}, app.world.graph_service.faults.disturbed
    met = disturbed.total()
    assert app.run_timer()
    assert disturbed.total() > met
    assert {each.id for each in app.world.graph.subscriptions()} == before


def is_killed_creating(app: Deployed) -> None:
    """Have Graph create a subscription, its answer be lost, and the app be killed."""
    app.background.run(app.forget_subscriptions())
    with fault(app.world.graph_service, Fault(method="POST", path=_SUBSCRIPTIONS_PATH, carried_out=True, drop=True)):
        app.background.run(app.world.fire_timer(app.host.url))
        # The app may list only so many pages in 20 seconds, and the rows before this one took theirs.
        assert eventually(lambda: bool(app.world.graph.subscriptions()), seconds=30)
        app.background.run(app.host.kill())
    _start(app)


def loses_every_race(app: Deployed) -> None:
    """Have every row changed between the run's reading and its writing."""
    lists = Fault(method="GET", path=_SUBSCRIPTIONS_PATH, delay=0.5)
    app.world.graph_service.requests.clear()
    account = app.world.azurite.connection_string
    with fault(app.world.graph_service, lists), TableServiceClient.from_connection_string(account) as tables:
        thread = Thread(target=app.run_timer)
        thread.start()
        assert eventually(lambda: len(app.world.graph_service.requests) > 1)
        rows = tables.get_table_client("subscriptions")
        for row in list(rows.list_entities()):
            rows.update_entity(row | {"touched": True}, mode=UpdateMode.MERGE)
        thread.join()
        assert all(row.get("touched") for row in rows.list_entities())


def loses_every_subscription(app: Deployed) -> None:
    app.background.run(app.forget_subscriptions())


def loses_a_subscription(app: Deployed) -> None:
    first, *_ = app.world.graph.subscriptions()

    async def remove() -> None:
        app.world.graph.remove_subscription(first.id)
        await app.world.graph.idle()

    app.background.run(remove())
