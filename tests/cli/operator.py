"""An operator beside a running app: runs the commands in this process, with the app's settings in a file."""

import json
import os
import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter
from typer.main import get_command
from typer.testing import CliRunner, Result

from cli.__main__ import app as commands
from tests.cli.child_processes import write_settings
from tests.flows.deployment import LoopbackDeployment

EVERYTHING = "created,deleted,updated"
CHATS: Mapping[str, Any] = {"resource": "/chats/getAllMessages", "changeType": EVERYTHING, "includeResourceData": True}
TEAMS: Mapping[str, Any] = {"resource": "/teams", "changeType": EVERYTHING}


@dataclass(frozen=True, kw_only=True)
class Operator:
    """``world`` is the app and its services; ``ran`` are the results of the commands so far."""

    world: LoopbackDeployment
    folder: Path
    ran: list[Result] = field(default_factory=list)

    def run(self, *arguments: str, answers: str = "") -> Result:
        """Run a command with the app's current settings; ``answers`` is what the operator types."""
        settings = write_settings(self.folder / "local.settings.json", self.world.app.environ)
        result = invoke("--settings", str(settings), *arguments, answers=answers)
        self.ran.append(result)
        return result

    def watch(self, *entries: Mapping[str, Any]) -> Path:
        """Subscribe the app to ``entries``, and return its ``subscriptions.json``."""
        self.world.app.entries = list(entries)
        self.world.run()
        file = self.folder / "subscriptions.json"
        file.write_text(json.dumps({"subscriptions": entries}))
        return file


def invoke(*arguments: str, answers: str = "") -> Result:
    """Run a command in this process, and restore the environment afterwards."""
    runner, before = CliRunner(), dict(os.environ)
    try:
        with runner.isolation(input=answers) as written:
            status, exception = _ended(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            stdout, stderr, output = (stream.getvalue() for stream in written)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return Result(runner, stdout, stderr, output, return_value=None, exit_code=status, exception=exception)


def _ended(arguments: Sequence[str]) -> tuple[int, BaseException | None]:
    """Run a command, and return its exit status and what it raised."""
    try:
        # What ``CliRunner.invoke`` does, but for building all commands anew for each of them.
        _all_commands().main(list(arguments), prog_name="root")
    except SystemExit as ended:
        status = int(ended.code or 0)
        return status, ended if status else None
    except Exception as raised:  # noqa: BLE001  Result has it, as CliRunner does
        return 1, raised
    return 0, None


@cache
def _all_commands() -> Any:
    return get_command(commands)


def matches[T](document: type[T], text: str) -> T:
    """Return the JSON document in ``text``, which has exactly the properties of a TypedDict."""
    value: T = _adapter(cast("Hashable", document)).validate_json(text, strict=True)
    assert json.loads(text) == value
    return value


@cache
def _adapter(document: Any) -> TypeAdapter[Any]:
    return TypeAdapter(document)
