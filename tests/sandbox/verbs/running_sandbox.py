"""A sandbox as `make run` starts it, and what a second terminal sees of it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import BinaryBase64DecodePolicy, QueueClient
from typer.testing import CliRunner, Result

from sandbox.__main__ import app as commands
from sandbox.run.send_endpoint import Address
from tests.eventually import eventually

REPOSITORY = Path(__file__).parents[3]
SANDBOX = [sys.executable, "-m", "sandbox"]
ENVIRONMENT = os.environ | {"COLUMNS": "160", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, kw_only=True)
class RunningSandbox:
    """One that serves; its queue is emptied by ``events``."""

    process: subprocess.Popen[bytes]
    state: Path
    output: Path
    address: Address
    link: str = field(repr=False)
    """Of its live page."""
    queue: QueueClient = field(repr=False)

    def do(self, verb: str, text: str = "", **where: str) -> None:
        self.say("do", verb=verb, text=text, **{"as": "Alex", "in": "Stand-up"} | where)

    def say(self, name: str, text: str = "", **arguments: str) -> Any:
        return self.address.ask(name, {"text": text} | arguments)

    def look(self) -> Any:
        return self.say("look")

    def stored(self, what: str) -> Any:
        return self.look()["storage"][what]

    def settle(self) -> None:
        """Return when no change is on its way, and forget the events so far."""
        assert eventually(lambda: self.look()["graph"]["waiting"] == 0, seconds=60)
        with suppress(ResourceNotFoundError):
            self.queue.clear_messages()

    def published(self, event_type: str, *, seconds: float = 60) -> Mapping[str, Any]:
        """Return the first event of a type, and take all that came before it."""
        found: list[Mapping[str, Any]] = []

        def comes() -> bool:
            with suppress(ResourceNotFoundError):
                return takes()
            return False

        def takes() -> bool:
            for message in self.queue.receive_messages():
                self.queue.delete_message(message)
                event = json.loads(message.content)
                if event["type"] == f"Microsoft.Graph.{event_type}":
                    found.append(event)
                    return True
            return False

        assert eventually(comes, seconds=seconds), event_type
        return found[0]

    def ends_by(self, number: signal.Signals) -> str:
        """Send it a signal, see it end at once, cleanly and with nothing left behind, and return what it has said."""
        self.process.send_signal(number)
        assert self.process.wait(timeout=60) == 0, self.output.read_text()
        said = self.output.read_text()
        assert "Traceback" not in said
        assert not self.state.exists()
        return said


def started(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start one that writes into a file: nobody reads a pipe all the time, and a full one would stop it."""
    with _output(folder).open("wb") as output:
        return subprocess.Popen(
            [*SANDBOX, "--state", str(_state(folder)), *options],
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def read_to(folder: Path, text: str) -> str:
    """Return what the one that was started in a folder has written, once ``text`` is in it."""
    assert eventually(lambda: text in _output(folder).read_text(), seconds=200), _output(folder).read_text()
    return _output(folder).read_text()


def ask(state: Path, *command: str) -> Result:
    """Run a command of a second terminal, in this process."""
    return CliRunner().invoke(commands, [*command, "--state", str(state)])


@contextmanager
def serving(folder: Path) -> Iterator[RunningSandbox]:
    """Run one that plays no scene, until the context ends."""
    with started(folder, "--no-scene") as process:
        try:
            link = re.findall(r"Look: (\S+)", read_to(folder, "Ctrl-C ends the sandbox."))[0]
            address = Address.read(_state(folder))
            where = address.ask("queue", {})
            with QueueClient.from_connection_string(
                where["connection_string"], where["queue"], message_decode_policy=BinaryBase64DecodePolicy()
            ) as queue:
                yield RunningSandbox(
                    process=process,
                    state=_state(folder),
                    output=_output(folder),
                    address=address,
                    link=link,
                    queue=queue,
                )
        finally:
            process.kill()


def _state(folder: Path) -> Path:
    return folder / "running.json"


def _output(folder: Path) -> Path:
    return folder / "output.txt"
