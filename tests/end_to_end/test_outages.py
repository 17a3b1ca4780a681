"""What an outage leaves alone, and what it must not let through by halves; the rest is in ``test_single_faults``."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from sandbox.relay import Mood
from sandbox.serving import Service
from tests.end_to_end.deployed import Deployed
from tests.eventually import eventually
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sender import Sender, basic_item, body

pytestmark = pytest.mark.slow


@contextmanager
def _down(app: Deployed, service: Service) -> Iterator[None]:
    app.background.run(service.stop())
    try:
        yield
    finally:
        app.background.run(service.start())


def _is_answered_in_time(answer: requests.Response, status: int) -> bool:
    return (answer.status_code, answer.content) == (status, b"") and answer.elapsed.total_seconds() < PATIENCE_SECONDS


def test_without_a_place_for_what_is_refused_nothing_of_its_post_is_published(app: Deployed, graph: Sender) -> None:
    assert eventually(lambda: app.takes(graph.rich_body()))
    app.as_it_was()
    post = body(basic_item(), graph.rich_item(), tokens=["garbage"])
    app.relays["Blob"].mood = Mood.DOWN
    assert _is_answered_in_time(app.post(post), 503)
    app.relays["Blob"].mood = Mood.FORWARDING
    assert (app.count(), app.kept("quarantine")) == (0, [])
    assert _is_answered_in_time(app.post(post), 202)
    assert app.count() == 1
    (kept,) = app.kept("quarantine")
    assert json.loads(kept)["value"] == json.loads(post)["value"][1:]


def test_known_keys_serve_through_an_outage_of_everything_but_storage(app: Deployed, graph: Sender) -> None:
    assert eventually(lambda: app.takes(graph.rich_body()))
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
    assert eventually(lambda: app.takes(graph.rich_body()))
    assert not any("RenewSubscriptions" in line and "Execut" in line for line in app.said(since))
