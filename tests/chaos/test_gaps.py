"""What a change that Graph never delivered came to, by what the queue says of its item."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import Clock
from sandbox.ledger import Ledger
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change
from tests.chaos.audit import Outcome, audit
from tests.sandbox.deliveries import delivery

WHEN = datetime(2026, 11, 21, 12, tzinfo=UTC)
JOINED = Change(
    tenant_id="t",
    change_type="created",
    path=("teams", "g", "members", "m"),
    odata_type="#Microsoft.Graph.aadUserConversationMember",
    entity={"id": "m", "roles": []},
    when=WHEN,
)
LEFT = replace(JOINED, change_type="deleted")
AFTERWARDS = WHEN + timedelta(minutes=2)
RETURNED, LEFT_AGAIN = (replace(each, when=AFTERWARDS) for each in (JOINED, LEFT))
RETURNED_AS_OWNER = replace(RETURNED, entity={"id": "m", "roles": ["owner"]})


def _event(change: Change, *, number: int) -> Event:
    attributes = {
        "id": f"{number}",
        "type": f"Microsoft.Graph.ConversationMember{change.change_type.title()}",
        "subject": "teams/g/members/m",
        "time": (WHEN + timedelta(seconds=number)).isoformat(),
    }
    data = {
        "tenantId": "t",
        "subscriptionId": "s",
        "resource": "teams('g')/members('m')",
        "changeType": change.change_type,
        "content": change.entity,
    }
    return Event(attributes=attributes, data=data, size=1, inserted_on=WHEN + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("happened", "told", "outcome"),
    [
        pytest.param([JOINED, LEFT, RETURNED], [LEFT, JOINED], Outcome.OVERTAKEN, id="returned, told in disorder"),
        pytest.param([JOINED, LEFT, RETURNED], [JOINED, LEFT], Outcome.UNRECOVERED, id="returned, told in order"),
        pytest.param([LEFT, JOINED, LEFT_AGAIN], [JOINED, LEFT], Outcome.OVERTAKEN, id="left, told in disorder"),
        pytest.param([LEFT, JOINED, LEFT_AGAIN], [LEFT, JOINED], Outcome.UNRECOVERED, id="left, told in order"),
        pytest.param([JOINED, LEFT, RETURNED_AS_OWNER], [LEFT, JOINED], Outcome.UNRECOVERED, id="with other roles"),
    ],
)
def test_last_change_is_missed_unless_the_last_event_shows_it(
    happened: Sequence[Change], told: Sequence[Change], outcome: Outcome
) -> None:
    ledger = Ledger(Clock())
    for change in happened:
        ledger.expect(change)
    for number, change in enumerate(told):
        ledger.delivered(delivery(change=change, status=202))
        ledger.arrived(event := _event(change, number=number), event.inserted_on)
    outcomes = audit(ledger, []).outcomes
    assert outcomes == {Outcome.REDRIVEN: 2, outcome: 1}
