"""What Graph does when the answer is late, or not what it wants."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from sandbox.graph.dispatcher import RETRY_SPAN, next_try
from sandbox.graph.health import Health
from sandbox.serving import Fault
from tests.sandbox.graph_keys import decrypt, rich, rsa_key
from tests.sandbox.graph_world import GraphWorld

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_success(world: GraphWorld, status: int) -> None:
    world.receiver.status = status
    world.subscribe()
    world.send("x")
    assert world.graph.waiting == 0


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410, 429, 500, 503])
def test_every_other_status_is_retried(world: GraphWorld, status: int) -> None:
    world.subscribe()
    world.receiver.status = status
    world.send("x")
    assert world.graph.waiting == 1
    world.receiver.status = 202
    world.later(seconds=16)
    assert world.graph.waiting == 0
    assert [each.attempt for each in world.deliveries if each.items] == [1, 2]
    first, second = world.receiver.items
    assert first == second


def test_retry_is_encrypted_again(world: GraphWorld) -> None:
    world.subscribe(**rich())
    world.receiver.status = 503
    world.send("x")
    world.receiver.status = 202
    world.later(seconds=16)
    first, second = (item["encryptedContent"] for item in world.receiver.items)
    assert first["data"] != second["data"]
    assert decrypt(first, rsa_key(2048)) == decrypt(second, rsa_key(2048))


def test_retry_shares_no_post_with_first_deliveries(world: GraphWorld) -> None:
    world.subscribe()
    world.receiver.status = 503
    chat = world.new_chat()
    world.send("again", chat=chat)
    world.receiver.status = 202

    def at_once() -> None:
        world.clock.advance(timedelta(seconds=16))
        world.teams.messages.send(chat, world.ann, "first")

    world.do(at_once)
    world.settle()
    assert sorted(each.attempt for each in world.deliveries if each.items) == [1, 1, 2]


def test_retries_go_on_for_four_hours_and_back_off(enduring: GraphWorld) -> None:
    enduring.subscribe()
    enduring.receiver.status = 503
    enduring.send("x")
    for _ in range(5 * 60):
        enduring.later(minutes=1)
    assert [lost.reason for lost in enduring.graph.lost] == ["retries"]
    times = [each.when for each in enduring.deliveries if each.items]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) > 5
    assert timedelta(hours=4) <= times[-1] - times[0] < timedelta(hours=4, minutes=2)
    minutes = [round(gap / timedelta(minutes=1)) for gap in gaps[:-1]]
    assert minutes == sorted(minutes)


def test_pauses_between_retries_double_up_to_half_an_hour() -> None:
    born = now = datetime.fromisoformat("2030-01-01T00:00:00Z")
    ages = []
    while (due := next_try(born, now)) is not None:
        ages.append((due - born).total_seconds())
        now = due
    doubling, steady = [15, 30, 60, 120, 240, 480, 960, 1920], [3720, 5520, 7320, 9120, 10_920, 12_720]
    assert ages == [*doubling, *steady, RETRY_SPAN.total_seconds()]


def test_outage_ends_with_the_notification_delivered(world: GraphWorld) -> None:
    world.subscribe()
    world.background.run(world.receiver_service.stop())
    world.send("x")
    assert world.deliveries[-1].answer.status is None
    world.background.run(world.receiver_service.start())
    world.later(seconds=16)
    assert len(world.receiver.items) == 1


def test_retry_may_take_longer_than_the_first_delivery(world: GraphWorld) -> None:
    world.subscribe()
    world.receiver_service.faults.add(Fault(delay=0.45))
    world.send("x")
    world.later(seconds=16)
    assert [each.answer.status for each in world.deliveries if each.items] == [None, 202]
    assert world.graph.waiting == 0


def test_slow_endpoint_gets_new_notifications_ten_minutes_later(world: GraphWorld) -> None:
    world.subscribe()
    chat = world.new_chat()
    for _ in range(3):
        world.send("quick", chat=chat)
    handle = world.receiver_service.faults.add(Fault(delay=0.4))
    world.send("slow", chat=chat)
    world.receiver_service.faults.remove(handle)
    assert world.health() == "slow"
    world.later(seconds=16)
    arrived = len(world.receiver.items)
    world.send("late", chat=chat)
    assert len(world.receiver.items) == arrived
    world.later(minutes=11)
    assert len(world.receiver.items) == arrived + 1
    assert world.health() == "normal"


def test_dropping_endpoint_loses_new_notifications(world: GraphWorld) -> None:
    world.subscribe()
    chat = world.new_chat()
    handle = world.receiver_service.faults.add(Fault(delay=1.0))
    for text in "abcd":
        world.send(text, chat=chat)
    world.later(minutes=1)
    assert world.health() == "drop"
    world.receiver_service.faults.remove(handle)
    world.send("lost", chat=chat)
    assert [lost.reason for lost in world.graph.lost] == ["drop"]
    world.later(minutes=12)
    world.send("delivered", chat=chat)
    assert len(world.graph.lost) == 1


SHARES = [("10 % is not slow", 10, 0, "normal"), ("11 % is", 11, 0, "slow"), ("15 % is not dropped", 15, 15, "slow")]


@pytest.mark.parametrize(
    ("over_3_s", "over_10_s", "state"),
    [*(row[1:] for row in SHARES), (16, 16, "drop")],
    ids=[*(row[0] for row in SHARES), "16 % is"],
)
def test_endpoint_is_judged_by_the_share_of_slow_answers(over_3_s: int, over_10_s: int, state: str) -> None:
    health = Health(slow_after=timedelta(seconds=3), drop_after=timedelta(seconds=10), least_answers=100)
    now = datetime.fromisoformat("2030-01-01T00:00:00Z")
    for number in range(99):
        slow = 12 if number < over_10_s else 5
        health.answered(now, timedelta(seconds=slow if number < over_3_s else 1))
        assert health.state(now) == "normal", "too few to judge by"
    health.answered(now, timedelta(seconds=1))
    assert health.state(now) == state
    assert health.state(now + timedelta(minutes=9)) == state
    assert health.state(now + timedelta(minutes=11)) == "normal"


def test_share_that_is_lost_silently_is_neither_sent_nor_retried(world: GraphWorld) -> None:
    world.subscribe()
    chat = world.new_chat()
    world.graph.lose_silently(0.5)
    for number in range(40):
        world.send(str(number), chat=chat)
    lost = [each.reason for each in world.graph.lost]
    assert 10 < len(lost) < 30
    assert set(lost) == {"silent"}
    assert len(world.receiver.items) == 40 - len(lost)
    world.graph.lose_silently(0)
    world.send("delivered", chat=chat)
    assert (len(world.graph.lost), world.graph.waiting) == (len(lost), 0)
