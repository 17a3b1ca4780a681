"""Basic notifications whose resources are to be fetched: what is asked of Graph, and above all what never is."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Misconfigured, Refused, Unavailable
from shared.receiving.item_publisher import ItemProblem
from shared.timing import Deadline
from tests.fakes.graph_sender import graph, now
from tests.fakes.receiver_fixture import ReceiverFixture, outcome_of
from tests.hostile.bodies import CLIENT_STATES
from tests.sender import CHAT, CONTENT, MESSAGE, OTHER_TENANT, PLAINTEXT, TENANT, basic_item, body, client_state

MESSAGE_PATH = "/v1.0/chats/" + CHAT.replace(":", "%3A").replace("@", "%40") + "/messages/1612289992105"


def _data(fixture: ReceiverFixture) -> list[dict[str, Any]]:
    return [json.loads(event.to_json())["data"] for event in fixture.events]


def _with_message(**ports: Any) -> ReceiverFixture:
    fixture = ReceiverFixture(**ports)
    fixture.resources[MESSAGE_PATH] = PLAINTEXT
    return fixture


@pytest.mark.parametrize("change_type", ["created", "updated", "deleted"])
def test_fetched_resource_becomes_the_content_byte_for_byte(change_type: str) -> None:
    fixture = _with_message()
    assert fixture.of(body(basic_item(changeType=change_type)), fetch="v1.0").published == 1
    assert _data(fixture)[0]["content"] == CONTENT
    assert PLAINTEXT in fixture.events[0].to_json()


def test_fetched_change_has_the_key_of_the_one_that_came_with_content() -> None:
    fetched, rich = _with_message(), ReceiverFixture()
    fetched.of(body(basic_item(changeType="updated")), fetch="v1.0")
    rich.of(graph().rich_body(graph().rich_item(changeType="updated")))
    assert fetched.events[0].provenance.dedup_key == rich.events[0].provenance.dedup_key


@pytest.mark.parametrize(
    ("change_type", "age", "outcome"),
    [
        ("created", timedelta(0), {"not-found-yet": 1}),
        ("created", timedelta(minutes=4), {"not-found-yet": 1}),
        ("created", timedelta(minutes=6), {}),
        ("updated", timedelta(0), {}),
        ("deleted", timedelta(0), {}),
    ],
)
def test_404_is_reported_as_gone_but_for_what_was_just_created(
    change_type: str, age: timedelta, outcome: dict[str, int]
) -> None:
    fixture = ReceiverFixture()
    item = body(basic_item(changeType=change_type))
    _, post = fixture.receiver.open(item, received_at=now(), fetch="v1.0", age=age)
    problems = fixture.receiver.process(post, Deadline.after(timedelta(seconds=5)))
    assert {problem.reason: 1 for problem in problems.values()} == outcome
    assert all(data["gone"] and "content" not in data for data in _data(fixture))
    assert bool(fixture.events) is not bool(outcome)


@pytest.mark.parametrize("fetch", [None, "", "true", "V1.0", "v1.0/../beta", "beta "])
def test_nothing_is_fetched_without_a_version_of_graph(fetch: str | None) -> None:
    fixture = _with_message()
    assert fixture.of(body(basic_item()), fetch=fetch).published == 1
    assert fixture.fetched == []
    assert not {"content", "gone"} & _data(fixture)[0].keys()


def test_version_is_the_one_in_the_url() -> None:
    fixture = ReceiverFixture()
    fixture.of(body(basic_item()), fetch="beta")
    assert [location.path for location in fixture.fetched] == [MESSAGE_PATH.replace("v1.0", "beta")]


def test_resource_is_fetched_in_its_own_tenant() -> None:
    fixture = ReceiverFixture()
    other = basic_item(tenantId=OTHER_TENANT, clientState=client_state(OTHER_TENANT))
    fixture.of(body(basic_item(), other), fetch="v1.0")
    assert {location.tenant_id for location in fixture.fetched} == {TENANT, OTHER_TENANT}


def test_resource_that_is_named_twice_is_fetched_once() -> None:
    fixture = _with_message()
    assert fixture.of(body(basic_item(), basic_item(changeType="updated")), fetch="v1.0").published == 2
    assert len(fixture.fetched) == 1
    assert all(data["content"] == CONTENT for data in _data(fixture))


def test_rich_item_and_lifecycle_notification_are_not_fetched() -> None:
    fixture = ReceiverFixture()
    lifecycle = basic_item(lifecycleEvent="missed", changeType=None)
    receipt = fixture.of(body(graph().rich_item(), lifecycle, tokens=[graph().token()]), fetch="v1.0")
    assert (receipt.published, fixture.fetched) == (2, [])


@pytest.mark.parametrize("name", CLIENT_STATES)
def test_nothing_that_is_not_ours_is_fetched(name: str) -> None:
    post, fixture = CLIENT_STATES[name](graph()), ReceiverFixture()
    fixture.of(post.body, fetch="v1.0")
    assert not post.others or fixture.fetched == []


def test_rich_item_without_a_token_is_not_fetched_instead() -> None:
    fixture = ReceiverFixture()
    assert outcome_of(fixture.of(body(graph().rich_item()), fetch="v1.0")) == {"validation-token": 1}
    assert fixture.fetched == []


@pytest.mark.parametrize("resource", ["chats/../../beta/me", "users", "me", "auditLogs/signIns", "chats('x')/messages"])
def test_other_path_is_quarantined_and_the_rest_published(resource: str) -> None:
    fixture = _with_message()
    receipt = fixture.of(body(basic_item(resource=resource), basic_item()), fetch="v1.0")
    assert outcome_of(receipt) == {"published": 1, "malformed": 1}
    assert (len(fixture.events), [location.path for location in fixture.fetched]) == (1, [MESSAGE_PATH])


@pytest.mark.parametrize(
    "problem", [Unavailable("does not answer"), Misconfigured("403"), Refused("410")], ids=["silent", "403", "410"]
)
def test_one_resource_that_cannot_be_read_delays_no_other(problem: ItemProblem) -> None:
    fixture = _with_message()
    read = fixture.receiver.publisher.fetch_resources
    fixture.receiver = fixture.receiver_with(
        fetch_resources=lambda locations, deadline: {
            location: found if location.path == MESSAGE_PATH else problem
            for location, found in read(locations, deadline).items()
        }
    )
    other = basic_item(resource="chats('another')")
    receipt = fixture.of(body(other, basic_item(), graph().rich_item(), tokens=[graph().token()]), fetch="v1.0")
    assert outcome_of(receipt) == {"published": 2, problem.reason: 1}


def test_graph_is_not_asked_for_what_is_not_to_be_fetched() -> None:
    def fail(*_arguments: object) -> Any:
        raise Unavailable("does not answer")

    fixture = ReceiverFixture(fetch_resources=fail)
    assert fixture.of(graph().rich_body(), fetch="v1.0").published == 1
    assert fixture.of(body(basic_item())).published == 1


def test_nothing_in_the_body_says_what_to_fetch() -> None:
    fixture = ReceiverFixture()
    fixture.of(body(basic_item(fetch="v1.0", resource=f"{MESSAGE}?fetch=v1.0")))
    assert fixture.fetched == []
