"""Keys that are rotated: the certificate that Graph encrypts to, and the key that client states are signed with."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from sandbox.serving import Fault
from tests.fakes.identity_services import CERTIFICATE_NAME
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import BOTH, CHATS, MESSAGES, TEAMS

pytestmark = pytest.mark.slow

BUSY = Fault(status=503)


@contextmanager
def _undelivered(deployment: LoopbackDeployment, text: str) -> Iterator[None]:
    """Have a message wait at Graph while something happens, and be delivered after it."""
    with deployment.fault(deployment.endpoint_service, BUSY):
        deployment.send(text)
    yield
    deployment.later(minutes=1)


def _rejected(deployment: LoopbackDeployment) -> list[str]:
    receipts = deployment.app.receipts
    return [kind for each in receipts for kind in (*each.quarantined, *each.parked, *["dropped"] * each.dropped)]


def test_rotated_certificate_is_sent_and_the_old_one_still_opens(
    deployment: LoopbackDeployment,
) -> None:
    deployment.app.entries = [MESSAGES, CHATS, TEAMS]
    deployment.run()
    with _undelivered(deployment, "encrypted to the old one"):
        version = deployment.vault.create_certificate(CERTIFICATE_NAME)
        assert deployment.run() == {"rotated": 2}
        assert {each.certificate_id for each in deployment.subscriptions()} == {version, None}
        # The old key is in no cache any more: it has to be fetched by its version.
        deployment.app.restart()
    deployment.send("encrypted to the new one")
    assert deployment.texts() == ["encrypted to the old one", "encrypted to the new one"]
    assert _rejected(deployment) == []
    assert {row.applied.certificate_id for row in deployment.rows() if row.applied} == {version, None}
    assert deployment.run() == {}


def test_refused_certificate_stops_no_renewal_and_loses_no_notification(deployment: LoopbackDeployment) -> None:
    """Graph holds notifications back once its access token has expired, and each renewal brings another token."""
    deployment.app.entries = BOTH
    deployment.run()
    accepted = {each.certificate_id for each in deployment.subscriptions()}
    deployment.vault.create_certificate(CERTIFICATE_NAME, key_size=1024)
    chat, writes, texts = deployment.new_chat(), len(deployment.writes()), []
    for number in range(12):
        deployment.run()
        row = deployment.row("/chats/getAllMessages")
        assert row.applied is not None
        assert row.applied.certificate_id in accepted
        assert deployment.clock.now() - row.applied.renewed_at < timedelta(minutes=45)
        texts.append(f"message {number}")
        deployment.send(texts[-1], chat=chat)
        deployment.later(minutes=10)
    error = "Certificate validation error: The certificate's key must have 2048"
    assert error in deployment.failure("/chats/getAllMessages")
    assert {each.certificate_id for each in deployment.subscriptions()} == accepted
    # Each attempt is made with the certificate and then without it, and there is the other subscription.
    assert len(deployment.writes()) - writes <= 3 * 6
    version = deployment.vault.create_certificate(CERTIFICATE_NAME)
    deployment.later(hours=1)
    deployment.run()
    deployment.later(minutes=1)
    assert deployment.row("/chats/getAllMessages").failure is None
    assert {each.certificate_id for each in deployment.subscriptions()} == {version, None}
    assert sorted(deployment.texts()) == sorted(texts)


@pytest.mark.parametrize("adopted", [False, True], ids=["created", "adopted"])
def test_rotated_client_state_key_reaches_all_subscriptions(
    deployment: LoopbackDeployment,
    adopted: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """Source: https://learn.microsoft.com/graph/api/subscription-update (clientState cannot be changed)."""
    deployment.app.entries = BOTH
    deployment.run()
    if adopted:
        deployment.app.lose_table()
        assert deployment.run() == {"adopted": 2}
    old = {each.client_state for each in deployment.subscriptions()}
    deployment.app.rotate_state_key()
    deployment.send("signed with the old one")
    assert deployment.run() == {"recreated": 2}
    assert old.isdisjoint(each.client_state for each in deployment.subscriptions())
    del deployment.app.environ["CLIENT_STATE_KEY_PREVIOUS"]
    deployment.send("signed with the new one")
    assert deployment.texts() == ["signed with the old one", "signed with the new one"]
    assert _rejected(deployment) == []
    assert deployment.run() == {}
