"""Basic notifications whose resources are to be fetched: what is asked of Graph, and above all what never is."""

import dataclasses
import json
from typing import Any

import pytest

from shared.errors import Misconfigured, Unavailable
from tests.fakes.calls import raising
from tests.fakes.graph_sender import graph
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.hostile.bodies import CLIENT_STATES
from tests.sender import CHAT, CONTENT, MESSAGE, OTHER_TENANT, PLAINTEXT, TENANT, basic_item, body, client_state

MESSAGE_PATH = "/v1.0/chats/" + CHAT.replace(":", "%3A").replace("@", "%40") + "/messages/1612289992105"


def _data(outcome: ReceiverFixture) -> list[dict[str, Any]]:
    return [json.loads(event.to_json())["data"] for event in outcome.events]


def _has_the_message() -> ReceiverFixture:
    outcome = ReceiverFixture()
    outcome.resources[MESSAGE_PATH] = PLAINTEXT
    return outcome


@pytest.mark.parametrize("change_type", ["created", "updated", "deleted"])
def test_fetched_resource_becomes_the_content_byte_for_byte(change_type: str) -> None:
    outcome = _has_the_message()
    assert outcome.of(body(basic_item(changeType=change_type)), fetch="v1.0").published == 1
    assert _data(outcome)[0]["content"] == CONTENT
    assert PLAINTEXT in outcome.events[0].to_json()


def test_fetched_change_has_the_id_of_the_encrypted_one() -> None:
    fetched, rich = _has_the_message(), ReceiverFixture()
    fetched.of(body(basic_item(changeType="updated")), fetch="v1.0")
    rich.of(graph().rich_body(graph().rich_item(changeType="updated")))
    assert fetched.events[0].id == rich.events[0].id


def test_missing_resource_is_published_as_gone_without_content() -> None:
    outcome = ReceiverFixture()
    assert outcome.of(body(basic_item(changeType="deleted")), fetch="v1.0").published == 1
    assert (_data(outcome)[0]["gone"], "content" in _data(outcome)[0]) == (True, False)


@pytest.mark.parametrize("fetch", [None, "", "true", "V1.0", "v1.0/../beta", "beta "])
def test_without_a_version_of_graph_nothing_is_fetched(fetch: str | None) -> None:
    outcome = _has_the_message()
    assert outcome.of(body(basic_item()), fetch=fetch).published == 1
    assert outcome.fetched == []
    assert not {"content", "gone"} & _data(outcome)[0].keys()


def test_the_version_is_the_one_that_was_asked_for() -> None:
    outcome = ReceiverFixture()
    outcome.of(body(basic_item()), fetch="beta")
    assert [location.path for location in outcome.fetched] == [MESSAGE_PATH.replace("v1.0", "beta")]


def test_each_tenants_resource_is_fetched_in_its_tenant() -> None:
    outcome = ReceiverFixture()
    other = basic_item(tenantId=OTHER_TENANT, clientState=client_state(OTHER_TENANT))
    outcome.of(body(basic_item(), other), fetch="v1.0")
    assert {location.tenant_id for location in outcome.fetched} == {TENANT, OTHER_TENANT}


def test_what_is_named_twice_is_fetched_once() -> None:
    outcome = _has_the_message()
    assert outcome.of(body(basic_item(), basic_item(changeType="updated")), fetch="v1.0").published == 2
    assert len(outcome.fetched) == 1
    assert all(data["content"] == CONTENT for data in _data(outcome))


def test_a_rich_item_and_a_lifecycle_event_are_not_fetched() -> None:
    outcome = ReceiverFixture()
    lifecycle = basic_item(lifecycleEvent="missed", changeType=None)
    receipt = outcome.of(body(graph().rich_item(), lifecycle, tokens=[graph().token()]), fetch="v1.0")
    assert (receipt.published, outcome.fetched) == (2, [])


@pytest.mark.parametrize("name", CLIENT_STATES)
def test_nothing_that_is_not_authentic_is_ever_fetched(name: str) -> None:
    post, outcome = CLIENT_STATES[name](graph()), ReceiverFixture()
    receipt = outcome.of(post.body, fetch="v1.0")
    assert dict(receipt.rejected) == dict(post.rejected)
    assert not post.rejected or outcome.fetched == []


def test_a_rich_item_without_a_token_is_not_fetched_in_its_contents_place() -> None:
    outcome = ReceiverFixture()
    assert dict(outcome.of(body(graph().rich_item()), fetch="v1.0").rejected) == {"validation-token": 1}
    assert outcome.fetched == []


def test_resource_outside_graph_rejects_only_its_item() -> None:
    outcome = _has_the_message()
    receipt = outcome.of(body(basic_item(resource="chats/../../beta/me"), basic_item()), fetch="v1.0")
    assert (receipt.published, dict(receipt.rejected)) == (1, {"malformed": 1})
    assert [location.path for location in outcome.fetched] == [MESSAGE_PATH]


@pytest.mark.parametrize("problem", [Unavailable("does not answer"), Misconfigured("403")])
def test_unavailable_resource_fails_the_whole_post(problem: Exception) -> None:
    outcome = ReceiverFixture()
    outcome.receiver = dataclasses.replace(outcome.receiver, fetch_resources=raising(problem))
    with pytest.raises(type(problem)):
        outcome.of(body(basic_item(), graph().rich_item(), tokens=[graph().token()]), fetch="v1.0")
    assert outcome.events == []


def test_unavailable_graph_stops_only_what_must_be_fetched() -> None:
    outcome, fails = ReceiverFixture(), raising(Unavailable("does not answer"))
    outcome.receiver = dataclasses.replace(outcome.receiver, fetch_resources=fails)
    assert outcome.of(graph().rich_body(), fetch="v1.0").published == 1
    assert outcome.of(body(basic_item())).published == 1


def test_the_url_says_what_is_fetched_and_nothing_in_the_body_does() -> None:
    outcome = ReceiverFixture()
    outcome.of(body(basic_item(fetch="v1.0", resource=f"{MESSAGE}?fetch=v1.0")))
    assert outcome.fetched == []
