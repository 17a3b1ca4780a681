"""The body of a POST that holds what was refused: what was received, and nothing that was made of it."""

import json

import pytest

from shared.notifications.client_state import AuthenticNotification
from shared.notifications.collection import ChangeNotification, ChangeNotificationCollection, to_json
from shared.receiving.post_store import StoredPost
from tests.fakes.graph_sender import graph, now
from tests.sender import basic_item, body, client_state


def _items(post: bytes) -> list[AuthenticNotification]:
    items = ChangeNotificationCollection.from_json(post).value
    return [AuthenticNotification(item) for item in items if isinstance(item, ChangeNotification)]


@pytest.mark.parametrize("tokens", [[], ["one", "two"], ["\ud800"], [""]])
def test_a_body_is_read_as_it_was_received(tokens: list[str]) -> None:
    item = graph().rich_item(brandNew=[1.5, None, "Grüße 👋", "\ud800"])
    post = body(item, basic_item(), tokens=tokens)
    again = to_json(_items(post), tokens)
    assert json.loads(again) == json.loads(post)
    assert ChangeNotificationCollection.from_json(again) == ChangeNotificationCollection.from_json(post)


def test_a_bare_item_becomes_a_collection() -> None:
    post = json.dumps(basic_item()).encode()
    assert _items(to_json(_items(post), [])) == _items(post)


def test_a_token_that_was_none_stays_none() -> None:
    """It must not become an absent one, which would be judged in another way."""
    collection = ChangeNotificationCollection.from_json(body(basic_item(), tokens=[7]))
    again = ChangeNotificationCollection.from_json(to_json([], collection.validation_tokens))
    assert again.validation_tokens == collection.validation_tokens == ("",)


def test_parsed_collection_may_be_logged() -> None:
    stored = StoredPost(reason="undecryptable", received_at=now(), fetch=None, name="2026/11/21/1.json", etag="secret?")
    assert "secret?" not in repr(stored)
    (item,) = _items(body(graph().rich_item()))
    assert client_state() not in repr(item)
