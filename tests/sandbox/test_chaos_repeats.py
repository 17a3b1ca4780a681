"""Events that came twice in a chaos run: what explains it, and what does not."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.chaos.arrival import Arrival
from sandbox.chaos.repeats import Cause, CutOff, Interruption, repeats
from sandbox.run.queue_consumer import Event

WHEN = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = WHEN + timedelta(seconds=1)
EVENT = Event(attributes={"id": "1"}, data={}, size=1)
MINUTE = timedelta(minutes=1)


def _twice(*cut_off: tuple[CutOff, datetime]) -> Counter[Cause | None]:
    arrivals = [Arrival(event=EVENT, when=WHEN), Arrival(event=EVENT, when=WHEN + MINUTE)]
    return repeats(arrivals, [Interruption(cut_off=each, since=at, until=at) for each, at in cut_off])


@pytest.mark.parametrize(
    ("cut_off", "cause"),
    [
        ([(CutOff.LIFE, LATER)], Cause.KILLED),
        ([(CutOff.SINK, LATER)], Cause.UNANSWERED),
        ([(CutOff.NOTES, LATER), (CutOff.LIFE, WHEN + MINUTE / 2)], Cause.KILLED_LATER),
    ],
    ids=lambda value: str(value) if isinstance(value, Cause) else "",
)
def test_an_id_that_comes_twice_is_explained_by(cut_off: list[tuple[CutOff, datetime]], cause: Cause) -> None:
    assert _twice(*cut_off) == Counter({cause: 1})


@pytest.mark.parametrize(
    "cut_off",
    [
        pytest.param([(CutOff.NOTES, LATER)], id="a table that does not answer: what is published is remembered"),
        pytest.param([(CutOff.LIFE, WHEN + MINUTE / 2)], id="a kill long after it could be noted"),
        pytest.param([(CutOff.NOTES, LATER), (CutOff.LIFE, WHEN + 2 * MINUTE)], id="a kill after it came twice"),
        pytest.param([(CutOff.SINK, WHEN + MINUTE)], id="a sink that was cut off when it came again"),
    ],
)
def test_an_id_that_comes_twice_is_not_explained_by(cut_off: list[tuple[CutOff, datetime]]) -> None:
    assert _twice(*cut_off) == Counter({None: 1})
