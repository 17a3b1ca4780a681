"""The books of a run, and that they notice what does not agree."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.graph import Delivery, Subscription
from sandbox.ledger import Ledger
from sandbox.run.queue_consumer import Event
from tests.sandbox.deliveries import BASIC, CHANGE, ENTITY, OTHER, SUBSCRIPTION, WHEN, delivery


def _event(id_: str = "1", **changes: Any) -> Event:
    data = {
        "tenantId": "t",
        "subscriptionId": "s",
        "resource": "chats('c')/messages('1')",
        "changeType": "created",
        "content": ENTITY,
    } | changes
    return Event(attributes={"id": id_, "type": "Microsoft.Graph.ChatMessageCreated"}, data=data, size=100)


def _bare_event(id_: str = "bare") -> Event:
    event = _event(id_, subscriptionId="basic")
    del event.data["content"]
    return event


def _ledger(*steps: Delivery | Event) -> Ledger:
    ledger = Ledger(Clock(), lambda _arrival: None)
    for step in steps:
        ledger.delivered(step) if isinstance(step, Delivery) else ledger.arrived(step)
    return ledger


@pytest.mark.parametrize("event_first", [True, False])
def test_a_delivery_and_its_event_agree_whichever_comes_first(event_first: bool) -> None:  # noqa: FBT001  a parameter
    ledger = Ledger(Clock(), lambda _arrival: None)
    for step in ("event", "delivery") if event_first else ("delivery", "event"):
        ledger.arrived(_event()) if step == "event" else ledger.delivered(delivery())
    assert (len(ledger.arrivals), ledger.missing, ledger.strange) == (1, [], [])


def test_a_delivery_without_an_event_is_missing() -> None:
    ledger = Ledger(Clock(), lambda _arrival: None)
    ledger.delivered(delivery())
    assert ledger.missing == [CHANGE]


def test_a_delivery_that_was_refused_is_not_expected_yet() -> None:
    ledger = Ledger(Clock(), lambda _arrival: None)
    ledger.delivered(delivery(status=503))
    ledger.delivered(delivery(status=None))
    assert (ledger.missing, ledger.refused) == ([], 2)


@pytest.mark.parametrize(
    "altered",
    [
        pytest.param({"content": ENTITY | {"body": {"content": "hello!"}}}, id="content altered"),
        pytest.param({"content": {}}, id="content gone"),
        pytest.param({"changeType": "updated"}, id="another change"),
        pytest.param({"resource": "chats('c')/messages('2')"}, id="another resource"),
        pytest.param({"subscriptionId": "x"}, id="another subscription"),
    ],
)
def test_an_event_that_differs_from_what_was_typed_is_noticed_on_both_sides(altered: dict[str, Any]) -> None:
    ledger = Ledger(Clock(), lambda _arrival: None)
    ledger.delivered(delivery())
    ledger.arrived(_event(**altered))
    assert (len(ledger.missing), len(ledger.strange)) == (1, 1)


def test_an_event_under_a_second_id_is_strange() -> None:
    ledger = _ledger(delivery(), _event("1"), _event("2"))
    assert (ledger.missing, len(ledger.strange), ledger.duplicates) == ([], 1, 0)


def test_an_event_that_comes_twice_is_counted_as_a_duplicate() -> None:
    ledger = _ledger(delivery(), _event(), _event())
    assert (ledger.missing, ledger.strange, ledger.duplicates, ledger.agrees) == ([], [], 1, False)


def test_content_where_only_ids_were_subscribed_is_strange() -> None:
    ledger = _ledger(delivery(BASIC), _event(subscriptionId="basic"))
    assert (len(ledger.missing), len(ledger.strange)) == (1, 1)


@pytest.mark.parametrize(
    ("others", "notifications"),
    [
        pytest.param([OTHER], 2, id="both with content"),
        pytest.param([BASIC], 2, id="one with content"),
        pytest.param([OTHER, BASIC], 3, id="three"),
    ],
)
def test_a_creation_that_is_told_more_than_once_arrives_once_for_all(
    others: list[Subscription], notifications: int
) -> None:
    ledger = _ledger(delivery(SUBSCRIPTION, *others), _event())
    assert ([each.notifications for each in ledger.arrivals], ledger.agrees) == ([notifications], True)


def test_change_without_a_version_arrives_once_per_subscription() -> None:
    unversioned = replace(CHANGE, change_type="updated", entity={"id": "1", "displayName": "A"})
    events = [
        _event(id_, changeType="updated", content=unversioned.entity, subscriptionId=subscription.id)
        for id_, subscription in (("1", SUBSCRIPTION), ("2", OTHER))
    ]
    ledger = _ledger(delivery(SUBSCRIPTION, OTHER, change=unversioned), *events)
    assert ([each.notifications for each in ledger.arrivals], ledger.agrees) == ([1, 1], True)


def test_an_update_that_is_told_with_and_without_content_may_arrive_twice() -> None:
    updated = replace(CHANGE, change_type="updated")
    events = [_event(changeType="updated"), _bare_event()]
    events[1].data["changeType"] = "updated"
    ledger = _ledger(delivery(SUBSCRIPTION, BASIC, change=updated), *events)
    assert ([each.notifications for each in ledger.arrivals], ledger.agrees) == ([1, 1], True)


@pytest.mark.parametrize("order", [(SUBSCRIPTION, BASIC), (BASIC, SUBSCRIPTION)], ids=["rich first", "basic first"])
def test_a_change_that_is_watched_with_content_has_not_arrived_without_it(order: tuple[Subscription, ...]) -> None:
    ledger = _ledger(*map(delivery, order), _bare_event())
    assert (ledger.missing, ledger.strange) == ([CHANGE], [])
    ledger.arrived(_event())
    assert ledger.agrees


def test_a_second_notification_of_what_has_arrived_needs_no_event() -> None:
    assert _ledger(delivery(), _event(), delivery(OTHER)).agrees


def test_a_change_that_is_watched_for_ids_only_has_arrived_without_content() -> None:
    assert _ledger(delivery(BASIC), _bare_event()).agrees


def test_books_with_nothing_in_them_do_not_agree() -> None:
    assert not _ledger().agrees


def test_the_same_content_twice_needs_two_events() -> None:
    again = replace(CHANGE, when=WHEN + timedelta(seconds=1))
    ledger = _ledger(delivery(), delivery(change=again), _event("1"))
    assert len(ledger.missing) == 1
    ledger.arrived(_event("2"))
    assert ledger.agrees
