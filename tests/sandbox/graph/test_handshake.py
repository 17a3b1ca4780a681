"""The validation of endpoints before a subscription comes into being."""

import re
from typing import Any
from urllib.parse import unquote_plus

import pytest
from aiohttp import web

from sandbox.serving import Fault
from tests.sandbox.graph_world import GraphWorld, error

pytestmark = pytest.mark.slow


def test_both_endpoints_are_validated_even_if_they_are_the_same(world: GraphWorld) -> None:
    url = f"{world.receiver_service.url}/hook?code=a%2Bb%7e"
    world.subscribe(notificationUrl=url, lifecycleNotificationUrl=url)
    assert len(world.receiver.handshakes) == 2
    for path in world.receiver.handshakes:
        own, _, token = path.partition("&validationToken=")
        assert own == "/hook?code=a%2Bb%7e"
        assert re.match(r"Validation: Testing client application reachability for subscription", unquote_plus(token))
        assert "+" in token, "spaces are sent as plus signs"
        assert "%2B" in token, "a plus sign is encoded"
    assert [delivery.handshake for delivery in world.deliveries] == [True, True]


def test_url_without_a_query_gets_one(world: GraphWorld) -> None:
    world.subscribe()
    assert world.receiver.handshakes[1].startswith("/life?validationToken=")


def _text(request: web.Request) -> str:
    return request.query["validationToken"]


HANDSHAKES = [
    ("202", lambda r: web.Response(text=_text(r), status=202), "HTTP status code is 'Accepted'"),
    ("403", lambda _: web.Response(status=403), "HTTP status code is 'Forbidden'. Notification endpoint must respond"),
    ("redirect", lambda _: web.Response(status=302, headers={"Location": "/life"}), "HTTP status code is 'Found'"),
    ("JSON", lambda r: web.json_response(_text(r)), "content type text/plain"),
    ("HTML", lambda r: web.Response(text=_text(r), content_type="text/html"), "content type text/plain"),
    ("encoded", lambda r: web.Response(text=r.raw_path.partition("validationToken=")[2]), "exactly match"),
    ("quoted", lambda r: web.Response(text=f'"{_text(r)}"'), "exactly match"),
    ("line break", lambda r: web.Response(text=f"{_text(r)}\n"), "exactly match"),
    ("empty", lambda _: web.Response(text=""), "exactly match"),
    ("plus kept", lambda r: web.Response(text=_text(r).replace(" ", "+")), "exactly match"),
]


@pytest.mark.parametrize(("validate", "reason"), [row[1:] for row in HANDSHAKES], ids=[row[0] for row in HANDSHAKES])
def test_endpoint_with_another_answer_is_refused(stern: GraphWorld, validate: Any, reason: str) -> None:
    stern.receiver.validate = validate
    status, code, text = error(stern.call("POST", "v1.0/subscriptions", stern.body()))
    assert (status, code) == (400, "ValidationError")
    assert text.startswith("Subscription validation request failed. ")
    assert reason in text


def test_lifecycle_endpoint_is_validated_too(world: GraphWorld) -> None:
    good = world.receiver.validate
    world.receiver.validate = lambda r: good(r) if r.path == "/hook" else web.Response(status=404)
    assert error(world.call("POST", "v1.0/subscriptions", world.body()))[1] == "ValidationError"
    assert world.graph.subscriptions() == ()


def test_endpoint_that_takes_too_long_is_refused(world: GraphWorld) -> None:
    world.receiver_service.faults.add(Fault(delay=0.9))
    answer = world.call("POST", "v1.0/subscriptions", world.body())
    assert error(answer) == (400, "InvalidRequest", "Subscription validation request timed out.")


def test_endpoint_that_is_not_there_is_refused(world: GraphWorld) -> None:
    body = world.body(notificationUrl="https://127.0.0.1:9/hook")
    assert error(world.call("POST", "v1.0/subscriptions", body))[:2] == (400, "ValidationError")
