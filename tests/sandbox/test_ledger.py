"""The books of a run, and that they notice what does not agree."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.consumer import Event
from sandbox.graph import Answer, Delivery, Item, Subscription
from sandbox.graph.resource_type import ALL, ResourceType
from sandbox.ledger import Ledger
from sandbox.teams import Change
from tests.shared.posts import key_pair

WHEN = datetime(2026, 11, 21, tzinfo=UTC)
ENTITY = {"id": "1", "body": {"content": "hello"}}
CHANGE = Change(
    tenant_id="t",
    change_type="created",
    path=("chats", "c", "messages", "1"),
    odata_type="#Microsoft.Graph.chatMessage",
    entity=ENTITY,
    when=WHEN,
)
SUBSCRIPTION = Subscription(
    id="s",
    tenant_id="t",
    application_id="a",
    creator_id="c",
    resource="/chats/getAllMessages",
    resource_type=ResourceType(template="", entity="chatMessage", change_types=ALL, permissions=()),
    key="",
    options={},
    change_type="created",
    notification_url="https://127.0.0.1/",
    lifecycle_notification_url=None,
    expires_at=WHEN,
    authorized_until=WHEN,
    client_state=None,
    certificate=key_pair()[1],
    certificate_id="id",
    latest_tls="v1_2",
    token_audience="a",
)
BASIC = replace(SUBSCRIPTION, certificate=None, certificate_id=None)


def _delivery(subscription: Subscription = SUBSCRIPTION, status: int | None = 202) -> Delivery:
    item = Item(subscription=subscription, url="https://127.0.0.1/", born=WHEN, change=CHANGE)
    return Delivery(url=item.url, answer=Answer(status=status, took=timedelta(0)), when=WHEN, items=(item,))


def _event(**changes: Any) -> Event:
    data = {
        "subscriptionId": "s",
        "resource": "chats('c')/messages('1')",
        "changeType": "created",
        "content": ENTITY,
    } | changes
    return Event(attributes={"type": "Microsoft.Graph.ChatMessageCreated"}, data=data, size=100)


@pytest.mark.parametrize("event_first", [True, False])
def test_a_delivery_and_its_event_agree_whichever_comes_first(event_first: bool) -> None:  # noqa: FBT001  a parameter
    ledger = Ledger(Clock(), lambda _arrival: None)
    for step in ("event", "delivery") if event_first else ("delivery", "event"):
        ledger.arrived(_event()) if step == "event" else ledger.delivered(_delivery())
    assert (len(ledger.arrivals), ledger.missing, ledger.strange) == (1, [], [])


def test_a_delivery_without_an_event_is_missing() -> None:
    ledger = Ledger(Clock(), lambda _arrival: None)
    ledger.delivered(_delivery())
    assert ledger.missing == [CHANGE]


def test_a_delivery_that_was_refused_is_not_expected_yet() -> None:
    ledger = Ledger(Clock(), lambda _arrival: None)
    ledger.delivered(_delivery(status=503))
    ledger.delivered(_delivery(status=None))
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
    ledger.delivered(_delivery())
    ledger.arrived(_event(**altered))
    assert (len(ledger.missing), len(ledger.strange)) == (1, 1)


def test_an_event_that_comes_twice_is_strange() -> None:
    ledger = Ledger(Clock(), lambda _arrival: None)
    ledger.delivered(_delivery())
    ledger.arrived(_event())
    ledger.arrived(_event())
    assert (ledger.missing, len(ledger.strange)) == ([], 1)


def test_content_where_only_ids_were_subscribed_is_strange() -> None:
    ledger = Ledger(Clock(), lambda _arrival: None)
    ledger.delivered(_delivery(BASIC))
    ledger.arrived(_event())
    assert (len(ledger.missing), len(ledger.strange)) == (1, 1)
