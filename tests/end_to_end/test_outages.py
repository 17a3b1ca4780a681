"""Each system outside, away or hanging: 503 in time for what needs it, nothing else, and health without a restart."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import requests

from sandbox.serving import Service
from tests.edges.outside import PATIENCE_SECONDS, fault, hanging
from tests.edges.relay import Mood
from tests.end_to_end.deployed import Deployed
from tests.sandbox.function_apps import eventually
from tests.sender import CONTENT, Sender, basic_item, body

pytestmark = pytest.mark.slow

type Trouble = Callable[[Deployed], AbstractContextManager[object]]


@contextmanager
def _down(app: Deployed, service: Service) -> Iterator[None]:
    app.background.run(service.stop())
    try:
        yield
    finally:
        app.background.run(service.start())


@contextmanager
def _storage(app: Deployed, mood: Mood) -> Iterator[None]:
    for relay in app.relays.values():
        relay.mood = mood
    try:
        yield
    finally:
        for relay in app.relays.values():
            relay.mood = Mood.FORWARDING


def _is_refused_in_time(answer: requests.Response) -> bool:
    return (answer.status_code, answer.content) == (503, b"") and answer.elapsed.total_seconds() < PATIENCE_SECONDS


def _cold(app: Deployed) -> None:
    """Have the app in a new process that has imported everything, and fetched nothing."""
    app.restart()
    assert eventually(lambda: app.post(body(basic_item())).status_code == 202)
    app.queue.clear_messages()


def _heals(app: Deployed, graph: Sender) -> bool:
    """Return whether a POST sent again and again, as Graph does, goes through."""
    return eventually(lambda: app.post(graph.rich_body()).status_code == 202)


OF_KEYS: dict[str, tuple[Trouble, Trouble]] = {
    "Entra ID": (
        lambda app: _down(app, app.world.login),
        lambda app: fault(app.world.login, hanging("/common/discovery")),
    ),
    "Key Vault": (
        lambda app: _down(app, app.world.vault_service),
        lambda app: fault(app.world.vault_service, hanging()),
    ),
}


@pytest.mark.parametrize("troubles", OF_KEYS.values(), ids=OF_KEYS)
def test_without_its_keys_the_app_refuses_rich_items_only_and_heals_by_itself(
    app: Deployed, graph: Sender, troubles: tuple[Trouble, Trouble]
) -> None:
    _cold(app)
    for trouble in troubles:
        with trouble(app):
            assert _is_refused_in_time(app.post(graph.rich_body()))
            assert app.post(body(basic_item())).status_code == 202
            assert app.post(graph.rich_body(graph.rich_item(clientState="x"))).status_code == 202
    assert app.count() == len(troubles)
    assert _heals(app, graph)
    assert any(str(CONTENT["id"]).encode() in event for event in app.events())


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_without_storage_the_app_refuses_what_is_authentic_and_heals_by_itself(
    app: Deployed, graph: Sender, mood: Mood
) -> None:
    with _storage(app, mood):
        assert _is_refused_in_time(app.post(body(basic_item())))
        assert app.post(body(basic_item(clientState="x"))).status_code == 202
        assert app.post(b"{}").status_code == 400
    assert _heals(app, graph)


def test_known_keys_serve_through_an_outage_of_everything_but_storage(app: Deployed, graph: Sender) -> None:
    assert _heals(app, graph)
    with _down(app, app.world.login), _down(app, app.world.vault_service), _down(app, app.world.graph_service):
        assert app.post(graph.rich_body()).status_code == 202


def test_a_notification_right_after_a_start_is_received_without_any_run_of_the_timer(
    app: Deployed, graph: Sender
) -> None:
    """Peers' hole 16: 404 for notifications that arrive before a timer has filled a cache, after a cold start."""
    app.restart()
    since = len(app.host.lines)
    answer = app.post(graph.rich_body())
    # On a slow machine the imports alone take Graph's patience, and Graph sends it again.
    assert answer.status_code == 202 or _is_refused_in_time(answer)
    assert _heals(app, graph)
    assert not any("RenewSubscriptions" in line and "Execut" in line for line in app.said(since))
