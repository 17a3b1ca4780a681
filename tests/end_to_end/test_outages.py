"""Each system outside, away or hanging: what needs it is parked in time, nothing else, and the timer publishes it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import requests

from sandbox.relay import Mood
from sandbox.serving import Service
from tests.edges.outside import PATIENCE_SECONDS, fault, hanging
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
def _storage(app: Deployed, mood: Mood, *services: str) -> Iterator[None]:
    for service in services:
        app.relays[service].mood = mood
    try:
        yield
    finally:
        for service in services:
            app.relays[service].mood = Mood.FORWARDING


def _is_answered_in_time(answer: requests.Response, status: int) -> bool:
    return (answer.status_code, answer.content) == (status, b"") and answer.elapsed.total_seconds() < PATIENCE_SECONDS


def _cold(app: Deployed) -> None:
    """Have the app in a new process that has imported everything, and fetched nothing."""
    app.restart()
    assert eventually(lambda: _takes(app, body(basic_item())))
    app.as_it_was()


def _takes(app: Deployed, post: bytes) -> bool:
    """Return whether a POST sent again and again, as Graph does, goes through without being parked."""
    app.as_it_was()
    return app.post(post).status_code == 202 and app.kept("parked") == []


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
def test_without_its_keys_the_app_parks_rich_posts_only_and_the_timer_publishes_them(
    app: Deployed, graph: Sender, troubles: tuple[Trouble, Trouble]
) -> None:
    _cold(app)
    posts = [graph.rich_body() for _ in troubles]
    for trouble, post in zip(troubles, posts, strict=True):
        with trouble(app):
            assert _is_answered_in_time(app.post(post), 202)
            assert app.post(body(basic_item())).status_code == 202
            assert app.post(graph.rich_body(graph.rich_item(clientState="x"))).status_code == 202
    assert (app.count(), app.kept("parked"), app.kept("quarantine")) == (len(troubles), posts, [])
    assert eventually(lambda: _heals(app))
    contents = [event["data"].get("content") for event in app.told()]
    assert [content for content in contents if content] == [CONTENT, CONTENT]


def _heals(app: Deployed) -> bool:
    """Return whether a run of the timer leaves nothing parked. A run that is cut off by a cooldown puts off."""
    assert app.run_timer()
    return app.kept("parked") == []


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_without_the_queue_the_app_parks_what_is_authentic_and_the_timer_publishes_it(
    app: Deployed, graph: Sender, mood: Mood
) -> None:
    assert eventually(lambda: _takes(app, graph.rich_body()))
    app.as_it_was()
    post = graph.rich_body()
    with _storage(app, mood, "Queue"):
        assert _is_answered_in_time(app.post(post), 202)
        assert app.post(body(basic_item(clientState="x"))).status_code == 202
    assert (app.count(), app.kept("parked")) == (0, [post])
    assert _heals(app)
    assert [event["data"]["content"] for event in app.told()] == [CONTENT]


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_without_a_place_for_lifecycle_events_they_are_parked_and_all_else_is_published(
    app: Deployed, graph: Sender, mood: Mood
) -> None:
    assert eventually(lambda: _takes(app, graph.rich_body()))
    app.as_it_was()
    lifecycle = body(basic_item(lifecycleEvent="missed"))
    with _storage(app, mood, "Table"):
        assert _is_answered_in_time(app.post(body(basic_item())), 202)
        assert _is_answered_in_time(app.post(lifecycle), 202)
    assert (app.count(), app.kept("parked")) == (1, [lifecycle])
    assert _heals(app)
    assert len(app.told()) == 2


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_without_all_of_storage_the_app_refuses_what_is_authentic_and_heals_by_itself(
    app: Deployed, graph: Sender, mood: Mood
) -> None:
    with _storage(app, mood, "Queue", "Blob", "Table"):
        assert _is_answered_in_time(app.post(body(basic_item())), 503)
        assert app.post(body(basic_item(clientState="x"))).status_code == 202
        assert app.post(b"{}").status_code == 400
    assert (app.count(), app.kept("parked")) == (0, [])
    assert eventually(lambda: _takes(app, graph.rich_body()))


def test_without_a_place_for_what_is_refused_nothing_of_its_post_is_published(app: Deployed, graph: Sender) -> None:
    assert eventually(lambda: _takes(app, graph.rich_body()))
    app.as_it_was()
    post = body(basic_item(), graph.rich_item(), tokens=["garbage"])
    with _storage(app, Mood.DOWN, "Blob"):
        assert _is_answered_in_time(app.post(post), 503)
    assert (app.count(), app.kept("quarantine")) == (0, [])
    assert _is_answered_in_time(app.post(post), 202)
    assert app.count() == 1
    (kept,) = app.kept("quarantine")
    assert json.loads(kept)["value"] == json.loads(post)["value"][1:]


def test_known_keys_serve_through_an_outage_of_everything_but_storage(app: Deployed, graph: Sender) -> None:
    assert eventually(lambda: _takes(app, graph.rich_body()))
    with _down(app, app.world.login), _down(app, app.world.vault_service), _down(app, app.world.graph_service):
        assert app.post(graph.rich_body()).status_code == 202
    assert app.kept("parked") == []


def test_a_notification_right_after_a_start_is_received_without_any_run_of_the_timer(
    app: Deployed, graph: Sender
) -> None:
    """Peers' hole 16: 404 for notifications that arrive before a timer has filled a cache, after a cold start."""
    app.restart()
    since = len(app.host.lines)
    answer = app.post(graph.rich_body())
    # On a slow machine the imports alone take Graph's patience, and Graph sends it again.
    assert _is_answered_in_time(answer, 202) or _is_answered_in_time(answer, 503)
    assert eventually(lambda: _takes(app, graph.rich_body()))
    assert not any("RenewSubscriptions" in line and "Execut" in line for line in app.said(since))
