"""The consumers in examples/ do what they say on the events that the app publishes of the sandbox's scene."""

import asyncio
import base64
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient, QueueServiceClient

from sandbox.azurite import Azurite
from sandbox.run.event_samples import all_events
from sandbox.run.queue_consumer import Event
from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("examples")]

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
ARCHIVE = EXAMPLES / "archive" / "archive.py"
FUNCTION = EXAMPLES / "functions" / "function_app.py"
TYPESCRIPT = EXAMPLES / "typescript"
POISON = f"{QUEUE_NAME}-poison"
_DELIVERIES = 5

needs_npm_packages = pytest.mark.skipif(
    shutil.which("node") is None or not (TYPESCRIPT / "node_modules" / "typescript").exists(),
    reason="Node.js or examples/typescript/node_modules is missing: `make test` installs the latter",
)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, borrowed: Azurite) -> list[Event]:
    """Play the scene; the blobs with large data stay in the account."""
    world = World(tmp_path_factory.mktemp("world"))
    world.azurite = borrowed
    return asyncio.run(all_events(world))


@pytest.fixture
def messages(events: list[Event]) -> list[bytes]:
    return [json.dumps(e.attributes | ({} if e.from_blob else {"data": e.data})).encode() for e in events]


@pytest.fixture
def queues(borrowed: Azurite) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(borrowed.connection_string) as client:
        yield client


@pytest.fixture
def queue(messages: list[bytes], queues: QueueServiceClient) -> QueueClient:
    """Return the app's queue with all events of the scene, the newest first, and one of them twice."""
    for name in (QUEUE_NAME, POISON):
        try:
            queues.create_queue(name)
        except ResourceExistsError:
            queues.get_queue_client(name).clear_messages()
    client = queues.get_queue_client(QUEUE_NAME)
    for message in [*reversed(messages), messages[0]]:
        client.send_message(base64.b64encode(message).decode(), time_to_live=-1)
    return client


def _fail(queue: QueueClient) -> None:
    """Take the message, and give it back at once."""
    message = queue.receive_message()
    assert message is not None
    queue.update_message(message, visibility_timeout=0)


def _ids(events: list[Event]) -> set[str]:
    return {event.attributes["id"] for event in events}


def _waiting(queue: QueueClient) -> int:
    return queue.get_queue_properties().approximate_message_count or 0


def _environment(account: Azurite) -> dict[str, str]:
    return os.environ | {"EVENTS_STORAGE": account.connection_string, "PYTHONPATH": str(REPOSITORY)}


def _latest(events: list[Event]) -> dict[str, str]:
    """Return the text of each message as its last change has it."""
    changed = [e for e in events if "ChatMessage" in e.attributes["type"] and "content" in e.data]
    changed.sort(key=lambda event: str(event.data["content"]["lastModifiedDateTime"]))
    return {event.attributes["subject"]: event.data["content"]["body"]["content"] for event in changed}


def _run_archive(account: Azurite, database: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ARCHIVE), str(database), "--once"]
    return subprocess.run(command, env=_environment(account), check=True, capture_output=True, text=True)  # noqa: S603  fixed words


def test_archive_has_every_event_and_the_latest_state_of_each_message(
    events: list[Event], queue: QueueClient, borrowed: Azurite, tmp_path: Path
) -> None:
    assert _run_archive(borrowed, tmp_path / "archive.db").stderr == ""
    assert _waiting(queue) == 0
    with closing(sqlite3.connect(tmp_path / "archive.db")) as database:
        rows = dict(database.execute("SELECT id, data FROM events"))
        contents = dict(database.execute("SELECT subject, content FROM messages"))
    assert {id_: json.loads(data) for id_, data in rows.items()} == {
        event.attributes["id"]: event.data for event in events
    }
    texts = {subject: json.loads(content)["body"]["content"] for subject, content in contents.items()}
    assert texts == _latest(events)


def test_archive_moves_what_always_fails_to_poison_after_five(
    queue: QueueClient, queues: QueueServiceClient, tmp_path: Path
) -> None:
    queue.clear_messages()
    queue.send_message("not an event")
    archive = _module(ARCHIVE)
    with closing(sqlite3.connect(tmp_path / "archive.db")) as database:
        database.executescript(archive.SCHEMA)
        for _ in range(_DELIVERIES - 1):
            _fail(queue)
        assert archive.archive(database, queues, _unread) == 1
    assert _waiting(queue) == 0
    (poison,) = queues.get_queue_client(POISON).receive_messages()
    assert poison.content == "not an event"


