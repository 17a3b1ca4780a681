"""One POST from body to receipt, through the public function: what is ours, and what becomes of it."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest

from shared.errors import Malformed, TooLarge, Unavailable
from shared.timing import Deadline
from tests.fakes.graph_sender import CERTIFICATE_ID, graph, now
from tests.fakes.receiver_fixture import ReceiverFixture, outcome_of
from tests.hostile.bodies import CLIENT_STATES, POSTS, replaced
from tests.sender import (
    OTHER_TENANT,
    STRANGER,
    SUBSCRIPTION,
    basic_item,
    body,
    client_state,
)

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
    post, fixture = POSTS[name](graph()), ReceiverFixture()
    if post.status in STATUS:
        with pytest.raises(STATUS[post.status]):
            fixture.of(post.body)
        assert (fixture.parked, fixture.quarantined) == ([], [])
    else:
        published = {"published": post.published} if post.published else {}
        assert outcome_of(fixture.of(post.body)) == published | dict(post.others)
    assert len(fixture.events) == post.published
    assert not caplog.records


@pytest.mark.slow
@pytest.mark.parametrize("fetch", [None, "v1.0"])
def test_good_body_with_any_node_replaced_is_accounted_for(fetch: str | None) -> None:
    outcomes = 0
    for name, nasty in replaced(graph()):
        try:
            receipt = ReceiverFixture().of(nasty, fetch=fetch)
        except Malformed:
            continue
        assert receipt.received == sum(outcome_of(receipt).values()), name
        outcomes += 1
    assert outcomes > 100


ODD_PROPERTIES = {
    "id is a number": basic_item(id=17),
    "id is an empty text": basic_item(id=""),
    "expiration is an empty text": basic_item(subscriptionExpirationDateTime=""),
    "expiration is a number": basic_item(subscriptionExpirationDateTime=1795296540),
    "resourceData is a list": basic_item(resourceData=[]),
    "resourceData is a text": basic_item(resourceData="x"),
    "lifecycle event with an empty resource": basic_item(lifecycleEvent="missed", resource="", changeType=""),
    "lifecycle event about a subscription": basic_item(
        lifecycleEvent="missed",
        resource=f"Subscriptions/{SUBSCRIPTION}",
        changeType=None,
        tenantId=None,
        organizationId=basic_item()["tenantId"],
        sequence=None,
        encryptedContent=None,
    ),
    "lifecycle event with a long resource": basic_item(lifecycleEvent="missed", resource="x" * 3000, changeType=None),
    "lifecycleEvent is empty beside a change": basic_item(lifecycleEvent=""),
    "resource of 1,537 characters": basic_item(resource="x" * 1537),
    "resource with a soft hyphen": basic_item(resource="chats('19:a\u00ad')/messages('1')"),
    "encryptedContent is a text": basic_item(encryptedContent="x"),
    "changeType is missing": {name: value for name, value in basic_item().items() if name != "changeType"},
    "tenantId is empty beside organizationId": basic_item(tenantId="", organizationId=basic_item()["tenantId"]),
}


@pytest.mark.parametrize("item", ODD_PROPERTIES.values(), ids=ODD_PROPERTIES)
def test_authentic_item_with_an_odd_property_is_published_or_quarantined(item: dict[str, object]) -> None:
    fixture = ReceiverFixture()
    receipt = fixture.of(body(item))
    assert outcome_of(receipt) in ({"published": 1}, {"malformed": 1})
    assert len(fixture.events) + len(fixture.quarantined) == 1


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_rich_item_is_published_with_its_content_byte_for_byte(version: str) -> None:
    plaintext = '{ "etag":"1", "body": {"content": "Grüße 👋\\ud800"}, "n": 1.0 }'.encode()
    fixture = ReceiverFixture()
    item = graph().rich_item(encryptedContent=graph().encrypted(plaintext))
    assert fixture.of(body(item, tokens=[graph().token(version)])).published == 1
    assert plaintext in fixture.events[0].to_json()
    assert json.loads(fixture.events[0].to_json())["data"]["content"] == json.loads(plaintext)


def test_published_content_is_the_signed_one_not_the_resource_data() -> None:
    """Peers' hole 7: the unsigned ``resourceData`` trusted instead of the content."""
    fixture = ReceiverFixture()
    fixture.of(graph().rich_body(graph().rich_item(resourceData={"etag": "forged", "body": "forged"})))
    event = json.loads(fixture.events[0].to_json())
    assert event["data"]["content"]["etag"] == "1612289992105"


def test_no_client_state_reaches_an_event() -> None:
    fixture = ReceiverFixture()
    fixture.of(body(basic_item(), graph().rich_item(), tokens=[graph().token()]))
    assert all(client_state().encode() not in event.to_json() for event in fixture.events)


def test_token_vouches_for_its_own_tenant_only() -> None:
    fixture = ReceiverFixture()
    other = graph().rich_item(tenantId=OTHER_TENANT, clientState=client_state(OTHER_TENANT))
    receipt = fixture.of(body(graph().rich_item(), other, tokens=[graph().token()]))
    assert outcome_of(receipt) == {"published": 1, "validation-token": 1}


