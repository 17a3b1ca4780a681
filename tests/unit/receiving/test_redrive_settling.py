"""What becomes of a stored POST, or of the rest of it, after an attempt."""

from datetime import timedelta

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.limits import ConcurrencyLimiter
from tests.fakes.graph_sender import graph
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.sender import basic_item, body
from tests.unit.receiving.test_redrive import MINUTE, RedriveFixture, _fails

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("age", "attempts", "outcome"),
    [
        pytest.param(8 * DAY, 19, "expired", id="a week and twenty attempts"),
        pytest.param(6 * DAY, 40, "put off", id="less than a week"),
        pytest.param(8 * DAY, 18, "put off", id="nineteen attempts"),
    ],
)
def test_item_expires_after_a_week_and_twenty_attempts(age: timedelta, attempts: int, outcome: str) -> None:
    """An operator has a week, also when the app itself stood still for most of it."""
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at - age, attempts=attempts)
    assert world.run(publish_events=_fails(Unavailable("the queue"))) == {outcome: 1}
    assert [post.reason for post, _ in world.outcome.quarantined] == ["expired"] * (outcome == "expired")
    assert len(world.stored) == (outcome == "put off")


def test_post_stays_whose_rest_cannot_be_stored() -> None:
    world = RedriveFixture()
    post = world.container.add(body(basic_item(), basic_item()), received_at=world.at)
    down = {"publish_events": _fails(Misconfigured("no role")), "park": _fails(Unavailable("storage"))}
    assert world.run(**down) == {"put off": 1}
    assert [each.name for each in world.stored] == [post.name]


def test_post_stays_whose_item_cannot_be_quarantined() -> None:
    world = RedriveFixture()
    tampered = graph().rich_item(encryptedContent=graph().encrypted(dataSignature="AAAA"))
    post = world.container.add(graph().rich_body(tampered), received_at=world.at)
    assert world.run(quarantine=_fails(Unavailable("storage"))) == {"put off": 1}
    assert [each.name for each in world.stored] == [post.name]


def test_redriving_takes_no_slots_of_live_posts() -> None:
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at)
    assert world.run(limiter=ConcurrencyLimiter(0)) == {"published": 1}


def test_creation_that_does_not_appear_is_reported_as_gone() -> None:
    world = RedriveFixture()
    live = ReceiverFixture(park=world.container.store)
    live.of(body(basic_item()), received_at=world.at, fetch="v1.0")
    assert [post.reason for post in world.stored] == ["not-found-yet"]
    assert world.run() == {"put off": 1}
    world.at += 6 * MINUTE
    assert world.run() == {"published": 1}
    assert b'"gone":true' in world.outcome.events[0].to_json().replace(b" ", b"")


def test_stored_change_is_no_activity() -> None:
    """What was stored says nothing about the subscription as it is now."""
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at - MINUTE)
    assert world.run() == {"published": 1}
    assert world.outcome.recorded == []
    world.outcome.of(body(basic_item()))
    assert len(world.outcome.recorded) == 1
