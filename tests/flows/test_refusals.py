"""What Graph refuses: its words on the row, attempts further and further apart, and well again once it is mended.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and
https://learn.microsoft.com/graph/errors
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from sandbox.serving import Fault
from tests.fakes.identity_services import CERTIFICATE_NAME
from tests.flows.wishes import MESSAGES, basic, messages_in
from tests.flows.world import World
from tests.sandbox.graph_world import ROLES

pytestmark = pytest.mark.slow

INVALID_TOKEN = json.dumps({"error": {"code": "InvalidAuthenticationToken", "message": "Access token is empty."}})


@contextmanager
def _quota_used_up(world: World) -> Iterator[None]:
    """Have another deployment of the registration hold the one subscription that Graph grants an app and chat."""
    entry = messages_in(world.new_chat(), "created")
    theirs = world.subscribe_by_hand(
        resource=entry["resource"],
        changeType="updated",
        notificationUrl=f"{world.endpoint_service.url}/theirs",
        expirationDateTime=(world.clock.now() + timedelta(days=1)).isoformat(),
    )
    world.app.entries = [basic(entry)]
    yield
    world.app.clients.graph_for_tenant(world.tenant_id).delete_subscription(theirs)


@contextmanager
def _permission_missing(world: World) -> Iterator[None]:
    world.grant(world.tenant_id, roles=tuple(role for role in ROLES if not role.startswith("Chat.")))
    world.app.restart()
    yield
    world.grant(world.tenant_id)
    world.app.restart()


@contextmanager
def _certificate_too_short(world: World) -> Iterator[None]:
    world.app.entries = [MESSAGES]
    world.app.environ["ENCRYPTION_CERTIFICATE_NAME"] = CERTIFICATE_NAME
    world.vault.create_certificate(CERTIFICATE_NAME, key_size=1024)
    yield
    world.vault.create_certificate(CERTIFICATE_NAME)


def _endpoint_forbidden(world: World) -> AbstractContextManager[None]:
    return world.fault(world.endpoint_service, Fault(status=403))


def _token_refused(world: World) -> AbstractContextManager[None]:
    refusal = Fault(path="/subscriptions$", method="POST", status=401, body=INVALID_TOKEN.encode())
    return world.fault(world.graph_service, refusal)


def _attempts(world: World, *, span: timedelta, every: timedelta) -> list[datetime]:
    """Let time pass with the timer running; return when the app failed, as its row says."""
    attempts: list[datetime] = []
    for _ in range(span // every):
        world.run()
        [row] = world.rows()
        assert row.failure is not None
        assert row.failure.count == len(set(attempts) | {row.failure.at})
        attempts = sorted({*attempts, row.failure.at})
        world.clock.advance(every)
    return attempts


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        pytest.param(_quota_used_up, "403 .*The subscription limit has been reached: 1 per app", id="403 quota"),
        pytest.param(_permission_missing, r"403 .*Required permissions .*Chat\.Read\.All", id="403 permission"),
        pytest.param(_token_refused, "401 .*InvalidAuthenticationToken", id="401"),
        pytest.param(_endpoint_forbidden, "400 .*ValidationError.*'Forbidden'", id="400 handshake"),
        pytest.param(_certificate_too_short, "400 .*Certificate validation error", id="400 certificate"),
    ],
)
def test_a_refusal_is_told_on_the_row_tried_again_ever_more_seldom_and_over_once_it_is_mended(
    world: World, trouble: Callable[[World], AbstractContextManager[None]], words: str
) -> None:
    world.app.entries = [basic(MESSAGES)]
    # What is not needed is not fetched eighteen times.
    del world.app.environ["ENCRYPTION_CERTIFICATE_NAME"]
    with trouble(world):
        by_hand = len(world.writes())
        attempts = _attempts(world, span=timedelta(hours=3), every=timedelta(minutes=10))
        assert len(world.writes()) - by_hand == len(attempts) <= 6
        pauses = [round((later - earlier) / timedelta(minutes=10)) * 10 for earlier, later in pairwise(attempts)]
        # Graph is left alone for 5, 10, 20, 40 minutes and then always an hour; the timer comes every ten here.
        assert pauses == [10, 10, 20, 40, 60]
        [row] = world.rows()
        assert row.failure is not None
        assert re.search(words, row.failure.text)
    world.later(hours=1)
    assert world.run() == {"created": 1}
    assert [row.failure for row in world.rows()] == [None]
    assert world.run() == {}
