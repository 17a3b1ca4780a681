"""Redelivered changes are published once, on the host and with the window that an operator has by default."""

import json
from collections.abc import Iterator, Sequence

import pytest
from azure.data.tables import TableServiceClient

from tests.end_to_end.deployed import Deployed
from tests.eventually import eventually
from tests.sender import CONTENT, Sender

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]


@pytest.fixture
def deduplicating(app: Deployed, graph: Sender) -> Iterator[Deployed]:
    app.restart(DEDUPLICATE_FOR="")
    assert eventually(lambda: app.takes(graph.rich_body()))
    app.reset()
    yield app
    app.restart(DEDUPLICATE_FOR="0")
    assert eventually(lambda: app.takes(graph.rich_body()))


def _version(graph: Sender, number: int, change_type: str = "updated") -> bytes:
    plaintext = json.dumps({**CONTENT, "etag": f"once-{number}"}).encode()
    return graph.rich_body(graph.rich_item(changeType=change_type, encryptedContent=graph.encrypted(plaintext)))


def test_each_change_is_published_once_by_all_processes(deduplicating: Deployed, graph: Sender) -> None:
    """Peers' hole 14: de-duplication by message id alone, so that edits and deletions are lost."""
    app, posts = deduplicating, [_version(graph, 1), _version(graph, 2), _version(graph, 2, "deleted")]
    for post in posts * 3:
        assert app.post(post).status_code == 202
    events = [json.loads(event) for event in app.events()]
    versions = {(event["data"]["changeType"], event["data"]["content"]["etag"]) for event in events}
    assert versions == {("updated", "once-1"), ("updated", "once-2"), ("deleted", "once-2")}
    ids = {event["id"] for event in events}
    assert len(ids) == len(events) == 3
    # Events are recorded after they were published: a process that is killed before cannot look them up.
    assert eventually(lambda: ids <= _recorded_ids(app))
    # A process that is busy with its start cannot look them up in time, so it may need another one.
    assert eventually(lambda: _published_after_restart(app, posts, warm_up=graph.rich_body()) == 0, seconds=60)


def _published_after_restart(app: Deployed, posts: Sequence[bytes], *, warm_up: bytes) -> int:
    """Return how many events a new process makes of POSTs that another one has published."""
    app.restart()
    assert eventually(lambda: app.takes(warm_up))
    app.reset()
    assert [app.post(post).status_code for post in posts] == [202] * len(posts)
    return app.count()


def _recorded_ids(app: Deployed) -> set[str]:
    with TableServiceClient.from_connection_string(app.world.azurite.connection_string) as tables:
        days = [table.name for table in tables.list_tables() if table.name.startswith("published")]
        rows = (row for day in days for row in tables.get_table_client(day).list_entities())
        return {row["entry"] for row in rows if "entry" in row}
