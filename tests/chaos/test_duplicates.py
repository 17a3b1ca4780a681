"""Events that came again under an id in a chaos run: what causes that, and what does not."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.ledger import ReceivedEvent
from sandbox.run.queue_consumer import Event
from tests.chaos.duplicates import Cause, Lost, Outage, causes

WHEN = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = WHEN + timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
EVENT = Event(attributes={"id": "1"}, data={}, size=1)


@pytest.mark.parametrize(
    ("outages", "cause"),
    [
        pytest.param([(Lost.PROCESS, LATER)], Cause.KILLED, id="a kill"),
        pytest.param([(Lost.QUEUE, LATER)], Cause.UNANSWERED, id="a queue without an answer"),
        pytest.param(
            [(Lost.TABLE, LATER), (Lost.PROCESS, WHEN + MINUTE / 2)], Cause.KILLED_LATER, id="a kill before recording"
        ),
        pytest.param([(Lost.TABLE, LATER)], None, id="a table without an answer: the process remembers"),
        pytest.param([(Lost.PROCESS, WHEN + MINUTE / 2)], None, id="a kill long after recording"),
        pytest.param([(Lost.TABLE, LATER), (Lost.PROCESS, WHEN + 2 * MINUTE)], None, id="a kill after it came again"),
        pytest.param([(Lost.QUEUE, WHEN + MINUTE)], None, id="a queue without an answer when it came again"),
    ],
)
def test_duplicate_has_its_cause_or_none(outages: list[tuple[Lost, datetime]], cause: Cause | None) -> None:
    twice = (ReceivedEvent(event=EVENT, when=WHEN), ReceivedEvent(event=EVENT, when=WHEN + MINUTE))
    assert causes([twice], [Outage(lost=lost, since=at, until=at) for lost, at in outages]) == Counter({cause: 1})
