"""Keys that are rotated: the certificate that Graph encrypts to, and the key that client states are signed with."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from sandbox.serving import Fault
from tests.fakes.identity_services import CERTIFICATE_NAME
from tests.flows.wishes import BOTH, CHATS, MESSAGES, TEAMS
from tests.flows.world import World
from tests.sender import PREVIOUS_STATE_KEY_TEXT, STATE_KEY_TEXT

pytestmark = pytest.mark.slow

BUSY = Fault(status=503)


@contextmanager
def _on_the_way(world: World, text: str) -> Iterator[None]:
    """Have a message wait at Graph while something happens, and be delivered after it."""
    with world.fault(world.endpoint_service, BUSY):
        world.send(text)
    yield
    world.later(minutes=1)


def _rejected(world: World) -> list[str]:
    return [kind for receipt in world.app.receipts for kind in receipt.rejected]


def test_another_certificate_reaches_all_with_resource_data_and_what_the_former_sealed_still_opens(
    world: World,
) -> None:
    world.app.entries = [MESSAGES, CHATS, TEAMS]
    world.run()
    with _on_the_way(world, "sealed for the former"):
        version = world.vault.create_certificate(CERTIFICATE_NAME)
        assert world.run() == {"rotated": 2}
        assert {each.certificate_id for each in world.subscriptions()} == {version, None}
        # The key is not in memory any more: it has to be fetched by its version.
        world.app.restart()
    world.send("sealed for the other")
    assert world.texts() == ["sealed for the former", "sealed for the other"]
    assert _rejected(world) == []
    assert {row.applied.certificate_id for row in world.rows() if row.applied} == {version, None}
    assert world.run() == {}


def test_a_certificate_that_graph_refuses_costs_no_subscription_and_is_told(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    accepted = [each.certificate_id for each in world.subscriptions()]
    ends = max(each.expires_at for each in world.subscriptions())
    world.vault.create_certificate(CERTIFICATE_NAME, key_size=1024)
    world.later(minutes=31)
    assert world.run() == {"renewed": 1, "failed": 1}
    row = world.row("/chats/getAllMessages")
    assert row.failure is not None
    assert "Certificate validation error: The certificate's key must have 2048" in row.failure.text
    assert row.applied is not None
    assert row.applied.certificate_id in accepted
    assert [each.certificate_id for each in world.subscriptions()] == accepted
    assert all(each.expires_at > ends for each in world.subscriptions())
    world.send("sealed for the former")
    assert world.texts() == ["sealed for the former"]
    version = world.vault.create_certificate(CERTIFICATE_NAME)
    world.later(minutes=6)
    assert world.run() == {"rotated": 1}
    assert world.row("/chats/getAllMessages").failure is None
    assert {each.certificate_id for each in world.subscriptions()} == {version, None}


def test_as_long_as_a_certificate_is_refused_renewals_go_on_as_ever_and_nothing_is_lost(world: World) -> None:
    """Graph holds back what it has for want of a living access token, which a renewal brings along."""
    world.app.entries = [MESSAGES]
    world.run()
    world.vault.create_certificate(CERTIFICATE_NAME, key_size=1024)
    chat, writes, texts = world.new_chat(), len(world.writes()), []
    for number in range(18):
        world.run()
        observed = world.row("/chats/getAllMessages").applied
        assert observed is not None
        assert world.clock.now() - observed.renewed_at < timedelta(minutes=45)
        texts.append(f"message {number}")
        world.send(texts[-1], chat=chat)
        world.later(minutes=10)
    world.run()
    world.later(minutes=31)
    assert sorted(world.texts()) == sorted(texts)
    # An attempt is made with the certificate and then without it.
    assert len(world.writes()) - writes <= 2 * 9


def _rotate_state_key(world: World) -> None:
    world.app.environ["CLIENT_STATE_KEY"] = PREVIOUS_STATE_KEY_TEXT
    world.app.environ["CLIENT_STATE_KEY_PREVIOUS"] = STATE_KEY_TEXT


def test_another_client_state_key_reaches_all_subscriptions_and_then_the_former_can_go(world: World) -> None:
    """Source: https://learn.microsoft.com/graph/api/subscription-update (clientState cannot be changed)."""
    world.app.entries = BOTH
    world.run()
    former = {each.client_state for each in world.subscriptions()}
    _rotate_state_key(world)
    world.send("signed with the former")
    assert world.run() == {"recreated": 2}
    assert former.isdisjoint(each.client_state for each in world.subscriptions())
    del world.app.environ["CLIENT_STATE_KEY_PREVIOUS"]
    world.send("signed with the other")
    assert world.texts() == ["signed with the former", "signed with the other"]
    assert _rejected(world) == []
    assert world.run() == {}


def test_what_was_adopted_moves_to_another_client_state_key_too(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    world.app.lose_table()
    assert world.run() == {"adopted": 2}
    _rotate_state_key(world)
    assert world.run() == {"recreated": 2}
    del world.app.environ["CLIENT_STATE_KEY_PREVIOUS"]
    world.send("signed with the other")
    assert world.texts() == ["signed with the other"]