def test_archive_without_its_setting_says_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, str(ARCHIVE), str(tmp_path / "archive.db")]
    environment = {"PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)  # noqa: S603  fixed words
    assert ended.returncode == 2
    assert "EVENTS_STORAGE is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


def _run_block(number: int, before: str, account: Azurite) -> str:
    """Return what a block of Python in docs/consuming.md prints after ``before``."""
    page = (REPOSITORY / "docs" / "consuming.md").read_text(encoding="utf-8")
    program = before + re.findall(r"```python\n(.*?)```", page, re.DOTALL)[number]
    command = [sys.executable, "-c", program]
    done = subprocess.run(  # noqa: S603  fixed words
        command, cwd=REPOSITORY, env=_environment(account), check=True, capture_output=True, text=True
    )
    return done.stdout


def test_ten_lines_of_the_docs_read_the_queue_empty(queue: QueueClient, borrowed: Azurite) -> None:
    printed = _run_block(0, "", borrowed)
    assert "Lunch at noon?" in printed
    assert "All that was said in the meeting" in printed
    assert _waiting(queue) == 0


def test_replay_of_the_docs_reaches_a_handler(borrowed: Azurite) -> None:
    handler = "import teams_events\nmy_handler = lambda message: print(teams_events.parse(message).id)\n"
    ids = _run_block(1, handler, borrowed).split()
    assert ids[::2] == ids[1::2]
    assert len(ids) == 2 * len(list((REPOSITORY / "docs" / "samples").glob("*.json")))


def test_function_is_triggered_by_the_queue_of_the_app() -> None:
    (function,) = _module(FUNCTION).app.get_functions()
    (binding,) = function.get_bindings_dict()["bindings"]
    assert (str(binding["type"]), binding["queueName"], binding["connection"]) == (
        "queueTrigger",
        QUEUE_NAME,
        "EventStorage",
    )


def test_function_handles_every_event_once(
    messages: list[bytes],
    borrowed: Azurite,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("EventStorage", borrowed.connection_string)
    main = _module(FUNCTION).on_teams_event
    with caplog.at_level("INFO", logger="function_app"):
        for message in [*messages, *messages]:
            main(func.QueueMessage(body=message))
    lines = [record.getMessage() for record in caplog.records if record.name == "function_app"]
    assert len(lines) == len({json.loads(message)["id"] for message in messages})
    assert sum(line.startswith("lost: /communications/callRecords from ") for line in lines) == 1
    # A repetition of the scene's long message, which is in a blob.
    assert any(": 78400 characters in chats/" in line for line in lines)
    assert not [line for line in lines if "Lunch" in line]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the consumer into a folder of its own."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    shutil.copy(TYPESCRIPT / "package.json", folder)
    _compile("--project", str(TYPESCRIPT), "--outDir", str(folder / "dist"))
    return folder / "dist" / "consumer.js"


def _compile(*options: str) -> None:
    tsc = str(TYPESCRIPT / "node_modules" / ".bin" / "tsc")
    done = subprocess.run([tsc, *options], check=False, capture_output=True, text=True)  # noqa: S603  fixed words
    assert done.returncode == 0, done.stdout


@needs_npm_packages
def test_typescript_consumer_prints_every_event_and_empties_the_queue(
    program: Path, events: list[Event], queue: QueueClient, borrowed: Azurite
) -> None:
    command = [shutil.which("node") or "", str(program), "--once"]
    done = subprocess.run(command, env=_environment(borrowed), check=True, capture_output=True, text=True)  # noqa: S603  fixed words
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["id"] for line in lines} == _ids(events)
    assert 78_400 in {line.get("characters") for line in lines}
    assert "/communications/callRecords" in {line.get("lost") for line in lines}
    assert _waiting(queue) == 0


@needs_npm_packages
def test_typescript_consumer_moves_what_always_fails_to_poison_after_five(
    program: Path, queue: QueueClient, queues: QueueServiceClient, borrowed: Azurite
) -> None:
    queue.clear_messages()
    queues.delete_queue(POISON)
    queue.send_message("not an event")
    for _ in range(_DELIVERIES - 1):
        _fail(queue)
    command = [shutil.which("node") or "", str(program), "--once"]
    done = subprocess.run(command, env=_environment(borrowed), check=True, capture_output=True, text=True)  # noqa: S603  fixed words
    assert ", delivery 5: SyntaxError" in done.stderr
    assert _waiting(queue) == 0
    (poison,) = queues.get_queue_client(POISON).receive_messages()
    assert poison.content == "not an event"


@needs_npm_packages
def test_typescript_does_not_read_unchecked_what_may_be_in_a_blob(tmp_path: Path) -> None:
    (tmp_path / "unchecked.ts").write_text(
        f'import type {{ ChatMessageCreated }} from "{REPOSITORY / "teams_events" / "events.d.ts"}";\n'
        "export const resource = (event: ChatMessageCreated): string => event.data.resource;\n",
        encoding="utf-8",
    )
    options = ("--strict", "--noEmit", "--module", "nodenext", "--types", "", str(tmp_path / "unchecked.ts"))
    with pytest.raises(AssertionError, match=r"'event\.data' is possibly 'undefined'"):
        _compile(*options)


@needs_npm_packages
def test_schemas_are_clean_in_strict_mode_and_the_samples_fit() -> None:
    command = [shutil.which("node") or "", str(TYPESCRIPT / "schemas.mjs")]
    folders = [str(REPOSITORY / "teams_events" / "schemas"), str(REPOSITORY / "docs" / "samples")]
    done = subprocess.run([*command, *folders], check=False, capture_output=True, text=True)  # noqa: S603  fixed words
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _module(file: Path) -> ModuleType:
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _unread(_: str) -> bytes:
    raise AssertionError("a blob was asked for")
