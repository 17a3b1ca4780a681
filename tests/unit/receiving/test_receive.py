"""One POST from body to receipt, through the public function."""

import dataclasses
import json
import logging
from datetime import timedelta
from typing import Any

import pytest

import ReceiveNotification
from shared.errors import Malformed, TooLarge, Unavailable
from shared.receiving.receive import Receipt
from shared.timing import Deadline
from tests.fakes.calls import raising
from tests.fakes.graph_sender import CERTIFICATE_ID, graph, now
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.hostile.bodies import POSTS
from tests.sender import OTHER_TENANT, SUBSCRIPTION, basic_item, body, client_state

STATUS = {400: Malformed, 413: TooLarge}
EVENT_TYPES = {
    "missed": "Microsoft.Graph.SubscriptionMissed",
    "subscriptionRemoved": "Microsoft.Graph.SubscriptionRemoved",
    "reauthorizationRequired": "Microsoft.Graph.SubscriptionReauthorizationRequired",
    "brandNew": "Microsoft.Graph.SubscriptionBrandNew",
}


@pytest.mark.parametrize("name", POSTS)
def test_every_post_has_its_documented_outcome_and_writes_no_log(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Peers' holes 1, 5, 6, 7, 8, 9, 15 and 19, each of them among the bodies."""
    caplog.set_level(logging.DEBUG, logger="shared")
    post, outcome = POSTS[name](graph()), ReceiverFixture()
    if post.status in STATUS:
        with pytest.raises(STATUS[post.status]):
            outcome.of(post.body)
    else:
        receipt = outcome.of(post.body)
        assert (receipt.published, dict(receipt.rejected)) == (post.published, dict(post.rejected))
    assert len(outcome.events) == post.published
    assert not caplog.records


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_rich_item_is_published_with_its_content_byte_for_byte(version: str) -> None:
    plaintext = '{ "etag":"1", "body": {"content": "Grüße 👋\\ud800"}, "n": 1.0 }'.encode()
    outcome = ReceiverFixture()
    item = graph().rich_item(encryptedContent=graph().encrypted(plaintext))
    assert outcome.of(body(item, tokens=[graph().token(version)])).published == 1
    assert plaintext in outcome.events[0].to_json()
    assert json.loads(outcome.events[0].to_json())["data"]["content"] == json.loads(plaintext)


def test_content_comes_from_the_signed_part_only() -> None:
    """Peers' hole 7: the unsigned ``resourceData`` trusted instead of the content."""
    outcome = ReceiverFixture()
    outcome.of(graph().rich_body(graph().rich_item(resourceData={"etag": "forged", "body": "forged"})))
    event = json.loads(outcome.events[0].to_json())
    assert event["data"]["content"]["etag"] == "1612289992105"


def test_no_client_state_of_its_own_reaches_an_event() -> None:
    outcome = ReceiverFixture()
    outcome.of(body(basic_item(), graph().rich_item(), tokens=[graph().token()]))
    assert all(client_state().encode() not in event.to_json() for event in outcome.events)


def test_each_tenants_items_need_a_token_of_their_own_tenant() -> None:
    outcome = ReceiverFixture()
    other = graph().rich_item(tenantId=OTHER_TENANT, clientState=client_state(OTHER_TENANT))
    receipt = outcome.of(body(graph().rich_item(), other, tokens=[graph().token()]))
    assert (receipt.published, dict(receipt.rejected)) == (1, {"validation-token": 1})


def test_no_key_is_asked_for_before_an_item_is_authentic() -> None:
    outcome = ReceiverFixture()
    outcome.of(body(graph().rich_item(clientState="x"), tokens=[graph().token()]))
    outcome.of(body(graph().rich_item(), tokens=["garbage"]))
    outcome.of(body(graph().rich_item()))
    assert outcome.asked_for == []


def test_no_token_is_looked_at_before_a_rich_item_is_authentic() -> None:
    outcome = ReceiverFixture(signing_key=raising(Unavailable("Entra ID does not answer")))
    forged = graph().rich_item(clientState="x")
    assert outcome.of(body(forged, basic_item(), tokens=[graph().token()])).published == 1


def test_the_certificate_is_chosen_by_the_items_own_id() -> None:
    """Peers' hole 10: the certificate id ignored, so that rotation breaks every subscription."""
    outcome = ReceiverFixture()
    outcome.of(graph().rich_body())
    assert outcome.asked_for == [CERTIFICATE_ID]


@pytest.mark.parametrize("missing", ["signing_key", "private_key", "publish"])
def test_unavailable_dependency_fails_the_whole_post(missing: str) -> None:
    good = ReceiverFixture()
    changes: dict[str, Any] = {missing: raising(Unavailable("does not answer"))}
    receiver = dataclasses.replace(good.receiver, **changes)
    post = body(basic_item(), graph().rich_item(), tokens=[graph().token()])
    with pytest.raises(Unavailable):
        receiver.receive(post, received_at=now(), deadline=Deadline.after(timedelta(seconds=1)))
    assert good.events == []


@pytest.mark.parametrize("event", EVENT_TYPES)
def test_lifecycle_notification_is_recorded_and_published(event: str) -> None:
    """Peers' hole 13: `missed` ignored, and another subscription made than the one that was removed."""
    outcome = ReceiverFixture()
    receipt = outcome.of(
        body(basic_item(lifecycleEvent=event, changeType=None), basic_item(lifecycleEvent=event, clientState="x"))
    )
    assert (receipt.published, dict(receipt.rejected)) == (1, {"client-state": 1})
    assert [(item.subscription_id, item.lifecycle_event) for item in outcome.recorded] == [(SUBSCRIPTION, event)]
    assert [each.type for each in outcome.events] == [EVENT_TYPES[event]]


def test_two_updates_without_content_in_one_post_are_two_events() -> None:
    outcome, moment = ReceiverFixture(), now()
    update = basic_item(changeType="updated")
    outcome.of(body(update, update), received_at=moment)
    assert len({event.id for event in outcome.events}) == 2
    again = ReceiverFixture()
    again.of(body(update, update), received_at=moment)
    assert [event.id for event in again.events] == [event.id for event in outcome.events]


def test_id_of_an_update_does_not_depend_on_what_else_opens() -> None:
    """A certificate may appear between two attempts at one POST."""
    update, moment, outcomes = basic_item(changeType="updated"), now(), (ReceiverFixture(), ReceiverFixture())
    unknown = graph().unknown_item()
    post = body(unknown, update, tokens=[graph().token()])
    assert outcomes[0].of(post, received_at=moment).quarantined == 1
    key = outcomes[1].receiver.private_key
    found = dataclasses.replace(outcomes[1].receiver, private_key=lambda _id, deadline: key(CERTIFICATE_ID, deadline))
    assert found.receive(post, received_at=moment, deadline=Deadline.after(timedelta(seconds=5))).published == 2
    assert outcomes[0].events[-1].id == outcomes[1].events[-1].id


@pytest.mark.parametrize(
    ("receipt", "level", "line"),
    [
        (
            Receipt(received=2, published=2, rejected={}),
            "INFO",
            "post received=2 published=2 parked=0 quarantined=0 dropped=0 ms=37 ",
        ),
        (
            Receipt(received=9, published=3, rejected={"client-state": 4, "malformed": 2}, quarantined=2),
            "WARNING",
            "post received=9 published=3 parked=0 quarantined=2 dropped=4 ms=37 rejected=client-state:4,malformed:2 ",
        ),
        (
            Receipt(received=1, rejected={}, parked=1, parked_because=Unavailable("the queue")),
            "WARNING",
            "post received=1 published=0 parked=1 quarantined=0 dropped=0 ms=37 ",
        ),
    ],
    ids=["published", "rejected", "parked"],
)
def test_line_of_a_post_has_a_blank_behind_each_value(
    receipt: Receipt, level: str, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A query finds the end of a value by the blank."""
    with caplog.at_level(logging.INFO):
        ReceiveNotification._log(receipt, timedelta(seconds=0.0379))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [(level, line)]
