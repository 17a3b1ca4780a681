"""``python -m cli events poison``, and what ``events tail`` says where a consumer works on the queue."""

import base64
import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from azure.storage.queue import QueueClient, QueueServiceClient

from cli.poison_queue import move_back
from tests.cli.child_processes import end, start, write_settings
from tests.cli.operator import Operator

pytestmark = pytest.mark.slow


def _message(number: int, type_name: str = "TeamUpdated") -> str:
    event = {
        "id": str(number),
        "type": f"Microsoft.Graph.{type_name}",
        "subject": f"teams/{number}",
        "time": "2026-11-21T12:00:00.000Z",
        "data": {"content": {"displayName": "secret"}},
    }
    return base64.b64encode(json.dumps(event).encode()).decode()


@pytest.fixture
def queue(operator: Operator, queues: QueueServiceClient) -> QueueClient:
    """Return the app's queue, which is empty and used by one test."""
    name = f"queue-{uuid4().hex}"
    operator.world.app.environ["EVENT_SINK"] = f"queue:{name}"
    return queues.create_queue(name)


@pytest.fixture
def poison(queue: QueueClient, queues: QueueServiceClient) -> Iterator[QueueClient]:
    """Return its poison queue, with two messages."""
    client = queues.create_queue(f"{queue.queue_name}-poison")
    for number in (1, 2):
        client.send_message(_message(number))
    yield client
    queues.delete_queue(client.queue_name)


def _count(queue: QueueClient) -> int:
    return queue.get_queue_properties().approximate_message_count or 0


@pytest.mark.usefixtures("poison")
def test_list_shows_what_consumers_failed_to_handle_without_content(operator: Operator) -> None:
    ran = operator.run("events", "poison", "list")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert [line.split()[1:] for line in ran.stdout.splitlines()] == [
        ["TeamUpdated", "teams/1"],
        ["TeamUpdated", "teams/2"],
    ]
    assert "secret" not in operator.run("events", "poison", "list", "--json").stdout
    shown = operator.run("events", "poison", "list", "--json", "--content").stdout
    assert [json.loads(line)["data"]["content"]["displayName"] for line in shown.splitlines()] == ["secret", "secret"]


def test_retry_moves_every_message_back_as_it_was(operator: Operator, queue: QueueClient, poison: QueueClient) -> None:
    ran = operator.run("events", "poison", "retry", "--yes")
    assert (ran.exit_code, ran.stdout) == (0, f"2 messages were moved to {queue.queue_name}.\n")
    assert _count(poison) == 0
    assert {message.content for message in queue.peek_messages(max_messages=32)} == {_message(1), _message(2)}
    for command in (("retry",), ("list",)):
        assert operator.run("events", "poison", *command).stdout == "The poison queue is empty.\n"


def test_moved_messages_never_expire(operator: Operator, queue: QueueClient, poison: QueueClient) -> None:
    operator.run("events", "poison", "retry", "--yes")
    assert _count(poison) == 0
    expirations = [message.expires_on for message in queue.peek_messages(max_messages=32)]
    assert [each.year for each in expirations if each is not None] == [9999, 9999]


def test_retry_ends_where_the_consumer_fails_again_at_once(
    queues: QueueServiceClient, queue: QueueClient, poison: QueueClient
) -> None:
    assert move_back(queues, queue.queue_name, 1) == 1
    assert (_count(queue), _count(poison)) == (1, 1)


def test_retry_asks_first(operator: Operator, poison: QueueClient) -> None:
    ran = operator.run("events", "poison", "retry")
    assert ran.exit_code == 1
    assert "Move about 2 messages" in ran.output
    assert _count(poison) == 2


def test_retry_without_a_queue_to_move_to_keeps_the_messages(
    operator: Operator, queue: QueueClient, queues: QueueServiceClient, poison: QueueClient
) -> None:
    queues.delete_queue(queue.queue_name)
    ran = operator.run("events", "poison", "retry", "--yes")
    assert ran.exit_code == 3
    assert f"there is no queue {queue.queue_name} to move them to" in ran.stderr
    assert _count(poison) == 2


@pytest.mark.usefixtures("queue")
def test_missing_poison_queue_is_an_empty_one(operator: Operator) -> None:
    for command in (("retry", "--yes"), ("list",)):
        ran = operator.run("events", "poison", *command)
        assert (ran.exit_code, ran.output) == (0, "The poison queue is empty.\n")


def test_tail_shows_the_events_of_a_type_and_time(operator: Operator, queue: QueueClient) -> None:
    queue.send_message(_message(1))
    queue.send_message(_message(2, "ChatCreated"))
    tail, none = ("events", "tail", "--once"), "No such event is in the queue.\n"
    assert "teams/1" not in operator.run(*tail, "--type", "ChatCreated").stdout
    assert "teams/2" in operator.run(*tail, "--type", "ChatCreated").stdout
    assert operator.run(*tail, "--since", "2026-11-21T12:00:01Z").output == none
    assert operator.run(*tail, "--tenant", operator.world.tenant_ids[0]).output == none
    assert operator.run(*tail, "--since", "soon").exit_code == 2


def test_tail_says_that_a_consumer_takes_the_messages(operator: Operator, queue: QueueClient) -> None:
    queue.send_message(_message(1))
    settings = write_settings(operator.folder / "mine.json", operator.world.app.environ)
    command = start("--settings", str(settings), "events", "tail", folder=operator.folder)
    assert command.stdout is not None
    assert command.stderr is not None
    assert "teams/1" in command.stdout.readline()
    message = queue.receive_message()
    assert message is not None
    queue.delete_message(message)
    assert command.stderr.readline().startswith("A consumer takes the messages")
    command.terminate()
    assert end(command).stdout == ""
