"""What a chaos run shows of a thing of which a change is missing."""

from dataclasses import replace
from datetime import timedelta

from sandbox.chaos.account import account
from sandbox.chaos.arrival import Arrival
from sandbox.chaos.books import Books
from sandbox.run.queue_consumer import Event
from tests.sandbox.deliveries import BASIC, CHANGE, SUBSCRIPTION, WHEN, delivery

SECOND = timedelta(seconds=1)
EDITED = replace(CHANGE, change_type="updated", when=WHEN + 2 * SECOND)
ELSEWHERE = replace(CHANGE, path=("chats", "c", "messages", "2"))
TOLD = {"tenantId": "t", "resource": "chats('c')/messages('1')"}


def _arrival(id_: str, seconds: int, *, recovered: bool = False, **data: str) -> Arrival:
    attributes = {"id": id_, "type": "Microsoft.Graph.ChatMessageCreated"} | ({"recovered": True} if recovered else {})
    return Arrival(event=Event(attributes=attributes, data=TOLD | data, size=1), when=WHEN + seconds * SECOND)


def test_everything_about_the_thing_is_told_as_it_came_and_nothing_about_another() -> None:
    books = Books(
        changes=[EDITED, ELSEWHERE, CHANGE],
        arrivals=[
            _arrival("late", 4, recovered=True),
            _arrival("first", 1),
            _arrival("of another", 1, resource="chats('c')/messages('2')"),
            _arrival("of another tenant", 1, tenantId="u"),
        ],
    )
    refused = replace(delivery(SUBSCRIPTION, status=None, change=EDITED), when=WHEN + 3 * SECOND)
    assert account(CHANGE, books, [refused, delivery(BASIC), delivery(change=ELSEWHERE)]) == [
        "00:00:00.000000  created",
        "00:00:00.000000  POST of created without content for /chats/getAllMessages: 202 after 0.0 s",
        "00:00:01.000000  in the sink: Microsoft.Graph.ChatMessageCreated, id first",
        "00:00:02.000000  updated",
        "00:00:03.000000  POST of updated with content for /chats/getAllMessages: no answer after 0.0 s",
        "00:00:04.000000  in the sink: Microsoft.Graph.ChatMessageCreated, recovered, id late",
    ]


def test_a_gap_and_what_becomes_of_a_subscription_are_about_no_thing() -> None:
    gap = _arrival("gap", 1)
    gap.event.attributes["type"] = "Microsoft.Graph.SubscriptionGap"
    removed = _arrival("removed", 1)
    del removed.event.data["resource"]
    assert account(CHANGE, Books(arrivals=[gap, removed]), []) == []
