"""Bad input over HTTP, on the host: a definite answer in time, and nothing of it in the log or at the vault."""

import dataclasses
import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress

import jwt
import pytest
import requests

from tests.end_to_end.deployed import Deployed, secrets_in
from tests.eventually import eventually
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.hostile.bodies import POSTS, replaced
from tests.hostile.tokens import claims_of
from tests.sender import CONTENT, STATE_KEY_TEXT, Sender, body, client_state

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]

# More messages than some machines' storage accepts within Graph's time limit.
THOUSAND = "items: 1,000 items"
_QUARANTINED = {"expired", "malformed", "undecryptable", "validation-token"}
_PARKED = {"certificate-unknown", "tenant-not-served"}
_WITH_A_GOOD_TOKEN = "tokens: bad ones beside a good one"
UNAUTHENTIC = [
    name
    for name in POSTS
    if name.startswith(("client state:", "tokens:", "no collection:")) and name != _WITH_A_GOOD_TOKEN
]


def _secrets_of(app: Deployed, post: bytes) -> set[str]:
    """Return what must never be logged, of ``post`` and of the app's own secrets."""
    registration = app.world.registration
    own = {STATE_KEY_TEXT, registration.client_secret, client_state(), str(CONTENT["body"]), "Grüße", "eyJ"}
    with suppress(ValueError, RecursionError):
        own |= set(secrets_in(json.loads(post)))
    return own


def _check_answer(answer: requests.Response, statuses: set[int], what: str = "") -> None:
    assert answer.status_code in statuses, what
    assert answer.content == b"", what
    assert answer.elapsed.total_seconds() < PATIENCE_SECONDS, what


def _check_log(app: Deployed, since: int, post: bytes) -> None:
    logged = "\n".join(app.logged(since))
    assert "Traceback" not in logged
    assert [secret for secret in _secrets_of(app, post) if secret in logged] == []


@pytest.mark.parametrize("name", [name for name in POSTS if name != THOUSAND])
def test_bad_post_has_its_status_and_is_not_logged(app: Deployed, graph: Sender, name: str) -> None:
    """Peers' holes 5, 6 and 9: a 500, no answer at all, the client state in the log."""
    post, since = POSTS[name](graph), len(app.host.lines)
    _check_answer(app.post(post.body), {post.status})
    assert app.count() == post.published
    # What is not authentic is never stored.
    assert len(app.stored("quarantine")) == sum(post.others[reason] for reason in post.others.keys() & _QUARANTINED)
    assert len(app.stored("parked")) == len(post.others.keys() & _PARKED)
    assert all(json.loads(event)["specversion"] == "1.0" for event in app.events())
    _check_log(app, since, post.body)


def test_thousand_items_are_published_or_parked_in_time(app: Deployed, graph: Sender) -> None:
    post = POSTS[THOUSAND](graph).body
    _check_answer(app.post(post), {202})
    # Of a POST that is parked, some events may have been published already.
    parked = [item for stored in app.stored("parked") for item in json.loads(stored)["value"]]
    assert parked == json.loads(post)["value"] or app.count() == 1000
    assert eventually(lambda: _is_at_rest(app))


def _is_at_rest(app: Deployed) -> bool:
    """Return whether the sends that were under way when the app gave up have ended."""
    before = app.count()
    time.sleep(0.5)
    return app.count() == before


@pytest.mark.parametrize("name", UNAUTHENTIC)
def test_unauthentic_post_causes_no_request_to_the_vault(app: Deployed, graph: Sender, name: str) -> None:
    # A version that is in no cache.
    stranger = dataclasses.replace(graph, certificate_id=secrets.token_hex(16))
    app.world.vault_service.requests.clear()
    _check_answer(app.post(POSTS[name](stranger).body), {202, 400, 413})
    assert app.world.vault_service.requests == []


def test_unknown_certificate_version_is_requested_once(app: Deployed, graph: Sender) -> None:
    """Without it the test above would pass even if nothing ever called the vault."""
    unknown = dataclasses.replace(graph, certificate_id=secrets.token_hex(16))
    asked = []
    for _ in range(2):
        _check_answer(app.post(unknown.rich_body()), {202})
        asked.append(sum(unknown.certificate_id in each.path_qs for each in app.world.vault_service.requests))
    assert asked[0] == asked[1] > 0
    assert app.count() == 0


def test_good_body_with_any_node_replaced_is_answered(app: Deployed, graph: Sender) -> None:
    since, bodies = len(app.host.lines), list(replaced(graph))
    for name, nasty in bodies:
        _check_answer(app.post(nasty), {202, 400}, name)
    _check_log(app, since, graph.rich_body())
    assert len(bodies) > 200


@pytest.mark.parametrize(
    "kid", [pytest.param(lambda: "forged", id="forged"), pytest.param(lambda: "\ud800", id="lone surrogate")]
)
def test_token_of_an_unknown_key_publishes_nothing(app: Deployed, graph: Sender, kid: Callable[[], str]) -> None:
    token = jwt.encode(claims_of(graph), graph.entra.signing_key, algorithm="RS256", headers={"kid": kid()})
    app.world.vault_service.requests.clear()
    since, post = len(app.host.lines), body(graph.rich_item(), tokens=[token])
    _check_answer(app.post(post), {202})
    assert (app.count(), app.world.vault_service.requests) == (0, [])
    # Within the cooldown the app cannot fetch keys, and parks.
    assert len(app.stored("quarantine") + app.stored("parked")) == 1
    _check_log(app, since, post)


def test_published_content_equals_what_was_encrypted(app: Deployed, graph: Sender) -> None:
    _check_answer(app.post(graph.rich_body(graph.rich_item(), graph.rich_item(changeType="updated"))), {202})
    events = [json.loads(event) for event in app.events()]
    assert {event["type"] for event in events} == {
        "Microsoft.Graph.ChatMessageCreated",
        "Microsoft.Graph.ChatMessageUpdated",
    }
    assert [event["data"]["content"] for event in events] == [CONTENT, CONTENT]
    assert not any(client_state().encode() in event for event in app.events())
