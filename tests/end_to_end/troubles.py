"""What can go wrong outside the app and with it, one thing at a time, for as long as a context lasts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import requests
from azure.data.tables import TableServiceClient, UpdateMode

from sandbox.relay import Mood
from sandbox.serving import Fault, Service
from tests.end_to_end.deployed import Deployed
from tests.eventually import eventually
from tests.fakes.identity_services import fault, hanging
from tests.sender import basic_item, body

type Trouble = Callable[[Deployed], AbstractContextManager[object]]

ANSWERS: Mapping[str, Fault] = {
    "down": Fault(drop=True),
    "failing": Fault(status=503),
    "slow": hanging(),
    "wrong": Fault(status=200, headers={"Content-Type": "text/html"}, body=b"<html>Sign in to the network</html>"),
    "cut off": Fault(truncate=True),
    "throttling": Fault(status=429, headers={"Retry-After": "2"}),
}
MOODS: Mapping[str, Mood] = {
    "down": Mood.DOWN,
    "silent": Mood.SILENT,
    "late": Mood.LATE,
    "cut off": Mood.CUTTING,
    "full": Mood.BUSY,
}
RELAYS: Mapping[str, str] = {"blobs": "Blob", "queues": "Queue", "tables": "Table"}
SUBSCRIPTIONS_PATH = "/v1.0/subscriptions"


def stores(mood: Mood, *names: str) -> Trouble:
    @contextmanager
    def trouble(app: Deployed) -> Iterator[None]:
        relays = [app.relays[RELAYS[name]] for name in names]
        for relay in relays:
            relay.mood = mood
        yield
        for relay in relays:
            relay.mood = Mood.FORWARDING

    return trouble


@contextmanager
def expired(service: Service) -> Iterator[None]:
    service.let_certificate_expire()
    try:
        yield
    finally:
        service.renew_certificate()


def skewed(skew: timedelta) -> Trouble:
    @contextmanager
    def trouble(app: Deployed) -> Iterator[None]:
        app.world.entra.skew = skew
        try:
            yield
        finally:
            app.world.entra.skew = timedelta()

    return trouble


@contextmanager
def nothing(_app: Deployed) -> Iterator[None]:
    """Have nothing go wrong beside what ``run`` does."""
    yield


@contextmanager
def killed(app: Deployed) -> Iterator[None]:
    """Kill the app when an event stands in the queue and the app has not been told."""
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
    _started(app)


def _started(app: Deployed) -> None:
    """Start the app, and wait until it has imported everything: what that takes is no fault's doing."""
    app.background.run(app.host.start())
    assert eventually(lambda: app.post(body(basic_item())).status_code == requests.codes.accepted)


def changes_nothing(app: Deployed) -> None:
    """Have the timer meet what Graph answers, and go through with the rest of its run."""
    before, disturbed = {each.id for each in app.world.graph.subscriptions()}, app.world.graph_service.faults.disturbed
    met = disturbed.total()
    assert app.run_timer()
    assert disturbed.total() > met
    assert {each.id for each in app.world.graph.subscriptions()} == before


def is_killed_creating(app: Deployed) -> None:
    """Have Graph make a subscription, its answer be lost, and the app be killed."""
    app.background.run(app.forget_subscriptions())
    with fault(app.world.graph_service, Fault(method="POST", path=SUBSCRIPTIONS_PATH, carried_out=True, drop=True)):
        app.background.run(app.world.fire_timer(app.host.url))
        # The app lists so many pages in 20 seconds and no more, and the rows before this one had theirs.
        assert eventually(lambda: bool(app.world.graph.subscriptions()), seconds=30)
        app.background.run(app.host.kill())
    _started(app)


def loses_every_race(app: Deployed) -> None:
    """Have somebody else change every row between the run's reading and its writing."""
    lists = Fault(method="GET", path=SUBSCRIPTIONS_PATH, delay=0.5)
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


def refused_by_graph(answer: Fault, method: str | None = None) -> Trouble:
    """Have Graph give ``answer`` to what is asked about subscriptions, and nothing else."""
    return lambda app: fault(app.world.graph_service, replace(answer, method=method, path=SUBSCRIPTIONS_PATH))


def loses_every_subscription(app: Deployed) -> None:
    app.background.run(app.forget_subscriptions())


def loses_a_subscription(app: Deployed) -> None:
    first, *_ = app.world.graph.subscriptions()

    async def remove() -> None:
        app.world.graph.remove_subscription(first.id)
        await app.world.graph.idle()

    app.background.run(remove())
