"""What a chaos run shows of an item with a missing change."""

from dataclasses import replace
from datetime import timedelta

from sandbox.clock import Clock
from sandbox.ledger import Ledger
from sandbox.run.queue_consumer import Event
from tests.chaos.history import history
from tests.sandbox.deliveries import BASIC, CHANGE, SUBSCRIPTION, WHEN, delivery

SECOND = timedelta(seconds=1)
EDITED = replace(CHANGE, change_type="updated", when=WHEN + 2 * SECOND)
ELSEWHERE = replace(CHANGE, path=("chats", "c", "messages", "2"))
DATA = {"tenantId": "t", "resource": "chats('c')/messages('1')", "changeType": "created"}


def _event(id_: str, *, type_: str = "ChatMessageCreated", recovered: bool = False, **data: str) -> Event:
    attributes = {"id": id_, "type": f"Microsoft.Graph.{type_}", "recovered": recovered}
    return Event(attributes=attributes, data=DATA | data, size=1)


def test_history_has_everything_of_the_item_by_time_and_nothing_of_another() -> None:
    ledger = Ledger(Clock())
    events = [
        (_event("late", recovered=True), 4),
        (_event("first"), 1),
        (_event("of another", resource="chats('c')/messages('2')"), 1),
        (_event("of another tenant", tenantId="u"), 1),
        (_event("of a gap", type_="SubscriptionGap"), 1),
        (_event("of a subscription", lifecycleEvent="missed"), 1),
    ]
    for event, seconds in events:
        ledger.arrived(event, WHEN + seconds * SECOND)
    refused = replace(delivery(SUBSCRIPTION, status=None, change=EDITED), when=WHEN + 3 * SECOND)
    for each in (delivery(BASIC), refused, delivery(change=ELSEWHERE)):
        ledger.delivered(each)
    assert history(CHANGE, ledger) == [
        "00:00:00.000000  created",
        "00:00:00.000000  POST of created without content for /chats/getAllMessages: 202 after 0.0 s",
        "00:00:01.000000  in the queue: Microsoft.Graph.ChatMessageCreated, id first",
        "00:00:02.000000  updated",
        "00:00:03.000000  POST of updated with content for /chats/getAllMessages: no answer after 0.0 s",
        "00:00:04.000000  in the queue: Microsoft.Graph.ChatMessageCreated, recovered, id late",
    ]
