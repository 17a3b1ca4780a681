"""The app's clock and Graph's, which never quite agree."""

from datetime import timedelta

import pytest

from tests.flows.wishes import BOTH, MESSAGES, basic
from tests.flows.world import World

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("ahead", [-290, -60, 60, 300], ids="{:+} s".format)
def test_a_few_minutes_between_the_clocks_do_no_harm(world: World, ahead: int) -> None:
    world.app.time.ahead = timedelta(seconds=ahead)
    world.app.entries = BOTH
    assert world.run() == {"created": 2}
    assert world.run() == {}
    world.send("in spite of the clocks")
    assert world.texts() == ["in spite of the clocks"]
    world.later(minutes=31)
    assert world.run() == {"renewed": 2}
    world.app.time.ahead = timedelta()
    world.later(minutes=40)
    assert world.run() == {"renewed": 2}
    assert [(row.failure, row.missed_interval) for row in world.rows()] == [(None, None)] * 2


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        pytest.param(
            timedelta(minutes=11), "Subscription expiration can only be 4320 minutes in the future", id="ahead"
        ),
        pytest.param(-timedelta(days=4), "Subscription expiration must be in the future", id="behind"),
    ],
)
def test_more_than_that_is_told_in_graphs_words_and_over_when_the_clock_is_right(
    world: World, ahead: timedelta, words: str
) -> None:
    world.app.time.ahead = ahead
    world.app.entries = [basic(MESSAGES)]
    assert world.run() == {"failed": 1}
    [row] = world.rows()
    assert row.failure is not None
    assert words in row.failure.text
    world.app.time.ahead = timedelta()
    world.later(minutes=20)
    assert world.run() == {"created": 1}
    assert [row.failure for row in world.rows()] == [None]
