"""The body that stores some items of a POST: what was received, and where in the POST."""

import json

import pytest

from shared.errors import Malformed
from shared.notifications.collection import ChangeNotificationCollection, to_json
from shared.receiving.post_store import StoredPost
from tests.fakes.graph_sender import graph, now
from tests.sender import TENANT, basic_item, body, client_state


@pytest.mark.parametrize("tokens", [[], ["one", "two"], [""]])
def test_stored_body_is_read_as_it_was_received(tokens: list[str]) -> None:
    post = body(graph().rich_item(brandNew=[1.5, None, "Grüße 👋"]), basic_item(), tokens=tokens)
    collection = ChangeNotificationCollection.from_json(post)
    again = to_json(collection.value, tokens, collection.positions)
    assert json.loads(again) == json.loads(post) | {"validationTokens": tokens, "positions": [0, 1]}
    assert ChangeNotificationCollection.from_json(again) == collection


@pytest.mark.parametrize(
    "item", [b'{"n" : 1e400,"n":1}', b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", '{"x": "é"}'.encode()]
)
def test_item_is_stored_byte_for_byte(item: bytes) -> None:
    post = b'{"value": [%b]}' % item.ljust(65_536)
    (raw,) = ChangeNotificationCollection.from_json(post).value
    assert item in to_json([raw], [], [0])


def test_stored_items_keep_their_positions() -> None:
    post = body({}, basic_item(), None, basic_item())
    collection = ChangeNotificationCollection.from_json(post)
    assert collection.positions == (0, 1, 2, 3)
    again = ChangeNotificationCollection.from_json(to_json(collection.value[3:], [], [3]))
    assert again.positions == (3,)


@pytest.mark.parametrize("positions", [None, "0", [], [0, 1], ["0"], [0.5], [True], [-1], [10**6], {}])
def test_positions_that_do_not_fit_are_ignored(positions: object) -> None:
    document = {"value": [basic_item()], "positions": positions}
    assert ChangeNotificationCollection.from_json(json.dumps(document).encode()).positions == (0,)


def test_nothing_secret_of_a_stored_post_may_be_logged() -> None:
    stored = StoredPost(
        name="2026/11/21/1.json",
        reason="undecryptable",
        tenant_id=TENANT,
        received_at=now(),
        fetch=None,
        etag="secret?",
    )
    assert "secret?" not in repr(stored)
    assert client_state() not in repr(ChangeNotificationCollection.from_json(body(graph().rich_item())))


@pytest.mark.parametrize(
    "post",
    [
        b'{"value": [' + b"0," * 5000 + b"0]}",
        b'{"value": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"value": [' + b"{}," * 5000 + b"{}]}",
        b'{"value": ["' + b"\\\\n" * 5000 + b'"]}',
    ],
)
def test_body_denser_than_graphs_is_malformed(post: bytes) -> None:
    with pytest.raises(Malformed):
        ChangeNotificationCollection.from_json(post)
