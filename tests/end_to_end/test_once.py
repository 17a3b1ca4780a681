"""What Graph tells twice stands in the queue once, on the host and with the window that an operator has by default."""

import json
from collections.abc import Iterator

import pytest
from azure.data.tables import TableServiceClient

from tests.end_to_end.deployed import Deployed
from tests.eventually import eventually
from tests.sender import CONTENT, Sender

pytestmark = pytest.mark.slow


@pytest.fixture
def once(app: Deployed, graph: Sender) -> Iterator[Deployed]:
    app.restart(DEDUPLICATE_FOR="")
    assert eventually(lambda: app.takes(graph.rich_body()))
    app.as_it_was()
    yield app
    app.restart(DEDUPLICATE_FOR="0")
    assert eventually(lambda: app.takes(graph.rich_body()))


def _version(graph: Sender, number: int, change_type: str = "updated") -> bytes:
    plaintext = json.dumps({**CONTENT, "etag": f"once-{number}"}).encode()
    return graph.rich_body(graph.rich_item(changeType=change_type, encryptedContent=graph.encrypted(plaintext)))


def test_every_change_of_a_message_is_published_once_however_often_it_is_told(once: Deployed, graph: Sender) -> None:
    """Peers' hole 14: de-duplication by message id alone, so that edits and deletions are lost."""
    posts = [_version(graph, 1), _version(graph, 2), _version(graph, 2, "deleted")]
    for post in posts * 3:
        assert once.post(post).status_code == 202
    events = [json.loads(event) for event in once.events()]
    versions = {(event["data"]["changeType"], event["data"]["content"]["etag"]) for event in events}
    assert versions == {("updated", "once-1"), ("updated", "once-2"), ("deleted", "once-2")}
    assert len({event["id"] for event in events}) == len(events) == 3


def test_a_worker_that_has_just_started_knows_what_was_published_before(once: Deployed, graph: Sender) -> None:
    post = _version(graph, 3)
    assert eventually(lambda: once.post(post).status_code == 202 and once.count() == 1)
    # An app that is killed before it has noted what it published cannot know of it afterwards.
    [event] = once.events()
    assert eventually(lambda: _is_noted(once, json.loads(event)["id"]))
    once.restart()
    # Nor can one that is too busy with its start to look it up in time.
    assert eventually(lambda: once.takes(graph.rich_body()))
    once.as_it_was()
    assert once.post(post).status_code == 202
    assert once.count() == 0


def _is_noted(app: Deployed, event_id: str) -> bool:
    with TableServiceClient.from_connection_string(app.world.azurite.connection_string) as tables:
        return any(row["RowKey"] == event_id for row in tables.get_table_client("published").list_entities())
