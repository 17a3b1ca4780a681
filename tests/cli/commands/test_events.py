"""``python -m cli events tail``: whatever the queue contains, it is shown and stays there."""

import base64
import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient

from cli.event_lines import summary_line
from shared.events.claim_check import MAX_MESSAGE_BYTES
from shared.events.cloud_events import CloudEvent, Provenance
from shared.events.queue_sink import QueueSink
from shared.timing import Deadline
from tests.cli.child_processes import end, start, write_settings
from tests.cli.operator import Operator

pytestmark = pytest.mark.slow

type Publish = Callable[..., None]


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


HOSTILE = (
    "",
    "not Base64",
    *map(_encoded, (b"\xff", b"[]", b"[" * 10_000, b'{"type": 1, "data": []}')),
    _encoded(b'{"type": "x", "data": {"content": "\\u001b[2J"}, "subject": "\\u001b[2J"}'),
)


@pytest.fixture
def queue(operator: Operator, queues: QueueServiceClient) -> QueueClient:
    """Return the app's queue, which is empty and used by one test."""
    name = f"queue-{uuid4().hex}"
    operator.world.app.environ["EVENT_SINK"] = f"queue:{name}"
    return queues.create_queue(name)


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


@pytest.fixture
def publish(queues: QueueServiceClient, blobs: BlobServiceClient, queue: QueueClient) -> Publish:
    """Return a function that publishes events to the queue."""
    sink = QueueSink(queues, blobs, queue.queue_name)
    return lambda *events: sink.publish(events, Deadline.after(timedelta(seconds=30)))


def test_events_are_shown_without_content_and_stay(operator: Operator, queue: QueueClient, publish: Publish) -> None:
    publish(_event(1))
    ran = operator.run("events", "tail", "--once")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.split() == ["2026-11-21T12:00:00.000Z", "ChatMessageCreated", "chats/19:a@thread.v2/messages/1"]
    assert operator.run("events", "tail", "--once").stdout == ran.stdout
    [message] = queue.peek_messages(max_messages=2)
    assert message.dequeue_count == 0


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_content_is_shown_only_with_the_option(
    operator: Operator, publish: Publish, arguments: tuple[str, ...]
) -> None:
    publish(_event(1), _event(2, padding="x" * MAX_MESSAGE_BYTES))
    without = operator.run("events", "tail", "--once", *arguments).stdout
    assert "Lunch" not in without
    shown = operator.run("events", "tail", "--once", "--content", *arguments).stdout
    assert "Lunch 1?" in shown
    assert "Lunch 2?" in shown


def test_json_output_has_one_event_per_line(operator: Operator, publish: Publish) -> None:
    event = _event(1)
    publish(event)
    [shown] = operator.run("events", "tail", "--once", "--content", "--json").stdout.splitlines()
    assert json.loads(shown) == json.loads(event.to_json())


def test_hostile_messages_cannot_control_the_terminal(operator: Operator, queue: QueueClient) -> None:
    for text in HOSTILE:
        queue.send_message(text)
    for arguments in ([], ["--json"], ["--content"], ["--content", "--json"]):
        ran = operator.run("events", "tail", "--once", *arguments)
        assert ran.exit_code == 0
        assert "\x1b" not in ran.stdout
    assert queue.get_queue_properties().approximate_message_count == len(HOSTILE)


def test_long_queue_is_shown_to_message_32_with_a_warning(operator: Operator, queue: QueueClient) -> None:
    for number in range(33):
        queue.send_message(_encoded(json.dumps({"type": "x", "subject": number}).encode()))
    ran = operator.run("events", "tail", "--once")
    assert len(ran.stdout.splitlines()) == 32
    assert "About 33 messages are waiting: only the first 32 can be shown." in ran.stderr


def test_missing_queue_is_empty(operator: Operator) -> None:
    operator.world.app.environ["EVENT_SINK"] = f"queue:none-{uuid4().hex}"
    ran = operator.run("events", "tail", "--once")
    assert (ran.exit_code, ran.output) == (0, "The queue is empty.\n")


def test_summary_line_says_that_the_data_are_in_a_blob() -> None:
    event = json.loads(_event(1).to_json(dataref="https://a.example/b"))
    assert summary_line(event).endswith("messages/1 (data in a blob)")


def test_new_events_appear_once_until_ctrl_c(operator: Operator, publish: Publish) -> None:
    settings = write_settings(operator.folder / "mine.json", operator.world.app.environ)
    command = start("--settings", str(settings), "events", "tail", "--json", folder=operator.folder)
    assert command.stdout is not None
    for number in (1, 2):
        publish(_event(number))
        assert json.loads(command.stdout.readline())["id"] == f"id-{number}"
    command.send_signal(signal.SIGINT)
    ended = end(command)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
