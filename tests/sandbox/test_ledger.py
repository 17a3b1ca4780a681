"""The ledger of a run, and that it notices what does not agree."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.graph import Delivery, Subscription
from sandbox.ledger import Arrival, Ledger
from sandbox.run.queue_consumer import Event
from tests.sandbox.deliveries import BASIC, CHANGE, ENTITY, OTHER, SUBSCRIPTION, WHEN, delivery

UPDATED = replace(CHANGE, change_type="updated")


def _event(id_: str = "1", **changes: Any) -> Event:
    data = {
        "tenantId": "t",
        "subscriptionId": "s",
        "resource": "chats('c')/messages('1')",
        "changeType": "created",
        "content": ENTITY,
    } | changes
    type_ = f"Microsoft.Graph.ChatMessage{data['changeType'].title()}"
    return Event(attributes={"id": id_, "type": type_, "subject": "chats/c/messages/1"}, data=data, size=100)


def _bare_event(**changes: Any) -> Event:
    event = _event("bare", subscriptionId="basic", **changes)
    del event.data["content"]
    return event


def _ledger(*steps: Delivery | Event) -> Ledger:
    ledger = Ledger(Clock())
    for step in steps:
        ledger.delivered(step) if isinstance(step, Delivery) else ledger.arrived(step)
    return ledger


def _left(ledger: Ledger) -> tuple[int, int, int]:
    """Return how many changes are missing, and how many events are unexpected, and came again."""
    return len(ledger.missing), len(ledger.unexpected), len(ledger.duplicates)


@pytest.mark.parametrize(
    "steps", [(_event(), delivery()), (delivery(), _event())], ids=["event first", "delivery first"]
)
def test_delivery_and_its_event_agree_and_are_announced_once(steps: tuple[Delivery | Event, ...]) -> None:
    announced: list[Arrival] = []
    ledger = Ledger(Clock(), announced.append)
    for step in (*steps, delivery(OTHER)):
        ledger.delivered(step) if isinstance(step, Delivery) else ledger.arrived(step)
    assert ([each.change for each in announced], ledger.agrees) == ([CHANGE], True)


def test_delivery_without_event_is_missing() -> None:
    assert _ledger(delivery()).missing == [CHANGE]


@pytest.mark.parametrize("status", [503, None])
def test_refused_delivery_is_not_expected_and_its_event_is_unexpected(status: int | None) -> None:
    ledger = _ledger(delivery(status=status))
    assert (_left(ledger), ledger.refused) == ((0, 0, 0), 1)
    ledger.arrived(_event())
    assert _left(ledger) == (0, 1, 0)
    ledger.delivered(delivery())
    assert ledger.agrees


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
def test_altered_event_is_unexpected_and_its_change_missing(altered: dict[str, Any]) -> None:
    assert _left(_ledger(delivery(), _event(**altered))) == (1, 1, 0)


@pytest.mark.parametrize("name", ["type", "subject"])
def test_event_under_a_wrong_name_is_unexpected(name: str) -> None:
    event = _event()
    renamed = replace(event, attributes=event.attributes | {name: "x"})
    assert _left(_ledger(delivery(), renamed)) == (1, 1, 0)


def test_event_under_a_second_id_is_unexpected() -> None:
    assert _left(_ledger(delivery(), _event("1"), _event("2"))) == (0, 1, 0)


def test_event_that_comes_twice_is_a_duplicate() -> None:
    ledger = _ledger(delivery(), _event(), _event())
    assert (_left(ledger), ledger.agrees) == ((0, 0, 1), False)


def test_recovered_event_is_unexpected() -> None:
    event = _event()
    recovered = replace(event, attributes=event.attributes | {"recovered": True})
    assert _left(_ledger(delivery(), recovered)) == (1, 1, 0)


def test_content_where_only_ids_were_subscribed_is_unexpected() -> None:
    assert _left(_ledger(delivery(BASIC), _event(subscriptionId="basic"))) == (1, 1, 0)


@pytest.mark.parametrize(
    ("others", "notifications"),
    [
        pytest.param([OTHER], 2, id="both with content"),
        pytest.param([BASIC], 2, id="one with content"),
        pytest.param([OTHER, BASIC], 3, id="three"),
    ],
)
def test_creation_notified_more_than_once_needs_one_event(others: list[Subscription], notifications: int) -> None:
    ledger = _ledger(delivery(SUBSCRIPTION, *others), _event())
    assert ([each.notifications for each in ledger.arrivals], ledger.agrees) == ([notifications], True)


def test_change_without_a_version_arrives_once_per_subscription() -> None:
    unversioned = replace(UPDATED, entity={"id": "1", "displayName": "A"})
    events = [
        _event(id_, changeType="updated", content=unversioned.entity, subscriptionId=subscription.id)
        for id_, subscription in (("1", SUBSCRIPTION), ("2", OTHER))
    ]
    ledger = _ledger(delivery(SUBSCRIPTION, OTHER, change=unversioned), *events)
    assert ([each.notifications for each in ledger.arrivals], ledger.agrees) == ([1, 1], True)


def test_update_notified_with_and_without_content_may_arrive_twice() -> None:
    events = [_event(changeType="updated"), _bare_event(changeType="updated")]
    ledger = _ledger(delivery(SUBSCRIPTION, BASIC, change=UPDATED), *events)
    assert ([each.notifications for each in ledger.arrivals], ledger.agrees) == ([1, 1], True)


@pytest.mark.parametrize("order", [(SUBSCRIPTION, BASIC), (BASIC, SUBSCRIPTION)], ids=["rich first", "basic first"])
def test_change_notified_with_content_has_not_arrived_without_it(order: tuple[Subscription, ...]) -> None:
    ledger = _ledger(*map(delivery, order), _bare_event())
    assert _left(ledger) == (1, 0, 0)
    ledger.arrived(_event())
    assert ledger.agrees


def test_change_notified_by_ids_only_has_arrived_without_content() -> None:
    assert _ledger(delivery(BASIC), _bare_event()).agrees


def test_empty_ledger_does_not_agree() -> None:
    assert not _ledger().agrees


def test_same_content_twice_needs_two_events() -> None:
    again = replace(CHANGE, when=WHEN + timedelta(seconds=1))
    ledger = _ledger(delivery(), delivery(change=again), _event("1"))
    assert len(ledger.missing) == 1
    ledger.arrived(_event("2"))
    assert ledger.agrees
