"""The app's clock is ahead of Graph's, or behind."""

from datetime import timedelta

import pytest

from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import BOTH, MESSAGES, basic

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("ahead", [-290, -60, 0, 60, 300], ids="{:+} s".format)
def test_subscriptions_are_created_and_renewed_despite_clock_skew(deployment: LoopbackDeployment, ahead: int) -> None:
    deployment.app.time.ahead = timedelta(seconds=ahead)
    deployment.app.entries = BOTH
    assert deployment.run() == {"created": 2}
    assert deployment.run() == {}
    deployment.send("in spite of the clock skew")
    assert deployment.texts() == ["in spite of the clock skew"]
    deployment.later(minutes=31)
    assert deployment.run() == {"renewed": 2}
    deployment.app.time.ahead = timedelta()
    deployment.later(minutes=40)
    assert deployment.run() == {"renewed": 2}
    assert [(row.failure, row.missed_interval) for row in deployment.rows()] == [(None, None)] * 2


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        pytest.param(
            timedelta(minutes=11), "Subscription expiration can only be 4320 minutes in the future", id="ahead"
        ),
        pytest.param(-timedelta(days=4), "Subscription expiration must be in the future", id="behind"),
    ],
)
def test_larger_clock_skew_is_reported_until_it_is_corrected(
    deployment: LoopbackDeployment, ahead: timedelta, words: str
) -> None:
    deployment.app.time.ahead = ahead
    deployment.app.entries = [basic(MESSAGES)]
    assert deployment.run() == {"failed": 1}
    assert words in deployment.failure("/chats/getAllMessages")
    deployment.app.time.ahead = timedelta()
    deployment.later(minutes=20)
    assert deployment.run() == {"created": 1}
    assert [row.failure for row in deployment.rows()] == [None]
