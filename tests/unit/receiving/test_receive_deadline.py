"""A POST for which no time is left."""

from datetime import timedelta

from shared.timing import Deadline
from tests.fakes.graph_sender import now
from tests.fakes.receiver_fixture import ReceiverFixture, outcome_of
from tests.sender import basic_item, body


def test_item_is_parked_once_the_deadline_has_passed() -> None:
    fixture, passed = ReceiverFixture(), Deadline.after(timedelta(0))
    receipt = fixture.receiver.receive(body(basic_item()), received_at=now(), deadline=passed)
    assert (outcome_of(receipt), fixture.events) == ({"unavailable": 1}, [])
