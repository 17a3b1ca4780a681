"""``python -m cli events tail``: events are shown, and stay where they are, whatever lies in the queue."""

import base64
import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient

from cli.commands.events import summary_line
from cli.queue_peek import Queue
from sandbox.azurite import Azurite
from shared.events.cloud_events import CloudEvent, Provenance
from shared.events.queue_sink import MAX_MESSAGE_BYTES, QueueSink
from shared.timing import Deadline
from tests.cli.child_processes import end, start, write_settings
from tests.cli.operator import Operator

pytestmark = pytest.mark.slow

HOSTILE = (
    "",
    "not Base64",
    base64.b64encode(b"\xff").decode(),
    base64.b64encode(b"[]").decode(),
    base64.b64encode(b"[" * 10_000).decode(),
    base64.b64encode(b'{"type": 1, "data": []}').decode(),
    base64.b64encode(b'{"type": "x", "data": {"content": "\\u001b[2J"}, "subject": "\\u001b[2J"}').decode(),
)


@pytest.fixture
def queue(operator: Operator, azurite: Azurite) -> Iterator[QueueClient]:
    """Give the queue of the operator's app, its own and empty."""
    name = f"queue-{uuid4().hex}"
    operator.world.app.environ["EVENT_SINK"] = f"queue:{name}"
    with QueueClient.from_connection_string(azurite.connection_string, name) as queue:
        queue.create_queue()
        yield queue


def _event(number: int, **data: Any) -> CloudEvent:
    content = {"changeType": "created", "content": {"body": {"content": f"Lunch {number}?"}}} | data
    return CloudEvent(
        id=f"id-{number}",
        type="Microsoft.Graph.ChatMessageCreated",
        source="/tenants/t/applications/a",
        subject=f"chats/19:a@thread.v2/messages/{number}",
        time=datetime(2026, 11, 21, 12, tzinfo=UTC),
        data=json.dumps(content).encode(),
        provenance=Provenance(tenant_id="t", dedup_key="1"),
    )


def _publish(azurite: Azurite, queue: QueueClient, *events: CloudEvent) -> None:
    with (
        QueueServiceClient.from_connection_string(azurite.connection_string) as queues,
        BlobServiceClient.from_connection_string(azurite.connection_string) as blobs,
    ):
        sink = QueueSink(queues, blobs, queue.queue_name)
        sink.publish(events, Deadline.after(timedelta(seconds=30)))


def _count(queue: QueueClient) -> int:
    return queue.get_queue_properties().approximate_message_count or 0


def test_events_are_shown_without_what_people_wrote_and_stay(
    operator: Operator, azurite: Azurite, queue: QueueClient
) -> None:
    _publish(azurite, queue, _event(1))
    ran = operator.run("events", "tail", "--once")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.split() == ["2026-11-21T12:00:00.000Z", "ChatMessageCreated", "chats/19:a@thread.v2/messages/1"]
    assert operator.run("events", "tail", "--once").stdout == ran.stdout
    [message] = queue.peek_messages(max_messages=2)
    assert message.dequeue_count == 0


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_what_people_wrote_is_shown_on_request_only(
    operator: Operator, azurite: Azurite, queue: QueueClient, arguments: tuple[str, ...]
) -> None:
    large = _event(2, padding="x" * MAX_MESSAGE_BYTES)
    _publish(azurite, queue, _event(1), large)
    without = operator.run("events", "tail", "--once", *arguments).stdout
    assert "Lunch" not in without
    shown = operator.run("events", "tail", "--once", "--content", *arguments).stdout
    assert "Lunch 1?" in shown
    assert "Lunch 2?" in shown


def test_scripts_get_an_event_a_line(operator: Operator, azurite: Azurite, queue: QueueClient) -> None:
    event = _event(1)
    _publish(azurite, queue, event)
    [shown] = operator.run("events", "tail", "--once", "--content", "--json").stdout.splitlines()
    assert json.loads(shown) == json.loads(event.to_json())


