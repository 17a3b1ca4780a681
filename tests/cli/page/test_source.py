"""What the live page shows of an app in Azure, from its storage account."""

import base64
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from azure.storage.queue import QueueClient, QueueServiceClient

from cli.page.source import health_of
from dashboard.snapshot import Light
from tests.cli.operator import Operator
from tests.cli.page.looking import look, source
from tests.cli.test_glance import ANSWERED, OWNER, WELL
from tests.cli.test_glance import parked as parked_for

pytestmark = pytest.mark.slow

SECRET = "what people wrote"
EVENT: dict[str, Any] = {
    "type": "Microsoft.Graph.ChatMessageCreated",
    "subject": "chats/19:a@thread.v2/messages/1",
    "time": "2026-11-21T12:00:00Z",
    "data": {"content": {"body": {"content": SECRET}}},
}


@pytest.fixture
def queue(operator: Operator, queues: QueueServiceClient) -> QueueClient:
    """The app's queue, empty."""
    name = f"page-{operator.world.tenant_id}"
    operator.world.app.environ["EVENT_SINK"] = f"queue:{name}"
    return queues.create_queue(name)


def _put(queue: QueueClient, content: bytes) -> None:
    queue.send_message(base64.b64encode(content).decode())


def test_event_is_shown_without_its_content_and_stays(operator: Operator, queue: QueueClient) -> None:
    _put(queue, json.dumps(EVENT).encode())
    looked_at = source(operator)
    shown = look(looked_at)
    (row,) = shown.stream
    assert (row.kind, row.change, row.arrival) == ("ChatMessage", "created", "in the queue")
    assert row.what == EVENT["subject"]
    assert SECRET.encode() not in msgspec.json.encode(shown)
    message = queue.receive_message()
    assert message is not None
    queue.delete_message(message)
    assert [each.arrival for each in look(looked_at).stream] == ["taken by a consumer"]


@pytest.mark.parametrize(
    "content",
    [b"\xff", b"[]", b"{}", b'{"time": 7}', b'{"time": "2026-11-21T12:00:00Z", "type": [], "subject": "\\ud800"}'],
)
def test_odd_message_in_the_queue_breaks_nothing(operator: Operator, queue: QueueClient, content: bytes) -> None:
    _put(queue, content)
    shown = look(source(operator))
    assert shown.waiting is not None
    assert shown.waiting.queued == 1
    assert msgspec.json.encode(shown)


def test_account_that_does_not_answer_is_red_and_says_what_is_wrong(operator: Operator) -> None:
    nobody = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
    nobody += ";".join(f"{kind}Endpoint=http://127.0.0.1:9/a" for kind in ("Blob", "Queue", "Table"))
    shown = look(source(operator, AzureWebJobsStorage=nobody))
    assert (shown.health.light, shown.health.sentence) == (Light.RED, "The storage account cannot be read")
    assert "does not answer" in shown.health.remedy


def test_refusal_of_the_app_is_the_remedy() -> None:
    refused = "Key Vault refuses the app's identity (403): grant it the role Key Vault Secrets User"
    owner = replace(OWNER, answers=replace(ANSWERED, by_system={"tables": "ok", "Key Vault": refused}))
    found = health_of(replace(WELL, owner=owner))
    assert (found.light, found.remedy) == (Light.RED, refused)
    watched = health_of(replace(WELL, parked=[parked_for(20)]))
    assert (watched.light, watched.remedy) == (Light.AMBER, "What to do about it: python -m cli doctor")