def test_items_and_token_of_a_foreign_app_on_the_same_url_do_no_harm() -> None:
    """Another app registration, in a tenant that is not served, has subscribed with our URL."""
    fixture = ReceiverFixture()
    theirs = graph().rich_item(tenantId=STRANGER, clientState="their own")
    tokens = [graph().token(), graph().token(tenant_id=STRANGER, audience=STRANGER)]
    receipt = fixture.of(body(theirs, graph().rich_item(), tokens=tokens))
    assert outcome_of(receipt) == {"published": 1, "dropped": 1}
    assert (fixture.parked, fixture.quarantined) == ([], [])


def test_no_key_is_asked_for_before_an_item_is_authentic() -> None:
    fixture = ReceiverFixture()
    fixture.of(body(graph().rich_item(clientState="x"), tokens=[graph().token()]))
    fixture.of(body(graph().rich_item(), tokens=["garbage"]))
    fixture.of(body(graph().rich_item()))
    assert fixture.asked_for == []


def test_no_token_is_judged_before_a_rich_item_is_authentic() -> None:
    asked: list[object] = []
    fixture = ReceiverFixture(signing_key=lambda key_id, _deadline: asked.append(key_id))
    forged = graph().rich_item(clientState="x")
    assert fixture.of(body(forged, basic_item(), tokens=[graph().token()])).published == 1
    assert asked == []


def _does_not_answer(*_arguments: object) -> object:
    raise Unavailable("does not answer")


def test_certificate_is_chosen_by_the_items_own_id() -> None:
    """Peers' hole 10: the certificate id ignored, so that rotation breaks every subscription."""
    fixture = ReceiverFixture()
    fixture.of(graph().rich_body())
    assert fixture.asked_for == [CERTIFICATE_ID]


@pytest.mark.parametrize("event", EVENT_TYPES)
def test_lifecycle_notification_is_recorded_for_the_timer_and_published(event: str) -> None:
    """Peers' hole 13: `missed` ignored, and another subscription made than the one that was removed."""
    fixture = ReceiverFixture()
    receipt = fixture.of(
        body(basic_item(lifecycleEvent=event, changeType=None), basic_item(lifecycleEvent=event, clientState="x"))
    )
    assert outcome_of(receipt) == {"published": 1, "dropped": 1}
    assert [(item.subscription_id, item.lifecycle_event) for item in fixture.recorded] == [(SUBSCRIPTION, event)]
    assert [each.type for each in fixture.events] == [EVENT_TYPES[event]]


def test_two_updates_without_content_in_one_post_are_two_events() -> None:
    fixture, moment = ReceiverFixture(), now()
    update = basic_item(changeType="updated")
    fixture.of(body(update, update), received_at=moment)
    assert len({event.id for event in fixture.events}) == 2
    again = ReceiverFixture()
    again.of(body(update, update), received_at=moment)
    assert [event.id for event in again.events] == [event.id for event in fixture.events]


def test_two_states_under_one_version_are_published_under_two_ids() -> None:
    """Graph reports a reaction under the version of the message; each process may receive one of the two."""
    fixtures = (ReceiverFixture(), ReceiverFixture())
    for fixture, text in zip(fixtures, ("before", "after"), strict=True):
        content = graph().encrypted(json.dumps({"id": "1", "etag": "7", "reactions": [text]}).encode())
        fixture.of(graph().rich_body(graph().rich_item(changeType="updated", encryptedContent=content)))
    (one,), (other,) = (fixture.events for fixture in fixtures)
    assert one.id != other.id
    assert one.provenance.dedup_key == other.provenance.dedup_key


@pytest.mark.parametrize("name", [name for name, make in CLIENT_STATES.items() if "dropped" in make(graph()).others])
def test_nothing_that_is_not_ours_causes_a_call(name: str) -> None:
    """A flood of what anybody can make fills no storage."""
    ports = ("record_activity", "signing_key", "private_key", "fetch_resources", "publish_events")
    fixture = ReceiverFixture(**dict.fromkeys(ports, _does_not_answer))
    post = CLIENT_STATES[name](graph()).body
    for _ in range(20):
        assert outcome_of(fixture.of(post, fetch="v1.0")) == {"dropped": 1}
    assert fixture.steps == []


def test_second_large_body_at_a_time_is_refused_and_small_ones_are_not() -> None:
    entered, leave = Barrier(2, timeout=10), Event()

    def wait(*_arguments: object) -> None:
        entered.wait()
        leave.wait(10)

    fixture = ReceiverFixture(publish_events=wait)
    large = body(basic_item(padding="x" * 300_000))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(fixture.of, large)
        entered.wait()
        with pytest.raises(Unavailable, match="large"):
            fixture.of(large)
        fixture.receiver = fixture.receiver_with(publish_events=lambda *_: None)
        assert fixture.of(body(basic_item())).published == 1
        leave.set()
        assert first.result().published == 1


def test_budget_that_has_passed_parks_and_does_not_raise() -> None:
    fixture = ReceiverFixture()
    receipt = fixture.receiver.receive(
        body(basic_item()), received_at=now(), deadline=Deadline.after(timedelta(seconds=0.1))
    )
    assert outcome_of(receipt) == {"unavailable": 1}
