"""The command that a newcomer runs first: it has to work, show the main job, and fail when the books do not agree."""

import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.documented import runnable_blocks

# The scene is played slowly enough to be followed.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("make_run")]

REPOSITORY = Path(__file__).parents[2]
SANDBOX = [sys.executable, "-m", "sandbox"]


@dataclass(frozen=True, kw_only=True)
class Session:
    """The output of the scene, of commands in a second terminal, and of Ctrl-C."""

    scene: str
    message: str
    listed: subprocess.CompletedProcess[str]
    archived: list[str]
    end: str
    status: int
    settings: Path


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("session")
    state, settings = ["--state", str(folder / "running.json")], folder / "local.settings.json"
    # Wide enough that no line of the feed is cut; no colours to search around.
    environment = os.environ | {"COLUMNS": "160", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603  fixed words
        [*SANDBOX, *state], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            scene = _read_to(process, "Ctrl-C ends the sandbox.")
            # Long enough to be distinguished from the scene, short enough for its column.
            subprocess.run([*SANDBOX, "send", "hello there, all", *state], cwd=REPOSITORY, timeout=30, check=True)  # noqa: S603  fixed words
            message = _read_to(process, "Alex: hello there, all")
            listed = _listed(settings)
            archived = _archived(folder, state)
            process.send_signal(signal.SIGINT)
            end = process.communicate(timeout=30)[0]
            yield Session(
                scene=scene,
                message=message,
                listed=listed,
                archived=archived,
                end=end,
                status=process.returncode,
                settings=settings,
            )
        finally:
            process.kill()


def _read_to(process: subprocess.Popen[str], text: str) -> str:
    """Return what is written up to the line with ``text``."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(seen)


def _listed(settings: Path) -> subprocess.CompletedProcess[str]:
    """List the subscriptions, as an operator in a second terminal."""
    command = [sys.executable, "-m", "cli", "--settings", str(settings), "subscriptions", "list"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  fixed words


def _archived(folder: Path, state: list[str]) -> list[str]:
    """Return the contents that the example of a consumer archives: the block of docs/consuming.md, as it stands."""
    _, block = runnable_blocks(REPOSITORY / "docs" / "consuming.md")
    # Another sandbox may run here, and the archive is to stay out of the repository.
    block = re.sub(r'-m sandbox (storage|send "[^"]*")', rf"-m sandbox \1 {shlex.join(state)}", block)
    block = block.replace(".venv/bin/python", shlex.quote(sys.executable)).replace("archive.db", f"{folder}/archive.db")
    done = subprocess.run(  # noqa: S603  the lines of the page
        ["/bin/bash", "-euo", "pipefail", "-c", block],
        cwd=REPOSITORY,
        timeout=90,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Microsoft.Graph.ChatMessageCreated" in done.stdout
    with closing(sqlite3.connect(folder / "archive.db")) as database:
        return [content for (content,) in database.execute("SELECT content FROM messages")]


@pytest.mark.parametrize(
    "shown",
    [
        r"\+ Chat ",
        r"\+ ChatMessage ",
        r"~ ChatMessage ",
        r"- ChatMessage ",
        r"\+ Channel ",
        r"~ Team ",
        r"- Team ",
        r"\+ ConversationMember ",
        r"ids only",
        r"RSA-2048 v1",
        r"RSA-2048 v2",
        r"RSA-4096 v[12]",
        r"\(blob\)",
        r"Key Vault has version [0-9a-f]{32} \(RSA-4096\)",
    ],
)
def test_the_scene_shows(session: Session, shown: str) -> None:
    assert re.search(shown, session.scene), session.scene


def test_message_from_a_second_terminal_arrives(session: Session) -> None:
    assert "+ ChatMessage " in session.message.splitlines()[-1]


def test_message_stays_in_the_queue_for_a_consumer_of_ones_own(session: Session) -> None:
    # The block of the page writes one of its own.
    assert any("hello there, all" in content for content in session.archived)


def test_second_terminal_lists_the_subscriptions(session: Session) -> None:
    listed = session.listed
    assert (listed.returncode, listed.stdout.count(" active ")) == (0, 10), listed.stdout + listed.stderr


def test_ctrl_c_ends_it_with_every_change_arrived_as_typed(session: Session) -> None:
    assert session.status == 0, session.end
    assert "Every change that Graph sent arrived exactly as typed." in session.end
    handshakes = re.search(r"Subscriptions\s+│ 10, with (\d+) handshakes", session.end)
    # Two for each creation and each renewal.
    assert handshakes is not None
    assert int(handshakes[1]) >= 20
    assert int(handshakes[1]) % 2 == 0
    changes = re.search(r"Changes in Teams\s+│ (\d+)", session.end)
    assert changes is not None
    assert int(changes[1]) > 20
    assert not session.settings.exists()
