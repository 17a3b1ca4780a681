"""An outage of the quarantine, and a cold start; every other single fault is a row of ``single_faults``."""

import json

import pytest
import requests

from sandbox.relay import Mood
from tests.end_to_end.deployed import Deployed
from tests.eventually import eventually
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sender import Sender, basic_item, body

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]


def _is_answered_in_time(answer: requests.Response, status: int) -> bool:
    return (answer.status_code, answer.content) == (status, b"") and answer.elapsed.total_seconds() < PATIENCE_SECONDS


def test_post_is_sent_again_until_its_rejected_item_is_in_quarantine(app: Deployed, graph: Sender) -> None:
    assert eventually(lambda: app.takes(graph.rich_body()))
    app.reset()
    post = body(basic_item(), graph.rich_item(), tokens=["garbage"])
    app.relays["Blob"].mood = Mood.DOWN
    assert _is_answered_in_time(app.post(post), 503)
    app.relays["Blob"].mood = Mood.FORWARDING
    assert (app.count(), app.stored("quarantine")) == (1, [])
    assert _is_answered_in_time(app.post(post), 202)
    # This deployment forgets at once what it has published: the consumer sees one id twice.
    assert app.count() == 2
    assert len({json.loads(event)["id"] for event in app.events()}) == 1
    (stored,) = app.stored("quarantine")
    assert json.loads(stored)["value"] == json.loads(post)["value"][1:]


def test_notification_right_after_a_start_needs_no_run_of_the_timer(app: Deployed, graph: Sender) -> None:
    """Peers' hole 16: 404 for notifications that arrive before a timer has filled a cache, after a cold start."""
    app.restart()
    since = len(app.host.lines)
    answer = app.post(graph.rich_body())
    # On a slow machine the imports alone take Graph's patience, and Graph sends it again.
    assert _is_answered_in_time(answer, 202) or _is_answered_in_time(answer, 503)
    assert eventually(lambda: app.takes(graph.rich_body()))
    assert not any("RenewSubscriptions" in line and "Execut" in line for line in app.logged(since))