def test_whatever_lies_in_the_queue_is_shown_harmlessly(operator: Operator, queue: QueueClient) -> None:
    for text in HOSTILE:
        queue.send_message(text)
    for arguments in ([], ["--json"], ["--content"], ["--content", "--json"]):
        ran = operator.run("events", "tail", "--once", *arguments)
        assert ran.exit_code == 0
        assert "\x1b" not in ran.stdout
    assert _count(queue) == len(HOSTILE)


def test_only_the_head_of_a_long_queue_is_shown_and_that_is_told(operator: Operator, queue: QueueClient) -> None:
    for number in range(33):
        queue.send_message(base64.b64encode(json.dumps({"type": "x", "subject": number}).encode()).decode())
    ran = operator.run("events", "tail", "--once")
    assert len(ran.stdout.splitlines()) == 32
    assert "About 33 messages are waiting: only the first 32 can be shown." in ran.stderr


def test_a_queue_that_is_not_there_yet_is_empty(operator: Operator) -> None:
    operator.world.app.environ["EVENT_SINK"] = f"queue:none-{uuid4().hex}"
    ran = operator.run("events", "tail", "--once")
    assert (ran.exit_code, ran.output) == (0, "")


def test_an_outage_is_a_sentence_and_status_4(operator: Operator) -> None:
    settings = operator.world.app.environ["AzureWebJobsStorage"]
    nowhere = settings.replace("QueueEndpoint=http://127.0.0.1", "QueueEndpoint=http://127.0.0.1:9/nowhere#")
    operator.world.app.environ["AzureWebJobsStorage"] = nowhere
    ran = operator.run("events", "tail", "--once")
    assert (ran.exit_code, ran.stdout) == (4, "")
    assert ran.stderr.startswith("storage does not answer as it should")


@pytest.mark.parametrize(
    "dataref",
    [
        "https://elsewhere.example/event-data/x",
        "{home}-other/x",
        "{home}",
        "{home}/none",
        "{home}/../secrets/x",
        "{home}/./x",
        "{home}/",
        "",
    ],
)
def test_only_the_apps_own_blobs_are_asked_for(azurite: Azurite, dataref: str) -> None:
    with (
        QueueServiceClient.from_connection_string(azurite.connection_string) as queues,
        BlobServiceClient.from_connection_string(azurite.connection_string) as blobs,
    ):
        queue = Queue(queues, blobs, "teams-events")
        home = blobs.get_container_client("event-data").url
        assert queue.data(dataref.format(home=home)) is None


def test_a_blob_that_lies_beside_the_data_is_not_read(azurite: Azurite) -> None:
    with (
        QueueServiceClient.from_connection_string(azurite.connection_string) as queues,
        BlobServiceClient.from_connection_string(azurite.connection_string) as blobs,
    ):
        other = blobs.create_container(f"event-data-{uuid4().hex}")
        other.upload_blob("x", b'{"a": 1}')
        assert Queue(queues, blobs, "teams-events").data(f"{other.url}/x") is None


def test_a_line_tells_where_the_data_lie() -> None:
    event = json.loads(_event(1).to_json(dataref="https://a.example/b"))
    assert summary_line(event).endswith("messages/1 (data in a blob)")


def test_events_come_as_they_are_published_and_ctrl_c_ends_it(
    operator: Operator, azurite: Azurite, queue: QueueClient
) -> None:
    settings = write_settings(operator.folder / "mine.json", operator.world.app.environ)
    command = start("--settings", str(settings), "events", "tail", "--json", folder=operator.folder)
    assert command.stdout is not None
    for number in (1, 2):
        _publish(azurite, queue, _event(number))
        assert json.loads(command.stdout.readline())["id"] == f"id-{number}"
    command.send_signal(signal.SIGINT)
    ended = end(command)
    assert (ended.status, ended.output, ended.errors) == (0, "", "")
