"""What a newcomer stumbles over ends with one sentence that says what to do."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.__main__ import app
from sandbox.host.process import PortInUse
from sandbox.run.user_host import UserHost
from sandbox.run.world import World

REPOSITORY = Path(__file__).parents[1]

# Programs by name, with what each writes; ``.venv/bin/python`` is one that was installed before.
FOUND = {".venv/bin/python": "3.13", "bin/python3.13": "3.13", "bin/npm": "", "bin/node": "true"}
MAKE: dict[str, tuple[str, Mapping[str, str | None], str]] = {
    "no Python": (
        "run",
        {".venv/bin/python": None, "bin/python3.13": None},
        "Python 3.13 is missing: install it or name it (make PYTHON=/path/to/python3.13).",
    ),
    "another Python": (
        "run",
        {".venv/bin/python": None, "bin/python3.13": "3.12"},
        "python3.13 is not Python 3.13: name one that is (make PYTHON=/path/to/python3.13).",
    ),
    "a .venv of an older Python": (
        "run",
        {".venv/bin/python": "3.12"},
        "The .venv of this clone is not of Python 3.13: remove it with 'make clean' and try again.",
    ),
    "a .venv whose Python is gone": (
        "test",
        {".venv/bin/python": None, ".venv/installed": ""},
        "The .venv of this clone is not of Python 3.13: remove it with 'make clean' and try again.",
    ),
    "no npm": ("run", {"bin/npm": None}, "npm is missing: install Node.js 20 or later with npm."),
    "no Node.js": ("run", {"bin/node": None}, "Node.js is missing or older than 20: install a later one."),
    "an old Node.js": ("run", {"bin/node": "false"}, "Node.js is missing or older than 20: install a later one."),
}


@pytest.mark.parametrize("name", MAKE)
def test_make_says_in_one_sentence_what_is_missing(tmp_path: Path, name: str) -> None:
    target, changes, sentence = MAKE[name]
    _clone(tmp_path, {**FOUND, **changes})
    made = _make(tmp_path, target)
    said, *rest = made.stderr.splitlines()
    assert (made.returncode, said) == (2, sentence)
    # Make itself adds which recipes it has given up.
    assert all(line.startswith("make: ") for line in rest), rest
    assert not re.search("-m (sandbox|pytest)", made.stdout)


def test_commands_need_no_npm(tmp_path: Path) -> None:
    _clone(tmp_path, {**FOUND, "bin/npm": None, "bin/node": None})
    made = _make(tmp_path, "cli", "ARGS=status --watch")
    assert (made.returncode, made.stdout.splitlines()[-1]) == (0, "3.13 -m cli status --watch")


def _clone(folder: Path, programs: Mapping[str, str | None]) -> None:
    """Make a clone in which every package of Python was installed, and only these programs are found."""
    for name in (
        "Makefile",
        "requirements-dev.txt",
        "sandbox/package-lock.json",
        "examples/typescript/package-lock.json",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    for name, says in programs.items():
        if says is not None:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'#!/bin/sh\n[ "$1" = -c ] || [ "$1" = -p ] && echo "{says}" || echo "{says}" "$@"\n')
            file.chmod(0o755)
    if programs.get(".venv/bin/python"):
        (folder / ".venv" / "installed").touch()


def _make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    assert make is not None
    return _run([make, *arguments], folder, path=folder / "bin")


def _run(command: list[str], folder: Path, *, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that finds no programs but those in ``path``."""
    environment = {"PATH": str(path)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  fixed words


NOT_RUNNING = "No sandbox is running: start one with `make run`.\n"
NOT_SERVING = "No sandbox is serving: start one with `make run`, and wait for the end of the scene.\n"
NO_URL = "localhost:8080 is no URL: it takes one like http://localhost:8080/.\n"
COMMANDS: dict[str, tuple[int, str]] = {
    "send hello": (2, NOT_RUNNING),
    "do write hello": (2, NOT_RUNNING),
    "break vault": (2, NOT_RUNNING),
    "mend vault": (2, NOT_RUNNING),
    "renew": (2, NOT_RUNNING),
    "look": (2, NOT_RUNNING),
    "look --json": (2, NOT_RUNNING),
    "trigger": (2, NOT_RUNNING),
    "trigger ChatCreated --count 2": (2, NOT_RUNNING),
    "listen --forward-to http://localhost:8080/": (2, NOT_RUNNING),
    "listen --forward-to localhost:8080": (1, NO_URL),
    "storage": (2, NOT_SERVING),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_command_without_a_sandbox_says_how_to_start_one(tmp_path: Path, command: str) -> None:
    ran = CliRunner().invoke(app, [*command.split(), "--state", str(tmp_path / "running.json")])
    assert ((ran.exit_code, ran.stderr), ran.stdout) == (COMMANDS[command], "")


@pytest.mark.slow
def test_sandbox_without_node_says_what_to_install(tmp_path: Path) -> None:

    command = [sys.executable, "-m", "sandbox", "--once", "--state", str(tmp_path / "running.json")]
    ran = _run(command, REPOSITORY, path=tmp_path)
    sentence = "Node.js is not on the PATH: install it (20 or later), then run `make run` or `make test`.\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", sentence)


@pytest.mark.slow
def test_port_of_another_program_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        host = UserHost(World(tmp_path / "world"), tmp_path, f"https://127.0.0.1:{port}")
        with pytest.raises(PortInUse) as problem:
            host.prepare()
    assert str(problem.value) == f"Port {port} is in use by another program: end that, and start again."
    assert list(tmp_path.glob("*.json")) == []
