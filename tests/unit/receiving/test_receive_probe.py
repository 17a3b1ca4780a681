"""The app's own call of its URL takes the path of an item that has to be parked, and counts as nothing else."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.notifications.client_state import sign_client_state
from shared.notifications.probe import probe_body
from shared.receiving.post_log import PostLog
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.sender import NONCE, OTHER_TENANT, STATE_KEY, TENANT

STATE = sign_client_state(STATE_KEY, nonce=NONCE, tenant_id=TENANT)
PROBE = probe_body(client_state=STATE, tenant_id=TENANT)


def test_probe_is_parked_under_one_name_and_neither_published_nor_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    world = ReceiverFixture()
    receipt = world.of(PROBE)
    [(post, body)] = world.parked
    assert (post.name, post.tenant_id) == ("probe", TENANT)
    assert STATE.encode() in body
    assert (world.events, world.recorded, world.quarantined) == ([], [], [])
    assert (receipt.received, receipt.dropped, receipt.published, receipt.parked) == (0, 0, 0, {})
    PostLog().received(receipt, size=len(PROBE), took=timedelta(0))
    assert caplog.records == []


@pytest.mark.parametrize(("state", "tenant"), [("v1.k.n.m", TENANT), (STATE, OTHER_TENANT)], ids=["forged", "tenant"])
def test_probe_of_a_stranger_is_dropped(state: str, tenant: str) -> None:
    world = ReceiverFixture()
    assert world.of(probe_body(client_state=state, tenant_id=tenant)).dropped == 1
    assert world.parked == []


def test_probe_that_cannot_be_parked_is_refused() -> None:
    def fail(*_: object) -> None:
        raise Unavailable("no answer")

    with pytest.raises(Unavailable):
        ReceiverFixture(park=fail).of(PROBE)


@pytest.mark.parametrize(
    "other",
    [
        {"lifecycleEvent": "missed"},
        {"subscriptionId": "another"},
        {"subscriptionId": "another", "resource": json.loads(PROBE)["value"][0]["subscriptionId"]},
    ],
    ids=str,
)
def test_item_that_only_resembles_a_probe_is_none(other: dict[str, Any]) -> None:
    item = json.loads(PROBE)["value"][0] | other
    world = ReceiverFixture()
    assert world.of(json.dumps({"value": [item]}).encode()).received == 1
    assert not any(post.name == "probe" for post, _ in world.parked)
