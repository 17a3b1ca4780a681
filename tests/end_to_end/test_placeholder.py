"""A worker that came from a placeholder, as every instance does in Flex Consumption: it answers in time all the same.

It has few threads of its own, and the thread count that the settings name comes too late for it.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from sandbox.relay import Mood
from tests.end_to_end.deployed import Deployed
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sender import basic_item, body

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]

POSTS_A_SECOND = 20
SECONDS = 5
STORES = ("Blob", "Queue", "Table")
SECONDS_OF_HANDSHAKE = 0.5


@pytest.fixture(params=[[], ["--from-placeholder"]], ids=["with settings", "from a placeholder"])
def worker(app: Deployed, request: pytest.FixtureRequest) -> Iterator[Deployed]:
    usual = list(app.host.arguments)
    app.host.arguments += request.param
    app.restart()
    try:
        # It imports what it needs.
        assert app.post(body(basic_item())).status_code in {202, 503}
        yield app
    finally:
        for name in STORES:
            app.relays[name].mood = Mood.FORWARDING
        app.host.arguments[:] = usual
        app.restart()


def _posted(app: Deployed, id_: str) -> tuple[int, float]:
    answer = app.post(body(basic_item(id=id_)))
    return answer.status_code, answer.elapsed.total_seconds()


def _shaken(app: Deployed) -> float:
    answer = app.session.post(f"{app.url}?validationToken=x", timeout=20)
    assert (answer.status_code, answer.text) == (200, "x")
    return answer.elapsed.total_seconds()


def test_storage_that_hangs_delays_no_answer_and_no_handshake(worker: Deployed) -> None:
    for name in STORES:
        worker.relays[name].mood = Mood.SILENT
    answers: list[Future[tuple[int, float]]] = []
    handshakes: list[float] = []
    with ThreadPoolExecutor(POSTS_A_SECOND * SECONDS) as pool:
        for number in range(POSTS_A_SECOND * SECONDS):
            answers.append(pool.submit(_posted, worker, f"{number}"))
            if number % POSTS_A_SECOND == POSTS_A_SECOND - 1:
                handshakes.append(_shaken(worker))
            time.sleep(1 / POSTS_A_SECOND)
    statuses, took = zip(*(each.result() for each in answers), strict=True)
    assert set(statuses) == {503}
    assert max(took) < PATIENCE_SECONDS
    # One of them may meet a pause of a busy machine.
    assert sorted(handshakes)[-2] < SECONDS_OF_HANDSHAKE, handshakes
